import { type MemorySize, ORDERED_ACCESS } from '../opcodes.ts';
import { SIZE_BITS } from '../syntax.ts';
import type { Cursor } from './cursor.ts';
import { type Draft, draft } from './draft.ts';
import { FETCH_FORMS, LOCK_FORMS } from './forms.ts';
import {
  atNumber,
  expectAddress,
  expectImmediate,
  expectMemory,
  expectPointerCast,
  expectRegister,
  expectValueRegister,
  type MemoryType,
  type Register,
  registerOf,
} from './operands.ts';

/** Loads, stores and atomic operations. Each function begins at the token that its comment shows first. */

/** Opcode bytes without their size bits (SIZE_BITS). */
const LOAD = 0x61;
const LOAD_SIGNED = 0x81;
const STORE_IMMEDIATE = 0x62;
const STORE_REGISTER = 0x63;
const ATOMIC = 0xc3;
const LOAD_PACKET = 0x20;
const LOAD_PACKET_INDIRECT = 0x40;

/** `*(u32 *)(r1 +4)`, `*(u16 *)skb[14]`: what stands after `r0 =`. */
export function parseLoad(cursor: Cursor, dst: Register): Draft {
  cursor.expect('*');
  const start = cursor.peek();
  const type = expectPointerCast(cursor);
  if (cursor.is('skb')) return parsePacketLoad(cursor, dst, type);
  cursor.expect('(');
  const { base, offset } = expectAddress(cursor);
  cursor.expect(')');
  if (dst.width === 32 && (type.size === 8 || type.signed)) {
    throw cursor.error(start, `a load of this type fills 64 bits and needs the register r${dst.number}`);
  }
  return draft((type.signed ? LOAD_SIGNED : LOAD) | SIZE_BITS[type.size], { dst: dst.number, src: base, offset });
}

function parsePacketLoad(cursor: Cursor, dst: Register, type: MemoryType): Draft {
  const word = cursor.expect('skb');
  if (dst.number !== 0) throw cursor.error(word, 'a packet load puts its result into r0');
  if (type.signed || type.size === 8) throw cursor.error(word, 'a packet load is of type u8, u16 or u32');
  cursor.expect('[');
  const register = registerOf(cursor.peek());
  const src = register === undefined ? 0 : expectRegister(cursor, 64).number;
  let imm = 0;
  if (register === undefined || !cursor.is(']')) {
    if (register !== undefined && !cursor.is('-')) cursor.expect('+');
    imm = expectImmediate(cursor);
  }
  cursor.expect(']');
  return draft((register === undefined ? LOAD_PACKET : LOAD_PACKET_INDIRECT) | SIZE_BITS[type.size], { src, imm });
}

/** `*(u32 *)(r1 +4) = r2`. */
export function parseStore(cursor: Cursor): Draft {
  cursor.expect('*');
  const { size, base, offset } = expectUnsignedMemory(cursor, 'a store');
  cursor.expect('=');
  if (registerOf(cursor.peek()) === undefined) {
    if (!atNumber(cursor)) return cursor.fail('a register or a number');
    return draft(STORE_IMMEDIATE | SIZE_BITS[size], { dst: base, offset, imm: expectImmediate(cursor) });
  }
  return draft(STORE_REGISTER | SIZE_BITS[size], { dst: base, offset, src: expectValueRegister(cursor, size) });
}

/** `lock *(u64 *)(r1 +0) += r2`. */
export function parseLock(cursor: Cursor): Draft {
  cursor.expect('lock');
  cursor.expect('*');
  const { size, base, offset } = expectAtomicMemory(cursor, undefined);
  const imm = LOCK_FORMS.get(cursor.peek().text);
  if (imm === undefined) return cursor.fail("an atomic operation: '+=', '|=', '&=' or '^='");
  cursor.take();
  return draft(ATOMIC | SIZE_BITS[size], { dst: base, offset, src: expectValueRegister(cursor, size), imm });
}

/** `atomic64_fetch_add((u64 *)(r1 +0), r2)` and its kind: what stands after `r2 =`; undefined at any other word. */
export function parseFetch(cursor: Cursor, result: Register): Draft | undefined {
  const word = cursor.peek();
  const form = FETCH_FORMS.get(word.text);
  if (form === undefined) return undefined;
  cursor.take();
  cursor.expect('(');
  const { base, offset, size } = form.typed
    ? expectAtomicMemory(cursor, form.size)
    : { ...expectAddress(cursor), size: form.size ?? 8 };
  cursor.expect(',');
  if (form.compare) {
    if (registerOf(cursor.peek())?.number !== 0) return cursor.fail('r0, which the memory is compared with');
    expectValueRegister(cursor, size);
    cursor.expect(',');
  }
  const src = expectValueRegister(cursor, size);
  cursor.expect(')');
  const returned = form.compare ? 0 : src;
  if (result.number !== returned || (size === 8 && result.width === 32)) {
    throw cursor.error(word, `${word.text} puts its result into r${returned}`);
  }
  return draft(ATOMIC | SIZE_BITS[size], { dst: base, src, offset, imm: form.imm });
}

/** `load_acquire((u32 *)(r1 +0))`: what stands after `r2 =`. */
export function parseLoadAcquire(cursor: Cursor, dst: Register): Draft {
  const word = cursor.expect('load_acquire');
  cursor.expect('(');
  const { size, base, offset } = expectUnsignedMemory(cursor, 'load_acquire');
  cursor.expect(')');
  if (size === 8 && dst.width === 32) throw cursor.error(word, `a 64-bit load needs the register r${dst.number}`);
  return draft(ATOMIC | SIZE_BITS[size], { dst: dst.number, src: base, offset, imm: ORDERED_ACCESS.LOAD_ACQUIRE });
}

/** `store_release((u32 *)(r1 +0), r2)`. */
export function parseStoreRelease(cursor: Cursor): Draft {
  cursor.expect('store_release');
  cursor.expect('(');
  const { size, base, offset } = expectUnsignedMemory(cursor, 'store_release');
  cursor.expect(',');
  const src = expectValueRegister(cursor, size);
  cursor.expect(')');
  return draft(ATOMIC | SIZE_BITS[size], { dst: base, src, offset, imm: ORDERED_ACCESS.STORE_RELEASE });
}

function expectUnsignedMemory(cursor: Cursor, what: string): ReturnType<typeof expectMemory> {
  const start = cursor.peek();
  const memory = expectMemory(cursor);
  if (memory.signed) throw cursor.error(start, `${what} has one of the types u8, u16, u32 and u64`);
  return memory;
}

function expectAtomicMemory(cursor: Cursor, size: MemorySize | undefined): ReturnType<typeof expectMemory> {
  const start = cursor.peek();
  const memory = expectMemory(cursor);
  if (memory.signed || memory.size < 4 || (size !== undefined && size !== memory.size)) {
    throw cursor.error(start, `this atomic operation is of type ${size === undefined ? 'u32 or u64' : `u${size * 8}`}`);
  }
  return memory;
}
