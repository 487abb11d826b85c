/** Borders of the functions (subprograms) inside one linked program. */

import type { Instruction } from '../isa/instruction.ts';
import { CALL_SOURCE, LOAD_SOURCE, OPCODE } from '../isa/opcodes.ts';

/** A function as a range of instructions. */
export interface FunctionRange {
  /** First slot. */
  readonly pc: number;
  /** Index of its first instruction in the program's list. */
  readonly first: number;
  /** One past the index of its last instruction. */
  readonly end: number;
}

/** True for `call` of a function of the same program (BPF_PSEUDO_CALL). */
export function isLocalCall(instruction: Instruction): boolean {
  return instruction.opcode === OPCODE.CALL && instruction.src === CALL_SOURCE.FUNCTION;
}

/** Slot that a local call goes to. */
export function localCallTarget(instruction: Instruction): number {
  return instruction.pc + 1 + instruction.imm;
}

/** True for an lddw that holds the address of a function of the same program (BPF_PSEUDO_FUNC), a helper's callback. */
export function isFunctionReference(instruction: Instruction): boolean {
  return instruction.opcode === OPCODE.LOAD_IMM64 && instruction.src === LOAD_SOURCE.FUNCTION;
}

/**
 * Cuts a program at its start, at every target of a local call and at every referenced callback (kernel: add_subprog). Targets that hit no
 * instruction are left out: refusing them is the verifier's part.
 */
export function findFunctions(instructions: readonly Instruction[]): FunctionRange[] {
  let indexOf: Map<number, number> | undefined;
  const starts = new Set<number>([0]);
  for (const instruction of instructions) {
    if (!isLocalCall(instruction) && !isFunctionReference(instruction)) continue;
    // Most programs call none: the table is made when the first call asks for it.
    indexOf ??= new Map(instructions.map((one, index) => [one.pc, index]));
    const index = indexOf.get(localCallTarget(instruction));
    if (index !== undefined) starts.add(index);
  }
  const sorted = [...starts].sort((left, right) => left - right);
  return sorted.map((first, position) => ({
    pc: instructions[first]?.pc ?? 0,
    first,
    end: sorted[position + 1] ?? instructions.length,
  }));
}
