/** The stack of a whole call chain (kernel: check_max_stack_depth_subprog). */

import type { ProgramType } from '../spec/programs.ts';
import type { Refusal } from './rules.ts';
import { isFunctionAddress, isFunctionCall, type Slot } from './slots.ts';
import type { Subprogram } from './subprograms.ts';
import { MAX_CALL_FRAMES } from './walk.ts';

/** MAX_BPF_STACK: bytes of all frames of a chain. */
export const MAX_STACK_BYTES = 512;
/** A subprogram that tail-calls is entered with less than this above it, so that 34 programs cannot pile up more than 8 KiB. */
export const MAX_STACK_ABOVE_TAIL_CALL = 256;
/** Frames are rounded up to this by the x86 JIT; an unused one counts 0. */
export const FRAME_ROUNDING_BYTES = 16;

/**
 * With the x86 JIT each larger frame of these types has a stack of its own, so that the frames of a chain are not summed up
 * (bpf_enable_priv_stack; of tracing, lsm and struct_ops it holds for some attach targets, so none of them is refused).
 */
const PRIVATE_STACK_TYPES: readonly ProgramType[] = [
  'kprobe',
  'tracepoint',
  'perf_event',
  'raw_tracepoint',
  'raw_tracepoint_writable',
  'tracing',
  'lsm',
  'struct_ops',
];

/** A frame's depth as it counts in a chain. */
function roundFrame(bytes: number): number {
  return Math.ceil(bytes / FRAME_ROUNDING_BYTES) * FRAME_ROUNDING_BYTES;
}

/**
 * Follows every call site, dead ones too, as Linux does.
 * @param depths bytes of each function's frame
 */
export function checkStackDepth(
  type: ProgramType,
  slots: readonly Slot[],
  subprograms: readonly Subprogram[],
  depths: readonly number[],
): Refusal | null {
  // Any tail call in the program puts all frames on the one stack that tail calls reuse (NO_PRIV_STACK).
  const summed = !PRIVATE_STACK_TYPES.includes(type) || subprograms.some(({ hasTailCall }) => hasTailCall);
  const functionAt = new Map(subprograms.map(({ start }, index) => [start, index]));
  /** By function: chains of (frames, bytes) above it that passed; a chain that is no longer and no deeper passes too. */
  const passed = subprograms.map((): { frames: number; above: number }[] => []);

  function enter(index: number, frames: number, above: number, site: number | null): Refusal | null {
    const { start, end, hasTailCall } = subprograms[index]!;
    if (index !== 0 && hasTailCall && above >= MAX_STACK_ABOVE_TAIL_CALL) {
      const message = `tail_calls are not allowed when call stack of previous frames is ${above} bytes. Too large`;
      return { rule: 'tail_call_stack', pc: site, message };
    }
    const depth = above + (summed ? roundFrame(depths[index]!) : 0);
    if (depth > MAX_STACK_BYTES) {
      const message = `combined stack size of ${frames} calls is ${depth}. Too large`;
      return { rule: 'stack_size', pc: site, message };
    }
    if (passed[index]!.some((chain) => chain.frames >= frames && chain.above >= above)) return null;
    for (let pc = start; pc < end; pc++) {
      const slot = slots[pc]!;
      if (!isFunctionCall(slot) && !isFunctionAddress(slot)) continue;
      if (frames >= MAX_CALL_FRAMES) {
        return { rule: 'call_depth', pc, message: `the call stack of ${frames} frames is too deep !` };
      }
      const refusal = enter(functionAt.get(pc + 1 + slot.imm)!, frames + 1, depth, pc);
      if (refusal !== null) return refusal;
    }
    passed[index]!.push({ frames, above });
    return null;
  }

  return enter(0, 1, 0, null);
}
