/** What the parts of the translator share while they write one function. */

import type { Instruction } from '../../isa/instruction.ts';
import type { Code } from '../../wasm/code.ts';
import type { FunctionType, ModuleBuilder } from '../../wasm/module.ts';
import type { FrameFacts, StackState } from '../frame.ts';
import type { AddressBounds } from './address-bounds.ts';
import { FAULT_REASON, type ImportIndexes } from './imports.ts';

/** Value of a register that holds nothing any more (r1 to r5 after a call, r0 to r5 after a failed tail call). */
export const DEAD_REGISTER = 0xdead;

/** Type of a program's entry, and of every entry of the table: (context, r10) -> r0. */
export const PROGRAM_TYPE: FunctionType = { parameters: ['i32', 'i32'], results: ['i64'] };

/** Type of a subprogram: (r1 to r5, r10, frames and bytes used so far) -> r0. */
export const SUBPROGRAM_TYPE: FunctionType = {
  parameters: ['i64', 'i64', 'i64', 'i64', 'i64', 'i32', 'i32'],
  results: ['i64'],
};

/** Of a map that a program refers to: what the code of that program depends on. */
export interface MapShape {
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
}

export interface TranslateOptions {
  /** False leaves out the checks of memory accesses: for benchmarks on trusted programs only. */
  readonly checks: boolean;
  /** Raw programs get the packet's length in r2. */
  readonly raw: boolean;
  /** Write a record of each step. Without it not one instruction is emitted for tracing. */
  readonly trace: boolean;
  /** Slots that no run reaches: they may hold what cannot be translated, and become a fault. */
  readonly dead: readonly number[];
  /**
   * Bytes that mark the module and change nothing else. V8 knows modules by their bytes, in the whole process, and compiles known ones in a
   * tenth of the time: modules of different owners must differ. Of one length for all, since the module's size is limited. Not given: none.
   */
  readonly salt?: string;
}

/** Of the module that is being written. */
export interface ModuleContext {
  readonly module: ModuleBuilder;
  readonly imports: ImportIndexes;
  readonly options: TranslateOptions;
  readonly maps: readonly MapShape[];
  readonly typeIndexes: { readonly program: number };
  /** Index of the module's own `tail_call` function. */
  readonly tailCallFunction: number;
  /** Index of the module's own function for packet loads; undefined when the program has none. */
  readonly packetLoadFunction: number | undefined;
  /** Indexes of the module's own functions for lookups in a hash, by key size. */
  readonly hashLookups: ReadonlyMap<number, number>;
  /** Index of the Wasm function for the BPF function that starts at this slot. */
  functionAt(pc: number): number;
  /** Rounded depth of the frame of the function that starts at this slot. */
  depthAt(pc: number): number;
  /** options.dead, for look-up. */
  readonly deadSlots: ReadonlySet<number>;
  /** True when calls may pass 8 frames or 512 bytes, so that each call must be checked. */
  readonly checkCalls: boolean;
  /** True when a subprogram can tail-call: then frames pile up across programs. */
  readonly nestsPrograms: boolean;
}

/** Of the function that is being written. */
export interface FunctionContext extends ModuleContext {
  readonly code: Code;
  readonly isProgram: boolean;
  /** Locals that hold r0 to r9. */
  readonly registers: readonly number[];
  /** Local with r10 (i32). */
  readonly framePointer: number;
  /** Local with the lowest address of the frame (i32); meaningful when frame.bytes > 0. */
  readonly frameBase: number;
  /** Local with frames (low 8 bits) and bytes (above) of the calls so far; undefined in a program's own function. */
  readonly callDepth: number | undefined;
  readonly fuel: number;
  /** Scratch local for the base of an access (i32). */
  readonly base: number;
  /** Scratch locals. */
  readonly scratch64: number;
  readonly scratch32: number;
  /** Slot of the jump that found its slice empty, for the refill around a loop. */
  readonly refillPc: number;
  /** undefined without the trace flag. */
  readonly tracing: TraceLocals | undefined;
  readonly frame: FrameFacts;
}

export interface TraceLocals {
  /** Address of the next record (i32). */
  readonly record: number;
  /** Program and depth, as they stand in a record's head (i64). */
  readonly head: number;
}

/** What is known while the instructions of one block are written, in order. */
export interface BlockState {
  readonly stack: StackState;
  /** Index of the map whose handle each register is known to hold. */
  readonly maps: (number | undefined)[];
  /** Instructions executed up to and with the one being written that the fuel local has not paid for yet. */
  unpaid: number;
  readonly bounds: AddressBounds;
}

/** Pushes a register's value (i64). */
export function pushRegister(context: FunctionContext, register: number): void {
  if (register === 10) context.code.get(context.framePointer).op('i64_extend_i32_u');
  else context.code.get(context.registers[register]!);
}

/** Pops an i64 into a register. r10 is read-only, which the verifier has made sure of. */
export function popRegister(context: FunctionContext, register: number): void {
  context.code.set(context.registers[register]!);
}

/** Makes r0 or r1 to r5 what they are when they hold nothing any more. */
export function killRegisters(context: FunctionContext, first: number): void {
  for (let register = first; register <= 5; register++) {
    context.code.i64(DEAD_REGISTER);
    popRegister(context, register);
  }
}

export function pushProgram(context: FunctionContext): void {
  context.code.globalGet(context.imports.programGlobal);
}

/** Pushes the fuel as it is right behind the instruction being written. */
export function pushExactFuel(context: FunctionContext, state: BlockState): void {
  context.code.get(context.fuel);
  if (state.unpaid > 0) context.code.i32(state.unpaid).op('i32_sub');
}

/** Ends the run with a fault at `instruction`. Always inline: see memory.ts on why there is no shared fault label. */
export function emitFault(
  context: FunctionContext,
  state: BlockState,
  reason: keyof typeof FAULT_REASON,
  instruction: Instruction,
  pushAddress: () => void = () => context.code.i64(0),
): void {
  context.code.i32(FAULT_REASON[reason]).i32(instruction.pc);
  pushExactFuel(context, state);
  pushAddress();
  context.code.call(context.imports.functions.fault).op('unreachable');
}
