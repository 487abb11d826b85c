/** Translates one BPF function to one Wasm function. */

import { analyseDominance, type Dominance } from '../../cfg/dominators.ts';
import { buildGraph, type FlowGraph, jumpTarget } from '../../cfg/graph.ts';
import { CELL, MAP_DESCRIPTOR, PERMISSION } from '../../contract/memory.ts';
import type { Instruction } from '../../isa/instruction.ts';
import { LOAD_SOURCE, OPCODES } from '../../isa/opcodes.ts';
import { Code } from '../../wasm/code.ts';
import { analyseFrame, type FrameFacts, step } from '../frame.ts';
import { writtenRegister } from '../written-register.ts';
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
import { emitEnterFrame, emitOpenFrame } from './frame-code.ts';
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
    address: code.local('i64'),
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

/** Writes blocks and the ways between them, for the structurer and for the dispatch loop. */
export class BlockWriter implements StructureEmitter {
  readonly #context: FunctionContext;
  readonly #function: AnalysedFunction;

  constructor(context: FunctionContext, fn: AnalysedFunction) {
    this.#context = context;
    this.#function = fn;
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
      maps: Array.from({ length: 11 }, () => undefined),
      remaining: 0,
    };
    let segmentEnd = first;
    for (let index = first; index < end; index++) {
      const instruction = instructions[index]!;
      if (index === segmentEnd) {
        segmentEnd = this.#segmentEnd(index, end);
        this.#charge(segmentEnd - index);
      }
      state.remaining = segmentEnd - index - 1;
      emitTraceHead(this.#context, instruction);
      this.#instruction(state, instruction);
      const written = writtenRegister(instruction);
      if (written !== undefined) emitTraceRegister(this.#context, written);
      this.#track(state, instruction);
    }
  }

  jump(block: number, destination: Destination, taken: boolean): void {
    const instruction = this.last(block);
    const target = jumpTarget(instruction);
    const backward = taken && target !== undefined && target <= instruction.pc;
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
    emitCondition(this.#context, row, instruction);
    const backward = jumpTarget(instruction)! <= instruction.pc;
    if (taken.kind === 'branch' && !backward) {
      code.brIf(taken.depth);
      return 'next';
    }
    if (taken.kind === 'loop' && backward) {
      code.if();
      this.#continueLoop(instruction, taken.depth + 1, taken.empty + 1);
      code.op('end');
      return 'next';
    }
    if (next.kind === 'branch') {
      code.op('i32_eqz').brIf(next.depth);
      return 'taken';
    }
    code.if();
    return 'arms';
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
    const state: BlockState = { stack: new Int32Array(11), maps: [], remaining: 0 };
    emitFault(this.#context, state, 'bad_insn', instruction);
  }

  /** A segment is paid for at its start and ends behind each call and packet load, so that a callee or an early return has the exact count. */
  #segmentEnd(start: number, end: number): number {
    const { instructions } = this.#function;
    for (let index = start; index < end; index++) {
      const kind = OPCODES[instructions[index]!.opcode]?.kind;
      if (kind === 'call' || kind === 'load_packet') return index + 1;
    }
    return end;
  }

  #charge(count: number): void {
    const { code, fuel } = this.#context;
    code.get(fuel).i32(count).op('i32_sub').set(fuel);
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
    emitOpenFrame(context, PERMISSION.NONE);
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
  }
}
