/**
 * Callbacks of helpers: functions whose address is taken (lddw, BPF_PSEUDO_FUNC). None may lead to a tail call, neither by itself nor
 * through the functions it calls: the helper would go on with a frame that is no longer there, and kernels differ in what they make of it.
 */

import type { Refusal } from './rules.ts';
import { isFunctionAddress, isFunctionCall, type Slot } from './slots.ts';
import type { Subprogram } from './subprograms.ts';

/** Holds for unverified programs too. Targets of calls are known to be inside the program. */
export function checkCallbacks(slots: readonly Slot[], subprograms: readonly Subprogram[]): Refusal | null {
  const byStart = new Map(subprograms.map((subprogram) => [subprogram.start, subprogram]));
  for (const [pc, slot] of slots.entries()) {
    if (!isFunctionAddress(slot)) continue;
    const start = pc + 1 + slot.imm;
    const culprit = reachableTailCall(slots, byStart, start);
    if (culprit === undefined) continue;
    const through = culprit === start ? '' : ` through the function at insn ${culprit}`;
    const message = `a tail call can be reached from the callback at insn ${start}${through}`;
    return { rule: 'callback_tail_call', pc, message };
  }
  return null;
}

/** First slot of a function that contains a tail call and can be reached from the one at `start`, itself included. */
function reachableTailCall(
  slots: readonly Slot[],
  byStart: ReadonlyMap<number, Subprogram>,
  start: number,
): number | undefined {
  const seen = new Set([start]);
  const pending = [start];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const subprogram = byStart.get(at);
    if (subprogram === undefined) throw new Error(`no function starts at slot ${at}`);
    if (subprogram.hasTailCall) return at;
    for (let pc = subprogram.start; pc < subprogram.end; pc++) {
      const slot = slots[pc]!;
      if (!isFunctionCall(slot) && !isFunctionAddress(slot)) continue;
      const target = pc + 1 + slot.imm;
      if (seen.has(target)) continue;
      seen.add(target);
      pending.push(target);
    }
  }
  return undefined;
}
