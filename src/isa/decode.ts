import { type Instruction, SLOT_BYTES } from './instruction.ts';
import { OPCODE } from './opcodes.ts';

/** Bytes that cannot be laid out as instructions at all. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  /** Slot where the trouble is. */
  readonly pc: number;

  constructor(pc: number, message: string) {
    super(message);
    this.pc = pc;
  }
}

/**
 * Splits a program's bytes into instructions (RFC 9669 §3, little-endian).
 *
 * Only the layout is checked: unknown opcodes, register numbers above 10 and reserved fields come through as they stand, since
 * judging them is the verifier's work.
 *
 * @param code one or more 8-byte slots
 * @returns the instructions in order; their `pc` counts slots, so it jumps by 2 after lddw
 * @throws DecodeError when `code` is empty, ends within a slot, or ends between the two slots of lddw
 */
export function decode(code: Uint8Array): Instruction[] {
  if (code.length === 0) throw new DecodeError(0, 'the program is empty');
  const slots = Math.floor(code.length / SLOT_BYTES);
  const rest = code.length % SLOT_BYTES;
  if (rest !== 0) {
    throw new DecodeError(
      slots,
      `insn ${slots}: the program is ${code.length} bytes long and so ends after ${rest} of the ${SLOT_BYTES} bytes of a slot`,
    );
  }
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const instructions: Instruction[] = [];
  let pc = 0;
  while (pc < slots) {
    const wide = view.getUint8(pc * SLOT_BYTES) === OPCODE.LOAD_IMM64;
    if (wide && pc + 1 === slots) {
      throw new DecodeError(pc, `insn ${pc}: the program ends after the first slot of a 64-bit immediate load (lddw)`);
    }
    instructions.push(decodeAt(view, pc, wide));
    pc += wide ? 2 : 1;
  }
  return instructions;
}

function decodeAt(view: DataView, pc: number, wide: boolean): Instruction {
  const at = pc * SLOT_BYTES;
  const registers = view.getUint8(at + 1);
  const instruction = {
    pc,
    opcode: view.getUint8(at),
    dst: registers & 0x0f,
    src: registers >> 4,
    offset: view.getInt16(at + 2, true),
    imm: view.getInt32(at + 4, true),
    nextImm: wide ? view.getInt32(at + SLOT_BYTES + 4, true) : undefined,
  };
  const nextReserved = wide ? view.getUint32(at + SLOT_BYTES, true) : 0;
  return nextReserved === 0 ? instruction : { ...instruction, nextReserved };
}
