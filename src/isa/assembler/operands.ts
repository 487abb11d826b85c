import type { MemorySize } from '../opcodes.ts';
import type { Cursor } from './cursor.ts';
import type { NameReference } from './draft.ts';
import type { Token } from './lexer.ts';

/** The parts of a statement: registers, numbers, memory, jump targets. Each reader raises AssemblyError where its part is missing. */

export interface Register {
  readonly number: number;
  /** 64 as `r1`, 32 as `w1`. */
  readonly width: 32 | 64;
}

/** r0 to r10; r11 also reads, as in LLVM, so that the verifier can refuse it in Linux's words. */
const REGISTER = /^([rw])([0-9]|1[01])$/;
const LONGEST_REGISTER = 3;

export function registerOf(token: Token): Register | undefined {
  const match = token.text.length <= LONGEST_REGISTER ? REGISTER.exec(token.text) : null;
  return match === null ? undefined : { number: Number(match[2]), width: match[1] === 'r' ? 64 : 32 };
}

/** @param width what the register must have; without it both are right */
export function expectRegister(cursor: Cursor, width?: 32 | 64): Register {
  const register = registerOf(cursor.peek());
  if (register === undefined) return cursor.fail(width === 32 ? 'a register, w0 to w10' : 'a register, r0 to r10');
  if (width !== undefined && register.width !== width) {
    return cursor.fail(width === 32 ? 'a 32-bit register, w0 to w10' : 'a 64-bit register, r0 to r10');
  }
  cursor.take();
  return register;
}

/** A register of memory access: LLVM writes `w1` for a 32-bit or narrower value where Linux writes `r1`; the encoding is one. */
export function expectValueRegister(cursor: Cursor, size: MemorySize): number {
  return expectRegister(cursor, size === 8 ? 64 : undefined).number;
}

const NUMBER = /^(?:0x[0-9a-f]+|0b[01]+|0[0-7]*|[1-9][0-9]*)$/i;

function magnitude(cursor: Cursor): bigint {
  const { kind, text } = cursor.peek();
  if (kind !== 'number' || !NUMBER.test(text)) return cursor.fail('a number');
  cursor.take();
  // LLVM reads a leading zero as octal.
  return BigInt(text.length > 1 && /^0[0-7]/.test(text) ? `0o${text}` : text);
}

/** Whether a number, with or without a sign, comes next. */
export function atNumber(cursor: Cursor): boolean {
  const ahead = cursor.is('-') || cursor.is('+') ? 1 : 0;
  return cursor.peek(ahead).kind === 'number';
}

/** A number with an optional sign between the bounds, both included. */
export function expectNumber(cursor: Cursor, minimum: bigint, maximum: bigint): bigint {
  const token = cursor.peek();
  const negative = cursor.accept('-');
  if (!negative) cursor.accept('+');
  const value = negative ? -magnitude(cursor) : magnitude(cursor);
  if (value < minimum || value > maximum) {
    throw cursor.error(token, `expected a number from ${minimum} to ${maximum}, found ${value}`);
  }
  return value;
}

/** A 32-bit immediate, signed or unsigned (0xffffffff is -1). */
export function expectImmediate(cursor: Cursor): number {
  return Number(BigInt.asIntN(32, expectNumber(cursor, -0x8000_0000n, 0xffff_ffffn)));
}

export function expectOffset(cursor: Cursor): number {
  return Number(expectNumber(cursor, -0x8000n, 0x7fffn));
}

export interface MemoryType {
  readonly size: MemorySize;
  readonly signed: boolean;
}

const MEMORY_TYPES: Readonly<Record<string, MemoryType>> = {
  u8: { size: 1, signed: false },
  u16: { size: 2, signed: false },
  u32: { size: 4, signed: false },
  u64: { size: 8, signed: false },
  s8: { size: 1, signed: true },
  s16: { size: 2, signed: true },
  s32: { size: 4, signed: true },
};

/** `(u32 *)`. */
export function expectPointerCast(cursor: Cursor): MemoryType {
  cursor.expect('(');
  const token = cursor.peek();
  if (!Object.hasOwn(MEMORY_TYPES, token.text)) return cursor.fail('a memory type: u8, u16, u32, u64, s8, s16 or s32');
  cursor.take();
  cursor.expect('*');
  cursor.expect(')');
  return MEMORY_TYPES[token.text] ?? cursor.fail('a memory type');
}

export interface Address {
  readonly base: number;
  readonly offset: number;
}

/** `r1`, `r1 + 4`, `r1 -4`, `r1 + -4`. */
export function expectAddress(cursor: Cursor): Address {
  const base = expectRegister(cursor, 64).number;
  if (!cursor.is('+') && !cursor.is('-')) return { base, offset: 0 };
  if (cursor.is('+') && cursor.is('-', 1)) cursor.take();
  return { base, offset: expectOffset(cursor) };
}

/** `(u32 *)(r1 +4)`. */
export function expectMemory(cursor: Cursor): MemoryType & Address {
  const type = expectPointerCast(cursor);
  cursor.expect('(');
  const address = expectAddress(cursor);
  cursor.expect(')');
  return { ...type, ...address };
}

/** A name that stands for a number once all labels are known. */
export function reference(cursor: Cursor, token: Token, use: NameReference['use']): NameReference {
  return { name: token.text, use, error: (message) => cursor.error(token, message) };
}

/** A jump's target: a label, or slots to go from the next instruction as `pc+2`, `+0x2` or `2`. */
export function expectTarget(
  cursor: Cursor,
  field: 'offset' | 'imm',
): { readonly slots: number; readonly reference: NameReference | undefined } {
  if (cursor.is('pc') && (cursor.is('+', 1) || cursor.is('-', 1))) cursor.take();
  if (atNumber(cursor)) {
    const slots = field === 'offset' ? expectOffset(cursor) : Number(expectNumber(cursor, -0x8000_0000n, 0x7fff_ffffn));
    return { slots, reference: undefined };
  }
  const token = cursor.expectName("a label, or a distance as 'pc+2' or '+2'");
  return { slots: 0, reference: reference(cursor, token, field) };
}
