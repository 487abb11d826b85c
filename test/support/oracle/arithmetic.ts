/**
 * Arithmetic, byte swaps and comparisons of RFC 9669 §4, on BigInt. Registers are unsigned 64-bit numbers; `width` is 32 or 64, and a
 * 32-bit result is zero-extended.
 */

import type { Instruction } from '../../../src/isa/instruction.ts';

export const U64 = 0xffff_ffff_ffff_ffffn;

/** Operation codes of the classes ALU and ALU64 (RFC 9669 table 4), in the upper four bits of the opcode. */
const CODE = {
  ADD: 0x0,
  SUB: 0x1,
  MUL: 0x2,
  DIV: 0x3,
  OR: 0x4,
  AND: 0x5,
  LSH: 0x6,
  RSH: 0x7,
  NEG: 0x8,
  MOD: 0x9,
  XOR: 0xa,
  MOV: 0xb,
  ARSH: 0xc,
  END: 0xd,
} as const;

/** §4.1: the value of `dst` after the instruction; `source` is the register or the sign-extended immediate. */
export function arithmetic(instruction: Instruction, width: 32 | 64, destination: bigint, source: bigint): bigint {
  const left = BigInt.asUintN(width, destination);
  const right = BigInt.asUintN(width, source);
  const signed = (value: bigint) => BigInt.asIntN(width, value);
  const amount = right & BigInt(width - 1);
  const cut = (value: bigint) => BigInt.asUintN(width, value);
  switch (instruction.opcode >> 4) {
    case CODE.ADD:
      return cut(left + right);
    case CODE.SUB:
      return cut(left - right);
    case CODE.MUL:
      return cut(left * right);
    case CODE.OR:
      return left | right;
    case CODE.AND:
      return left & right;
    case CODE.XOR:
      return left ^ right;
    case CODE.LSH:
      return cut(left << amount);
    case CODE.RSH:
      return left >> amount;
    case CODE.ARSH:
      return cut(signed(left) >> amount);
    case CODE.NEG:
      return cut(-left);
    case CODE.DIV:
      if (right === 0n) return 0n;
      // BigInt division truncates toward zero, as the RFC asks; the lowest number by -1 wraps to itself.
      return instruction.offset === 1 ? cut(signed(left) / signed(right)) : left / right;
    case CODE.MOD:
      if (right === 0n) return left;
      return instruction.offset === 1 ? cut(signed(left) % signed(right)) : left % right;
    case CODE.MOV:
      return instruction.offset === 0 ? right : cut(BigInt.asIntN(instruction.offset, source));
    default:
      throw new Error(`insn ${instruction.pc}: the oracle has no arithmetic operation ${instruction.opcode >> 4}`);
  }
}

export function isByteSwap(instruction: Instruction): boolean {
  return instruction.opcode >> 4 === CODE.END;
}

/** §4.2, on a little-endian machine. Class ALU: source bit 0 is "to little-endian", 1 "to big-endian"; class ALU64: swap always. */
export function byteSwap(instruction: Instruction, value: bigint): bigint {
  const bits = instruction.imm;
  const kept = BigInt.asUintN(bits, value);
  const toLittle = (instruction.opcode & 0x0f) === 0x04;
  if (toLittle) return kept;
  let swapped = 0n;
  for (let shift = 0; shift < bits; shift += 8) swapped = (swapped << 8n) | ((kept >> BigInt(shift)) & 0xffn);
  return swapped;
}

/** §4.3: whether a conditional jump goes. */
export function compare(instruction: Instruction, width: 32 | 64, destination: bigint, source: bigint): boolean {
  const left = BigInt.asUintN(width, destination);
  const right = BigInt.asUintN(width, source);
  const signedLeft = BigInt.asIntN(width, destination);
  const signedRight = BigInt.asIntN(width, source);
  switch (instruction.opcode >> 4) {
    case 0x1:
      return left === right;
    case 0x2:
      return left > right;
    case 0x3:
      return left >= right;
    case 0x4:
      return (left & right) !== 0n;
    case 0x5:
      return left !== right;
    case 0x6:
      return signedLeft > signedRight;
    case 0x7:
      return signedLeft >= signedRight;
    case 0xa:
      return left < right;
    case 0xb:
      return left <= right;
    case 0xc:
      return signedLeft < signedRight;
    case 0xd:
      return signedLeft <= signedRight;
    default:
      throw new Error(`insn ${instruction.pc}: the oracle has no comparison ${instruction.opcode >> 4}`);
  }
}

/** §5.3: what an atomic operation leaves in memory; `imm` without the fetch bit selects it. */
export function atomicValue(instruction: Instruction, old: bigint, source: bigint, expected: bigint): bigint {
  switch (instruction.imm) {
    case 0x00:
    case 0x01:
      return old + source;
    case 0x40:
    case 0x41:
      return old | source;
    case 0x50:
    case 0x51:
      return old & source;
    case 0xa0:
    case 0xa1:
      return old ^ source;
    case 0xe1:
      return source;
    case 0xf1:
      return old === expected ? source : old;
    default:
      throw new Error(`insn ${instruction.pc}: the oracle has no atomic operation ${instruction.imm}`);
  }
}
