/** Borders of functions, and what must hold at them (kernel: add_subprog_and_kfunc, check_subprogs, check_btf_info). */

import { OPCODE } from '../isa/opcodes.ts';
import type { ProgramSpec } from '../spec/object.ts';
import { type Refusal, unsupported } from './rules.ts';
import {
  isFunctionAddress,
  isFunctionCall,
  isGoto,
  isJumpClass,
  isPacketLoad,
  isTailCall,
  jumpTarget,
  type Slot,
} from './slots.ts';

/** A function as a range of slots. */
export interface Subprogram {
  readonly start: number;
  /** One past its last slot. */
  readonly end: number;
  readonly hasTailCall: boolean;
  readonly hasPacketLoad: boolean;
}

/** A call or a function's address must lead to a slot of the program (add_subprog); kfuncs are not there yet. */
export function checkCallTargets(slots: readonly Slot[]): Refusal | null {
  for (const [pc, slot] of slots.entries()) {
    if (slot.opcode === OPCODE.CALL && slot.src === 2) return unsupported(pc, 'a kfunc call');
    if (!isFunctionCall(slot) && !isFunctionAddress(slot)) continue;
    const target = pc + 1 + slot.imm;
    if (target < 0 || target >= slots.length) {
      return { rule: 'call_target', pc, message: 'call to invalid destination' };
    }
  }
  return null;
}

/** Cuts the program at every call target. Targets outside are left to checkCallTargets. */
export function findSubprograms(slots: readonly Slot[]): Subprogram[] {
  const starts = new Set([0]);
  for (const [pc, slot] of slots.entries()) {
    if (isFunctionCall(slot) || isFunctionAddress(slot)) starts.add(pc + 1 + slot.imm);
  }
  const sorted = [...starts].filter((start) => start >= 0 && start < slots.length).sort((left, right) => left - right);
  return sorted.map((start, index) => {
    const end = sorted[index + 1] ?? slots.length;
    let hasTailCall = false;
    let hasPacketLoad = false;
    for (let pc = start; pc < end; pc++) {
      hasTailCall ||= isTailCall(slots[pc]!);
      hasPacketLoad ||= isPacketLoad(slots[pc]!);
    }
    return { start, end, hasTailCall, hasPacketLoad };
  });
}

/**
 * Jumps stay inside their function, and a function's last instruction is exit or a jump (check_subprogs).
 * @param everyFunction false: only the whole program's last instruction counts, for programs that are run unverified
 */
export function checkJumps(
  slots: readonly Slot[],
  subprograms: readonly Subprogram[],
  everyFunction: boolean,
): Refusal | null {
  for (const { start, end } of subprograms) {
    for (let pc = start; pc < end; pc++) {
      const slot = slots[pc]!;
      const operation = slot.opcode & 0xf0;
      if (isJumpClass(slot) && operation !== 0x80 && operation !== 0x90) {
        const target = jumpTarget(slot, pc);
        if (target < start || target >= end) {
          return { rule: 'jump_range', pc, message: `jump out of range from insn ${pc} to ${target}` };
        }
      }
      const last = pc === end - 1 && (everyFunction || end === slots.length);
      if (last && slot.opcode !== OPCODE.EXIT && !isGoto(slot)) {
        return { rule: 'last_instruction', pc, message: 'last insn is not an exit or jmp' };
      }
    }
  }
  return null;
}

/** A subprogram that tail-calls, or loads with LD_ABS, must be known to return an integer (check_abnormal_return, check_btf_func). */
export function checkReturns(program: ProgramSpec, subprograms: readonly Subprogram[]): Refusal | null {
  for (const { start, hasTailCall, hasPacketLoad } of subprograms.slice(1)) {
    const returns = program.hasBtf ? program.functions.find((row) => row.pc === start)?.returns : undefined;
    if (returns === 'int') continue;
    for (const [found, what] of [
      [hasPacketLoad, 'LD_ABS'],
      [hasTailCall, 'tail_call'],
    ] as const) {
      if (!found) continue;
      const message =
        returns === undefined
          ? `${what} is not allowed in subprogs without BTF`
          : `${what} is only allowed in functions that return 'int'.`;
      return { rule: 'function_return', pc: null, message };
    }
  }
  return null;
}
