/**
 * One decoded eBPF instruction (RFC 9669 §3).
 *
 *   byte 0   1        2      4           8
 *   +--------+----+----+------+-----------+
 *   | opcode |src |dst |offset|    imm    |   basic encoding, 64 bits
 *   |   8    | 4  | 4  |  s16 |    s32    |
 *   +--------+----+----+------+-----------+
 *   |  reserved, 32 bits (0)  | next_imm  |   second slot of a wide instruction (lddw)
 *   +-------------------------+-----------+
 */
export interface Instruction {
  /** Index of the instruction's first 8-byte slot within its program. */
  readonly pc: number;
  /** The raw opcode byte. */
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  /** Signed 16 bits. */
  readonly offset: number;
  /** Signed 32 bits. */
  readonly imm: number;
  /** Signed 32 bits; only of a wide instruction (lddw), where it is the upper half of the immediate. */
  readonly nextImm: number | undefined;
  /**
   * The reserved 32 bits of the second slot (unsigned, little-endian: opcode in bits 0-7, registers 8-15, offset 16-31), there
   * only when they are not zero, which makes the instruction malformed.
   */
  readonly nextReserved?: number;
}

/** Bytes of one instruction slot. */
export const SLOT_BYTES = 8;

/** How many 8-byte slots the instruction takes: 2 for lddw, else 1. */
export function slotCount(instruction: Instruction): number {
  return instruction.nextImm === undefined ? 1 : 2;
}

/** The instruction that starts at a slot, of a program's list; undefined when none does. A search by halves: programs are long, and results name their last instruction. */
export function instructionAt(instructions: readonly Instruction[], pc: number): Instruction | undefined {
  let low = 0;
  let high = instructions.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const instruction = instructions[middle]!;
    if (instruction.pc === pc) return instruction;
    if (instruction.pc < pc) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}
