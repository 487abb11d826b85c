/** Reachability of instructions over all edges, whatever the branches' conditions (kernel: check_cfg). */

import { OPCODE } from '../isa/opcodes.ts';
import type { Refusal } from './rules.ts';
import {
  isConditional,
  isFunctionAddress,
  isFunctionCall,
  isGoto,
  isLoadImm64,
  jumpTarget,
  type Slot,
} from './slots.ts';

/** Slots that control may come to next; a call leads to its function and to the slot after it. Targets must be inside the program. */
function successors(slots: readonly Slot[], pc: number): number[] {
  const slot = slots[pc]!;
  if (slot.opcode === OPCODE.EXIT) return [];
  if (isGoto(slot)) return [jumpTarget(slot, pc)];
  if (isConditional(slot)) return [pc + 1, jumpTarget(slot, pc)];
  if (isFunctionCall(slot)) return [pc + 1, pc + 1 + slot.imm];
  if (isLoadImm64(slot)) return isFunctionAddress(slot) ? [pc + 2, pc + 1 + slot.imm] : [pc + 2];
  return [pc + 1];
}

/** 1 for each slot that an edge leads to, from slot 0 on. */
export function reachableSlots(slots: readonly Slot[]): Uint8Array {
  const reached = new Uint8Array(slots.length);
  const pending = [0];
  reached[0] = 1;
  for (let pc = pending.pop(); pc !== undefined; pc = pending.pop()) {
    for (const next of successors(slots, pc)) {
      // Past the end: an unverified function without exit; the engine faults there.
      if (next >= slots.length || reached[next] === 1) continue;
      reached[next] = 1;
      pending.push(next);
    }
  }
  return reached;
}

/**
 * No instruction is unreachable, no jump goes into the middle of lddw.
 * @param allReachable false: unreachable code is let through, for programs that are run unverified
 */
export function checkControlFlow(slots: readonly Slot[], reached: Uint8Array, allReachable: boolean): Refusal | null {
  for (let pc = 0; pc < slots.length; pc++) {
    if (allReachable && reached[pc] !== 1) return { rule: 'unreachable', pc, message: `unreachable insn ${pc}` };
    if (!isLoadImm64(slots[pc]!)) continue;
    if (reached[pc + 1] === 1) {
      return { rule: 'jump_into_load_imm64', pc, message: `jump into the middle of ldimm64 insn ${pc}` };
    }
    pc++;
  }
  return null;
}
