/**
 * What one function does with its stack frame: how deep it reaches, and which registers hold r10 plus a known constant. A forward dataflow
 * over the function's blocks; its facts decide how much is cleared at entry and which accesses need no check at run time.
 */

import type { Dominance } from '../cfg/dominators.ts';
import type { FlowGraph } from '../cfg/graph.ts';
import { STACK } from '../contract/memory.ts';
import type { Instruction } from '../isa/instruction.ts';
import { CALL_SOURCE, OPCODES, type OpcodeRow } from '../isa/opcodes.ts';

/** Register holds nothing derived from r10. */
const NOT_STACK = 0x4000_0000;
/** Register may hold an address in the frame, nobody knows where. */
const VARYING = 0x4000_0001;
/** Offsets beyond this are as good as unknown; it keeps sums inside 32 bits. */
const MAX_OFFSET = 0x1000_0000;
const REGISTERS = 11;
const FRAME_ROUNDING = 16;

/** Per register: r10-relative offset, NOT_STACK or VARYING. */
export type StackState = Int32Array;

export interface FrameFacts {
  /** Deepest byte reached at a constant offset, as a positive number: Linux's stack depth, or less. */
  readonly depth: number;
  /** Bytes below r10 that belong to the frame: 0, the rounded depth, or all 512 when an address of it goes where we do not follow. */
  readonly bytes: number;
  /** True when the frame's bytes must be open in the shadow, since not every access to them is a known one of this function. */
  readonly open: boolean;
  /** State at each block's start; undefined for a block that is never reached. */
  readonly entryStates: readonly (StackState | undefined)[];
}

/** r10-relative offset that the register holds, if it is one known constant. */
export function knownOffset(state: StackState, register: number): number | undefined {
  const value = state[register];
  return value === undefined || value >= NOT_STACK ? undefined : value;
}

/** Collects, while states flow, how the frame is used. */
class FrameUse {
  lowest = 0;
  open = false;
  escapes = false;

  reach(offset: number): void {
    this.lowest = Math.min(this.lowest, offset);
  }
}

function held(state: StackState, register: number): number {
  return state[register] ?? NOT_STACK;
}

function escapeIfStack(state: StackState, register: number, use: FrameUse | undefined): void {
  if (use !== undefined && held(state, register) !== NOT_STACK) use.escapes = true;
}

function access(state: StackState, register: number, offset: number, use: FrameUse | undefined): void {
  const value = held(state, register);
  if (value < NOT_STACK) use?.reach(value + offset);
}

/** Advances `state` over one instruction and notes its use of the frame. Called three times for each instruction: it makes no objects. */
export function step(state: StackState, instruction: Instruction, use?: FrameUse): void {
  const row = OPCODES[instruction.opcode];
  const { dst, src, offset } = instruction;
  switch (row?.kind) {
    case 'alu':
      stepAlu(state, row, instruction);
      escapeIfVarying(state, dst, use);
      return;
    case 'endian':
      if (held(state, dst) !== NOT_STACK) state[dst] = VARYING;
      escapeIfVarying(state, dst, use);
      return;
    case 'load':
      access(state, src, offset, use);
      state[dst] = NOT_STACK;
      return;
    case 'store':
      access(state, dst, offset, use);
      if (row.operand === 'reg') escapeIfStack(state, src, use);
      return;
    case 'atomic':
      access(state, dst, offset, use);
      escapeIfStack(state, src, use);
      escapeIfStack(state, 0, use);
      state[src] = NOT_STACK;
      state[0] = NOT_STACK;
      return;
    case 'call':
      for (let register = 1; register <= 5; register++) {
        const value = held(state, register);
        if (value === NOT_STACK) continue;
        if (src === CALL_SOURCE.FUNCTION || value === VARYING) escapeIfStack(state, register, use);
        else use?.reach(value);
        if (use !== undefined) use.open = true;
      }
      state.fill(NOT_STACK, 0, 6);
      return;
    case 'load_imm64':
      state[dst] = NOT_STACK;
      return;
    case 'load_packet':
      state.fill(NOT_STACK, 0, 6);
      return;
    default:
      return;
  }
}

function stepAlu(
  state: StackState,
  row: Extract<OpcodeRow, { kind: 'alu' }>,
  { dst, src, offset, imm }: Instruction,
): void {
  const constant = row.operand === 'imm' && row.width === 64;
  const before = held(state, dst);
  if (row.operation === 'mov') {
    const copies = row.operand === 'reg' && row.width === 64 && offset === 0;
    if (row.operand === 'imm' || held(state, src) === NOT_STACK) state[dst] = NOT_STACK;
    else state[dst] = copies ? held(state, src) : VARYING;
  } else if (before < NOT_STACK && constant && (row.operation === 'add' || row.operation === 'sub')) {
    const moved = row.operation === 'add' ? before + imm : before - imm;
    state[dst] = Math.abs(moved) < MAX_OFFSET ? moved : VARYING;
  } else if (before !== NOT_STACK || (row.operand === 'reg' && held(state, src) !== NOT_STACK)) {
    state[dst] = VARYING;
  }
}

function escapeIfVarying(state: StackState, register: number, use: FrameUse | undefined): void {
  if (state[register] === VARYING && use !== undefined) use.escapes = true;
}

/** Joins `from` into `into`; true when that changed something. */
function join(into: StackState, from: StackState): boolean {
  let changed = false;
  for (let register = 0; register < REGISTERS; register++) {
    if (into[register] === from[register] || into[register] === VARYING) continue;
    into[register] = VARYING;
    changed = true;
  }
  return changed;
}

/** Analyses one function. `instructions` are the function's own, as given to buildGraph. */
export function analyseFrame(instructions: readonly Instruction[], graph: FlowGraph, dominance: Dominance): FrameFacts {
  const entryStates: (StackState | undefined)[] = graph.blocks.map(() => undefined);
  const start = new Int32Array(REGISTERS).fill(NOT_STACK);
  start[10] = 0;
  entryStates[0] = start;
  // A block is looked at again only when its state has changed, which a register's can do twice: a hostile graph gains nothing.
  const pending = [0];
  for (let at = 0; at < pending.length; at++) {
    const number = pending[at]!;
    const block = graph.blocks[number]!;
    const state = entryStates[number]!.slice();
    for (let index = block.first; index < block.end; index++) step(state, instructions[index]!);
    for (const successor of block.successors) {
      if (successor < 0) continue;
      const known = entryStates[successor];
      if (known === undefined) entryStates[successor] = state.slice();
      else if (!join(known, state)) continue;
      pending.push(successor);
    }
  }

  const use = new FrameUse();
  for (const number of dominance.order) {
    const block = graph.blocks[number]!;
    const state = entryStates[number]!.slice();
    for (let register = 0; register < 10; register++) escapeIfVarying(state, register, use);
    for (let index = block.first; index < block.end; index++) step(state, instructions[index]!, use);
  }
  const depth = -use.lowest;
  const rounded = Math.ceil(depth / FRAME_ROUNDING) * FRAME_ROUNDING;
  return {
    depth,
    bytes: use.escapes ? STACK.MAX_BYTES : Math.min(rounded, STACK.MAX_BYTES),
    open: use.escapes || use.open,
    entryStates,
  };
}
