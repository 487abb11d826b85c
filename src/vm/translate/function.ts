/** Translates one BPF function to one Wasm function. */

import { analyseDominance, type Dominance } from '../../cfg/dominators.ts';
import { buildGraph, type FlowGraph, jumpTarget } from '../../cfg/graph.ts';
import { CELL, MAP_DESCRIPTOR } from '../../contract/memory.ts';
import type { Instruction } from '../../isa/instruction.ts';
import { LOAD_SOURCE, OPCODES } from '../../isa/opcodes.ts';
import { Code } from '../../wasm/code.ts';
import { analyseFrame, type FrameFacts, step } from '../frame.ts';
import { writtenRegister } from '../written-register.ts';
import { type AddressBounds, noteBounded, stepBounds, unknownBounds } from './address-bounds.ts';
import { emitAlu, emitEndian } from './alu.ts';
import { emitCall, loadFuel, storeFuel } from './call.ts';
import {
  type BlockState,
  emitFault,
  type FunctionContext,
  type ModuleContext,
  PROGRAM_TYPE,
  popRegister,
  pushProgram,
  pushRegister,
  SUBPROGRAM_TYPE,
} from './context.ts';
import { emitDispatch } from './dispatch.ts';
import { emitCloseFrame, emitEnterFrame } from './frame-code.ts';
import { emitCondition, emitFuelTest, emitRefillInPlace } from './jump.ts';
import { emitAtomic, emitLoad, emitStore } from './memory.ts';
import { emitPacketLoad } from './packet-load.ts';
import { type Destination, emitStructured, type StructureEmitter } from './structure.ts';
import { emitTraceEnter, emitTraceHead, emitTraceRegister } from './trace.ts';

/** One function, analysed: what is known before a byte of code is written. */
export interface AnalysedFunction {
  readonly pc: number;
  readonly instructions: readonly Instruction[];
  readonly graph: FlowGraph;
  readonly dominance: Dominance;
  readonly frame: FrameFacts;
}

export function analyseFunction(instructions: readonly Instruction[]): AnalysedFunction {
  const graph = buildGraph(instructions);
  const dominance = analyseDominance(graph);
  const frame = analyseFrame(instructions, graph, dominance);
  return { pc: instructions[0]?.pc ?? 0, instructions, graph, dominance, frame };
}

/** Writes the function's body; `isProgram` for the one that a program starts with. */
export function translateFunction(module: ModuleContext, fn: AnalysedFunction, isProgram: boolean): Code {
  const parameters = (isProgram ? PROGRAM_TYPE : SUBPROGRAM_TYPE).parameters.length;
  const code = new Code(parameters);
  // r1 to r5 of a subprogram are its parameters 0 to 4.
  const registers = Array.from({ length: 10 }, (_, register) =>
    !isProgram && register >= 1 && register <= 5 ? register - 1 : code.local('i64'),
  );
  const context: FunctionContext = {
    ...module,
    code,
    isProgram,
    registers,
    framePointer: isProgram ? 1 : 5,
    callDepth: isProgram ? undefined : 6,
    frameBase: code.local('i32'),
    fuel: code.local('i32'),
    base: code.local('i32'),
    scratch64: code.local('i64'),
    scratch32: code.local('i32'),
    refillPc: code.local('i32'),
    tracing: module.options.trace ? { record: code.local('i32'), head: code.local('i64') } : undefined,
    frame: fn.frame,
  };
  loadFuel(context);
  if (isProgram) {
    code.get(0).op('i64_extend_i32_u');
    popRegister(context, 1);
    if (module.options.raw) {
      code.i32(0).memory('i64_load', CELL.RAW_LENGTH);
      popRegister(context, 2);
    }
  }
  emitEnterFrame(context);
  emitTraceEnter(context);
  const writer = new BlockWriter(context, fn);
  if (fn.dominance.reducible) emitStructured(fn.graph, fn.dominance, writer);
  else emitDispatch(context, fn.graph, fn.dominance, writer);
  code.op('unreachable');
  return code;
}

/** At a block's start no register is known to hold a map's handle. */
const NO_MAPS: readonly (number | undefined)[] = Array.from({ length: 11 }, () => undefined);

/** Whoever takes over at this instruction, or reads the clock, must find the exact fuel in the local. */
function needsExactFuel(instruction: Instruction): boolean {
  const kind = OPCODES[instruction.opcode]?.kind;
  return kind === 'call' || kind === 'load_packet' || kind === 'exit';
}

/** Writes blocks and the ways between them, for the structurer and for the dispatch loop. */
export class BlockWriter implements StructureEmitter {
  readonly #context: FunctionContext;
  readonly #function: AnalysedFunction;
  /** Of each block, instructions that the fuel local has not paid for: at its start (0 where ways meet), and once it is written, at its end. */
  readonly #unpaid: number[];
  /** The same for what is known of registers; undefined where ways meet. */
  readonly #bounds: (AddressBounds | undefined)[];

