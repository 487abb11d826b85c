/**
 * Which registers surely hold a small address, so that an access through them needs no look at the high half: a register that has passed that
 * look, r10, the context, and what was copied from or added to them.
 *
 * A register has slack d when its value is base + d for some base below SHADOW_OFFSET. An access at offset o then reads the shadow of
 * base + d + o, which lies between 32 KiB below the shadow (the closed end of the guest's addresses) and the end of the spare page behind
 * it: both are zero for ever, so an address out of range finds no permission.
 */

import type { Instruction } from '../../isa/instruction.ts';
import { OPCODES } from '../../isa/opcodes.ts';

/** Slack of each register; UNKNOWN: nothing is known of it. */
export type AddressBounds = Int32Array;

const REGISTERS = 11;
const UNKNOWN = -1;
/** With the largest offset (32,767) and size it stays inside the spare page. */
const MAX_SLACK = 0x4000;

/** At a place that several ways lead to: only r10 is known. */
export function unknownBounds(): AddressBounds {
  const bounds = new Int32Array(REGISTERS).fill(UNKNOWN);
  bounds[10] = 0;
  return bounds;
}

export function isBounded(bounds: AddressBounds, register: number): boolean {
  return bounds[register] !== UNKNOWN;
}

/** The register has passed the look at its high half. */
export function noteBounded(bounds: AddressBounds, register: number): void {
  bounds[register] = 0;
}

/** Advances over an instruction that has been executed. */
export function stepBounds(bounds: AddressBounds, instruction: Instruction): void {
  const row = OPCODES[instruction.opcode];
  const { dst, src, imm, offset } = instruction;
  switch (row?.kind) {
    case 'alu': {
      const wide = row.width === 64 && offset === 0;
      const before = bounds[dst]!;
      if (wide && row.operation === 'mov' && row.operand === 'reg') bounds[dst] = bounds[src]!;
      else if (wide && row.operation === 'add' && row.operand === 'imm' && before !== UNKNOWN && imm >= 0) {
        bounds[dst] = before + imm <= MAX_SLACK ? before + imm : UNKNOWN;
      } else bounds[dst] = UNKNOWN;
      return;
    }
    case 'endian':
    case 'load':
    case 'load_imm64':
      bounds[dst] = UNKNOWN;
      return;
    case 'atomic':
      bounds[src] = UNKNOWN;
      bounds[0] = UNKNOWN;
      return;
    case 'call':
    case 'load_packet':
      bounds.fill(UNKNOWN, 0, 6);
      return;
    default:
      return;
  }
}
