import { type Instruction, SLOT_BYTES, slotCount } from './instruction.ts';

/**
 * Lays instructions out as bytes, the inverse of `decode` (RFC 9669 §3, little-endian).
 *
 * Instructions stand one after the other in the order given; their `pc` is not read. Fields are cut to their widths.
 *
 * @returns 8 bytes per slot, 16 for an instruction with `nextImm`
 */
export function encode(instructions: readonly Instruction[]): Uint8Array {
  const slots = instructions.reduce((total, instruction) => total + slotCount(instruction), 0);
  const code = new Uint8Array(slots * SLOT_BYTES);
  const view = new DataView(code.buffer);
  let at = 0;
  for (const instruction of instructions) {
    view.setUint8(at, instruction.opcode);
    view.setUint8(at + 1, (instruction.src << 4) | (instruction.dst & 0x0f));
    view.setInt16(at + 2, instruction.offset, true);
    view.setInt32(at + 4, instruction.imm, true);
    if (instruction.nextImm !== undefined) {
      view.setUint32(at + SLOT_BYTES, instruction.nextReserved ?? 0, true);
      view.setInt32(at + SLOT_BYTES + 4, instruction.nextImm, true);
    }
    at += slotCount(instruction) * SLOT_BYTES;
  }
  return code;
}