  constructor(context: FunctionContext, fn: AnalysedFunction) {
    this.#context = context;
    this.#function = fn;
    this.#unpaid = fn.graph.blocks.map(() => 0);
    this.#bounds = fn.graph.blocks.map(() => undefined);
    if (context.isProgram && !fn.dominance.loopHeaders.has(0)) {
      // r1 is the context.
      this.#bounds[0] = unknownBounds();
      noteBounded(this.#bounds[0], 1);
    }
  }

  openBlock(): void {
    this.#context.code.block();
  }

  openLoop(): void {
    this.#context.code.loop();
  }

  openElse(): void {
    this.#context.code.op('else');
  }

  close(): void {
    this.#context.code.op('end');
  }

  refillLoop(): void {
    const { code, fuel, refillPc, imports } = this.#context;
    code.get(refillPc).get(fuel).call(imports.functions.refill).set(fuel).br(0);
  }

  blockBody(block: number): void {
    const { first, end } = this.#function.graph.blocks[block]!;
    const { instructions, frame } = this.#function;
    const state: BlockState = {
      stack: frame.entryStates[block]!.slice(),
      maps: NO_MAPS.slice(),
      unpaid: this.#unpaid[block]!,
      bounds: this.#bounds[block] ?? unknownBounds(),
    };
    for (let index = first; index < end; index++) {
      const instruction = instructions[index]!;
      state.unpaid++;
      if (needsExactFuel(instruction)) {
        this.#pay(state.unpaid);
        state.unpaid = 0;
      }
      emitTraceHead(this.#context, instruction);
      this.#instruction(state, instruction);
      const written = writtenRegister(instruction);
      if (written !== undefined) emitTraceRegister(this.#context, written);
      this.#track(state, instruction);
    }
    this.#unpaid[block] = state.unpaid;
    this.#bounds[block] = state.bounds;
  }

  /** Pays for everything up to the end of a block, so that each way out of it finds the exact fuel. */
  settle(block: number): void {
    this.#pay(this.#unpaid[block]!);
    this.#unpaid[block] = 0;
  }

  #pay(count: number): void {
    const { code, fuel } = this.#context;
    if (count > 0) code.get(fuel).i32(count).op('i32_sub').set(fuel);
  }

  /** The block that a way leads to, when only this way leads there: what is unpaid goes with it. */
  #soleSuccessor(block: number, destination: Destination, taken: boolean): number | undefined {
    if (destination.kind !== 'inline') return undefined;
    const { successors } = this.#function.graph.blocks[block]!;
    const to = successors[taken ? 0 : 1] ?? successors[0]!;
    return this.#function.dominance.loopHeaders.has(to) ? undefined : to;
  }

  jump(block: number, destination: Destination, taken: boolean): void {
    const instruction = this.last(block);
    const target = jumpTarget(instruction);
    const backward = taken && target !== undefined && target <= instruction.pc;
    const sole = backward ? undefined : this.#soleSuccessor(block, destination, taken);
    if (sole === undefined) this.#pay(this.#unpaid[block]!);
    else {
      this.#unpaid[sole] = this.#unpaid[block]!;
      this.#bounds[sole] = this.#bounds[block]?.slice();
    }
    if (destination.kind === 'loop' && backward) {
      this.#continueLoop(instruction, destination.depth, destination.empty);
      return;
    }
    if (backward) emitRefillInPlace(this.#context, instruction.pc);
    this.#go(instruction, destination);
  }

  decide(block: number, taken: Destination, next: Destination): 'arms' | 'next' | 'taken' {
    const { code } = this.#context;
    const instruction = this.last(block);
    const row = OPCODES[instruction.opcode];
    if (row?.kind !== 'jump') throw new Error(`insn ${instruction.pc}: two ways out of an instruction that is no jump`);
    const backward = jumpTarget(instruction)! <= instruction.pc;
    if (backward || this.#soleSuccessor(block, taken, true) === undefined) {
      if (this.#soleSuccessor(block, next, false) === undefined) this.settle(block);
    }
    const unpaid = this.#unpaid[block]!;
    emitCondition(this.#context, row, instruction);
    if (taken.kind === 'branch' && !backward) {
      this.#payAndBranch(unpaid, taken.depth);
      return 'next';
    }
    if (taken.kind === 'loop' && backward) {
      code.if();
      this.#pay(unpaid);
      this.#continueLoop(instruction, taken.depth + 1, taken.empty + 1);
      code.op('end');
      return 'next';
    }
    if (next.kind === 'branch') {
      code.op('i32_eqz');
      this.#payAndBranch(unpaid, next.depth);
      return 'taken';
    }
    code.if();
    return 'arms';
  }

  /** Branches on the condition on the stack; fuel is paid only on that way. */
  #payAndBranch(unpaid: number, depth: number): void {
    const { code } = this.#context;
    if (unpaid === 0) {
      code.brIf(depth);
      return;
    }
    code.if();
    this.#pay(unpaid);
    code.br(depth + 1).op('end');
  }

  last(block: number): Instruction {
    return this.#function.instructions[this.#function.graph.blocks[block]!.end - 1]!;
  }

  /** A taken backward jump to a loop's header: out to the refill when the slice is empty. */
  #continueLoop(instruction: Instruction, header: number, empty: number): void {
    const { code, refillPc } = this.#context;
    emitFuelTest(this.#context);
    code
      .if()
      .i32(instruction.pc)
      .set(refillPc)
      .br(empty + 1)
      .op('end');
    code.br(header);
  }

  #go(instruction: Instruction, destination: Destination): void {
    const { code } = this.#context;
    if (destination.kind === 'branch' || destination.kind === 'loop') code.br(destination.depth);
    else if (destination.kind === 'outside') this.runOut(instruction);
  }

  /** Control leaves the function without an exit: only with the verifier off. */
  runOut(instruction: Instruction): void {
    const state: BlockState = { stack: new Int32Array(11), maps: [], unpaid: 0, bounds: unknownBounds() };
    emitFault(this.#context, state, 'bad_insn', instruction);
  }

  #instruction(state: BlockState, instruction: Instruction): void {
    const context = this.#context;
    if (context.deadSlots.has(instruction.pc)) {
      emitFault(context, state, 'bad_insn', instruction);
      return;
    }
    const row = OPCODES[instruction.opcode];
    switch (row?.kind) {
      case 'alu':
        emitAlu(context, row, instruction);
        return;
      case 'endian':
        emitEndian(context, row, instruction);
        return;
      case 'load':
        emitLoad(context, state, row, instruction);
        return;
      case 'store':
        emitStore(context, state, row, instruction);
        return;
      case 'atomic':
        emitAtomic(context, state, row, instruction);
        return;
      case 'load_packet':
        emitPacketLoad(context, state, row, instruction, () => this.#leave(instruction));
        return;
      case 'load_imm64':
        this.#loadImmediate64(instruction);
        return;
      case 'call':
        emitCall(context, state, instruction);
        return;
      case 'exit':
        this.#exit(instruction);
        return;
      case 'goto':
      case 'jump':
        // The way out of the block is written by `jump` or `decide`.
        return;
      default:
        throw new Error(`insn ${instruction.pc}: the verifier let opcode ${instruction.opcode} through`);
    }
  }

  #loadImmediate64(instruction: Instruction): void {
    const context = this.#context;
    const { code } = context;
    const { dst, src, imm, nextImm } = instruction;
    const descriptor = MAP_DESCRIPTOR.BASE + imm * MAP_DESCRIPTOR.BYTES;
    if (src === LOAD_SOURCE.IMMEDIATE) {
      code.i64((BigInt(nextImm ?? 0) << 32n) | BigInt(imm >>> 0));
    } else if (src === LOAD_SOURCE.MAP) {
      code.i64(descriptor);
    } else if (src === LOAD_SOURCE.MAP_VALUE) {
      code
        .i32(0)
        .memory('i64_load32_u', descriptor + MAP_DESCRIPTOR.DATA)
        .i64(nextImm ?? 0)
        .op('i64_add');
    } else {
      throw new Error(`insn ${instruction.pc}: the verifier let lddw with source ${src} through`);
    }
    popRegister(context, dst);
  }

  #exit(instruction: Instruction): void {
    emitTraceRegister(this.#context, 0);
    this.#leave(instruction);
  }

  /** Returns from the function with r0. */
  #leave(instruction: Instruction): void {
    const context = this.#context;
    const { code } = context;
    storeFuel(context);
    if (context.isProgram) {
      code.i32(0);
      pushProgram(context);
      code.memory('i32_store', CELL.LAST_PROGRAM);
      code.i32(0).i32(instruction.pc).memory('i32_store', CELL.LAST_PC);
    }
    emitCloseFrame(context);
    pushRegister(context, 0);
    code.op('return');
  }

  /** Keeps what is known of registers while the block goes on. */
  #track(state: BlockState, instruction: Instruction): void {
    const row = OPCODES[instruction.opcode];
    const { dst, src, imm } = instruction;
    if (row?.kind === 'load_imm64') state.maps[dst] = src === LOAD_SOURCE.MAP ? imm : undefined;
    else if (
      row?.kind === 'alu' &&
      row.operation === 'mov' &&
      row.operand === 'reg' &&
      row.width === 64 &&
      instruction.offset === 0
    )
      state.maps[dst] = state.maps[src];
    else if (row?.kind === 'call' || row?.kind === 'load_packet') state.maps.fill(undefined, 0, 6);
    else if (row?.kind === 'atomic') {
      state.maps[0] = undefined;
      state.maps[src] = undefined;
    } else if (row?.kind === 'alu' || row?.kind === 'endian' || row?.kind === 'load') state.maps[dst] = undefined;
    step(state.stack, instruction);
    stepBounds(state.bounds, instruction);
  }
}
