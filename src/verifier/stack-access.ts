/** Loads and stores through known copies of the frame pointer (kernel: check_mem_access for PTR_TO_STACK). */

import { OPCODES } from '../isa/opcodes.ts';
import type { Refusal } from './rules.ts';
import type { Slot } from './slots.ts';
import type { Value } from './values.ts';

/** MAX_BPF_STACK: bytes of one frame. */
export const MAX_FRAME_BYTES = 512;

export interface StackAccess {
  /** Lowest byte, relative to r10. */
  readonly offset: number;
  readonly refusal: Refusal | null;
}

/** The access of this instruction to its function's own frame, or null if it is none that constants show. */
export function stackAccess(slot: Slot, pc: number, registers: readonly (Value | undefined)[]): StackAccess | null {
  const row = OPCODES[slot.opcode];
  if (row === undefined || (row.kind !== 'load' && row.kind !== 'store' && row.kind !== 'atomic')) return null;
  const register = row.kind === 'load' ? slot.src : slot.dst;
  const base = registers[register];
  if (base?.kind !== 'frame') return null;
  const offset = base.offset + slot.offset;
  const refuse = (message: string): StackAccess => ({ offset, refusal: { rule: 'stack_access', pc, message } });
  if (offset % row.size !== 0) {
    return refuse(`misaligned stack access off 0+${base.offset}+${slot.offset} size ${row.size}`);
  }
  if (offset < -MAX_FRAME_BYTES || offset + row.size > 0) {
    // An atomic operation reads first.
    const verb = row.kind === 'store' ? 'write to' : 'read from';
    return refuse(`invalid ${verb} stack R${register} off=${offset} size=${row.size}`);
  }
  return { offset, refusal: null };
}
