import { OPCODE } from '../opcodes.ts';
import type { Cursor } from './cursor.ts';
import { type Draft, draft } from './draft.ts';
import { ARITHMETIC_FORMS, ENDIAN_FORMS, type OperatorForm } from './forms.ts';
import type { ListingColumns } from './listing.ts';
import { parseFetch, parseLoad, parseLoadAcquire } from './memory.ts';
import { atNumber, expectImmediate, expectNumber, expectRegister, type Register, registerOf } from './operands.ts';
import { atWideReference, parseWideReference } from './wide.ts';

const NEGATE = { 32: 0x84, 64: 0x87 } as const;

/** A statement that begins with a register: `r1 += 2`, `w1 = w2`, `r0 = *(u32 *)(r1 +0)`, `r2 = chain ll`. */
export function parseAssignment(cursor: Cursor, columns: ListingColumns | undefined): Draft {
  const dst = expectRegister(cursor);
  if (cursor.accept('=')) return parseValue(cursor, dst, columns);
  const operator = cursor.peek();
  const immediate = ARITHMETIC_FORMS.get(`${operator.text} ${dst.width} imm`);
  const register = ARITHMETIC_FORMS.get(`${operator.text} ${dst.width} reg`);
  if (immediate === undefined || register === undefined) return cursor.fail("'=' or an operator such as '+='");
  cursor.take();
  if (registerOf(cursor.peek()) !== undefined) return move(register, dst, expectRegister(cursor, dst.width));
  if (!atNumber(cursor)) return cursor.fail('a register or a number');
  return draft(immediate.opcode, { dst: dst.number, offset: immediate.offset, imm: expectImmediate(cursor) });
}

function move(form: OperatorForm, dst: Register, src: Register): Draft {
  return draft(form.opcode, { dst: dst.number, src: src.number, offset: form.offset });
}

/** What stands after `=`. */
function parseValue(cursor: Cursor, dst: Register, columns: ListingColumns | undefined): Draft {
  if (atWideReference(cursor)) return parseWideReference(cursor, dst);
  if (registerOf(cursor.peek()) !== undefined) return parseMove(cursor, dst, 0);
  if (atNumber(cursor)) return parseConstant(cursor, dst, columns?.opcode === OPCODE.LOAD_IMM64);
  if (cursor.is('*')) return parseLoad(cursor, dst);
  if (cursor.is('-')) return parseNegation(cursor, dst);
  if (cursor.is('(')) return parseMove(cursor, dst, expectSignExtension(cursor, dst));
  if (cursor.is('load_acquire')) return parseLoadAcquire(cursor, dst);
  if (cursor.is('addr_space_cast')) return parseAddressSpaceCast(cursor, dst);
  return (
    parseEndian(cursor, dst) ??
    parseFetch(cursor, dst) ??
    (cursor.peek().kind === 'name'
      ? cursor.fail("a value (a map is written 'chain ll', its value 'hits[0]+4 ll')")
      : cursor.fail('a register, a number or another value'))
  );
}

function parseMove(cursor: Cursor, dst: Register, offset: number): Draft {
  const form = ARITHMETIC_FORMS.get(`= ${dst.width} reg`);
  if (form === undefined) throw new RangeError('the instruction set has a move of each width');
  return { ...move(form, dst, expectRegister(cursor, dst.width)), offset };
}

function parseConstant(cursor: Cursor, dst: Register, listedAsWide: boolean): Draft {
  const token = cursor.peek();
  const value = expectNumber(cursor, -0x8000_0000_0000_0000n, 0xffff_ffff_ffff_ffffn);
  if (cursor.accept('ll') || listedAsWide) {
    if (dst.width === 32) throw cursor.error(token, `a 64-bit load needs the register r${dst.number}`);
    const imm = Number(BigInt.asIntN(32, value));
    return draft(OPCODE.LOAD_IMM64, { dst: dst.number, imm, nextImm: Number(BigInt.asIntN(32, value >> 32n)) });
  }
  if (value < -0x8000_0000n || value > 0xffff_ffffn) {
    throw cursor.error(token, `${value} does not fit in 32 bits; a 64-bit load ends in 'll'`);
  }
  const form = ARITHMETIC_FORMS.get(`= ${dst.width} imm`);
  if (form === undefined) throw new RangeError('the instruction set has a move of each width');
  return draft(form.opcode, { dst: dst.number, imm: Number(BigInt.asIntN(32, value)) });
}

/** `-r1`. */
function parseNegation(cursor: Cursor, dst: Register): Draft {
  cursor.expect('-');
  expectSame(cursor, dst);
  return draft(NEGATE[dst.width], { dst: dst.number });
}

/** `be16 r1`; undefined at any other word. */
function parseEndian(cursor: Cursor, dst: Register): Draft | undefined {
  const form = ENDIAN_FORMS.get(cursor.peek().text);
  if (form === undefined) return undefined;
  if (dst.width === 32) return cursor.fail('a value of 32 bits (byte swaps are written with r0 to r10)');
  cursor.take();
  expectSame(cursor, dst);
  return draft(form.opcode, { dst: dst.number, imm: form.imm });
}

/** These instructions have one register field. */
function expectSame(cursor: Cursor, dst: Register): void {
  const register = registerOf(cursor.peek());
  if (register?.number !== dst.number || register.width !== dst.width) {
    cursor.fail(`the register that is assigned, ${dst.width === 64 ? 'r' : 'w'}${dst.number}`);
  }
  cursor.take();
}

/** `(s8)`; the number of bits stands in the offset field. */
function expectSignExtension(cursor: Cursor, dst: Register): number {
  cursor.expect('(');
  const words = dst.width === 64 ? ['s8', 's16', 's32'] : ['s8', 's16'];
  const { text } = cursor.peek();
  if (!words.includes(text)) return cursor.fail(`one of ${words.join(', ')}`);
  cursor.take();
  cursor.expect(')');
  return Number(text.slice(1));
}

/** `addr_space_cast(r1, 0, 1)`: Linux's arena pointers; offset 1, the two spaces in the halves of imm. */
function parseAddressSpaceCast(cursor: Cursor, dst: Register): Draft {
  cursor.expect('addr_space_cast');
  cursor.expect('(');
  const moved = parseMove(cursor, dst, 1);
  cursor.expect(',');
  const to = Number(expectNumber(cursor, 0n, 0xffffn));
  cursor.expect(',');
  const from = Number(expectNumber(cursor, 0n, 0xffffn));
  cursor.expect(')');
  return { ...moved, imm: (to << 16) | from };
}
