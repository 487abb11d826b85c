/** Basic blocks of one function and the edges between them. */

import { type Instruction, slotCount } from '../isa/instruction.ts';
import { OPCODES } from '../isa/opcodes.ts';

/** Where an edge goes that leaves the function: control would run past its last instruction, or jump outside it. */
export const OUTSIDE = -1;

export interface BasicBlock {
  /** Index of the first instruction in the function's list. */
  readonly first: number;
  /** One past the index of the last instruction. */
  readonly end: number;
  /**
   * Blocks that control can go to, by their number, or OUTSIDE. Of a conditional jump: taken first, then fall through. Empty behind `exit`.
   */
  readonly successors: readonly number[];
}

export interface FlowGraph {
  /** In slot order; block 0 is the entry. */
  readonly blocks: readonly BasicBlock[];
  readonly predecessors: readonly (readonly number[])[];
}

/** Slot that a jump goes to when it is taken; undefined for anything but `goto`, `gotol` and conditional jumps. */
export function jumpTarget(instruction: Instruction): number | undefined {
  const row = OPCODES[instruction.opcode];
  if (row?.kind === 'goto') return instruction.pc + 1 + (row.long ? instruction.imm : instruction.offset);
  if (row?.kind === 'jump') return instruction.pc + 1 + instruction.offset;
  return undefined;
}

/** Builds the graph of the instructions of ONE function (as cut by findFunctions). */
export function buildGraph(instructions: readonly Instruction[]): FlowGraph {
  const firstPc = instructions[0]?.pc ?? 0;
  const last = instructions.at(-1);
  const slots = last === undefined ? 0 : last.pc + slotCount(last) - firstPc;
  // By slot of the function: index of the instruction that starts there. By that index: its block.
  const indexOf = new Int32Array(slots).fill(OUTSIDE);
  instructions.forEach((instruction, index) => {
    indexOf[instruction.pc - firstPc] = index;
  });
  const isLeader = new Uint8Array(instructions.length + 1);
  isLeader[0] = 1;
  instructions.forEach((instruction, index) => {
    const target = jumpTarget(instruction);
    if (target !== undefined) {
      const targetIndex = indexOf[target - firstPc] ?? OUTSIDE;
      if (targetIndex !== OUTSIDE) isLeader[targetIndex] = 1;
    }
    if (target !== undefined || OPCODES[instruction.opcode]?.kind === 'exit') isLeader[index + 1] = 1;
  });
  const starts: number[] = [0];
  const blockAt = new Int32Array(instructions.length).fill(OUTSIDE);
  blockAt[0] = 0;
  for (let index = 1; index < instructions.length; index++) {
    if (isLeader[index] === 1) blockAt[index] = starts.push(index) - 1;
  }

  const blockOfSlot = (pc: number): number => {
    const index = indexOf[pc - firstPc] ?? OUTSIDE;
    return index === OUTSIDE ? OUTSIDE : blockAt[index]!;
  };
  const blocks = starts.map((first, block): BasicBlock => {
    const end = starts[block + 1] ?? instructions.length;
    return { first, end, successors: successorsOf(instructions[end - 1], blockOfSlot) };
  });
  const predecessors: number[][] = blocks.map(() => []);
  blocks.forEach((block, number) => {
    for (const successor of new Set(block.successors)) predecessors[successor]?.push(number);
  });
  return { blocks, predecessors };
}

function successorsOf(last: Instruction | undefined, blockOfSlot: (pc: number) => number): number[] {
  if (last === undefined) return [];
  const kind = OPCODES[last.opcode]?.kind;
  if (kind === 'exit') return [];
  const target = jumpTarget(last);
  if (kind === 'goto' && target !== undefined) return [blockOfSlot(target)];
  const next = blockOfSlot(last.pc + slotCount(last));
  return target === undefined ? [next] : [blockOfSlot(target), next];
}
