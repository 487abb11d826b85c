/**
 * What is known of registers from constants alone: enough to see which branches Linux decides at load, where copies of r10 point and which
 * map a register holds. `undefined` means unknown. No ranges: that is the full verifier's work.
 */

import { LOAD_SOURCE, OPCODES, type OpcodeRow } from '../isa/opcodes.ts';
import { MAP_FLAGS } from '../spec/maps.ts';
import type { MapSpec } from '../spec/object.ts';
import { isLoadImm64, REGISTERS, type Slot } from './slots.ts';

export type Value =
  /** Unsigned 64 bits. */
  | { readonly kind: 'constant'; readonly value: bigint }
  /** r10 + offset of the current function. */
  | { readonly kind: 'frame'; readonly offset: number }
  | { readonly kind: 'map'; readonly index: number }
  | { readonly kind: 'map_value'; readonly index: number; readonly offset: number }
  | { readonly kind: 'context' };

/** r0 to r10. */
export type Registers = (Value | undefined)[];

/** Offsets beyond this are no longer followed. */
const MAX_OFFSET = 1 << 29;

/** r0 to r9. */
const NOTHING: readonly undefined[] = Array.from({ length: REGISTERS - 1 }, () => undefined);

/** The registers when a function starts and nothing is known of its arguments. */
export function unknownRegisters(): Registers {
  return [...NOTHING, { kind: 'frame', offset: 0 }];
}

/** Are both the same knowledge? */
function sameValue(left: Value | undefined, right: Value | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  switch (left.kind) {
    case 'constant':
      return right.kind === 'constant' && left.value === right.value;
    case 'frame':
      return right.kind === 'frame' && left.offset === right.offset;
    case 'map':
      return right.kind === 'map' && left.index === right.index;
    case 'map_value':
      return right.kind === 'map_value' && left.index === right.index && left.offset === right.offset;
    case 'context':
      return right.kind === 'context';
  }
}

/** Forget in `target` what does not hold in `source` too. Returns whether something was forgotten. */
export function meet(target: Registers, source: readonly (Value | undefined)[]): boolean {
  let changed = false;
  for (let register = 0; register < REGISTERS; register++) {
    if (target[register] !== undefined && !sameValue(target[register], source[register])) {
      target[register] = undefined;
      changed = true;
    }
  }
  return changed;
}

/** Execute one instruction that is no jump and no exit on what is known. `next` is the second slot of lddw. */
export function transfer(registers: Registers, slot: Slot, next: Slot | undefined, maps: readonly MapSpec[]): void {
  const row = OPCODES[slot.opcode];
  if (row === undefined) {
    registers.fill(undefined, 0, 10);
    return;
  }
  switch (row.kind) {
    case 'alu':
      registers[slot.dst] = arithmetic(row, slot, registers);
      break;
    case 'endian':
    case 'load_packet':
      registers[row.kind === 'endian' ? slot.dst : 0] = undefined;
      if (row.kind === 'load_packet') registers.fill(undefined, 1, 6);
      break;
    case 'load_imm64':
      registers[slot.dst] = loadImm64(slot, next);
      break;
    case 'load':
      registers[slot.dst] = row.signed ? undefined : loadConstant(registers[slot.src], slot.offset, row.size, maps);
      break;
    case 'atomic':
      if (slot.imm === 0xf1) registers[0] = undefined;
      else if ((slot.imm & 1) === 1) registers[slot.src] = undefined;
      break;
    case 'call':
      registers.fill(undefined, 0, 6);
      break;
    default:
      break;
  }
}

function loadImm64(slot: Slot, next: Slot | undefined): Value | undefined {
  if (!isLoadImm64(slot) || next === undefined) return undefined;
  switch (slot.src) {
    case LOAD_SOURCE.IMMEDIATE:
      return { kind: 'constant', value: (BigInt(next.imm >>> 0) << 32n) | BigInt(slot.imm >>> 0) };
    case LOAD_SOURCE.MAP:
      return { kind: 'map', index: slot.imm };
    case LOAD_SOURCE.MAP_VALUE:
      return { kind: 'map_value', index: slot.imm, offset: next.imm };
    default:
      return undefined;
  }
}

/** A load from a frozen array that programs cannot write is a constant for Linux too (bpf_map_direct_read). */
function loadConstant(
  base: Value | undefined,
  offset: number,
  size: number,
  maps: readonly MapSpec[],
): Value | undefined {
  if (base?.kind !== 'map_value') return undefined;
  const map = maps[base.index];
  if (map === undefined || !map.frozen || (map.flags & MAP_FLAGS.rdonly_prog) === 0) return undefined;
  const at = base.offset + offset;
  if (at < 0 || at + size > map.valueSize) return undefined;
  const bytes = map.entries.at(-1)?.value;
  let value = 0n;
  for (let index = size - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes?.[at + index] ?? 0);
  return { kind: 'constant', value };
}

type AluRow = Extract<OpcodeRow, { kind: 'alu' }>;

function arithmetic(row: AluRow, slot: Slot, registers: Registers): Value | undefined {
  const left = registers[slot.dst];
  // Most operations are on what is not known, and a bigint for their constant would be made for nothing.
  if (left === undefined && row.operation !== 'mov') return undefined;
  const right: Value | undefined =
    row.operand === 'reg' ? registers[slot.src] : { kind: 'constant', value: BigInt.asUintN(64, BigInt(slot.imm)) };
  if (row.operation === 'mov') {
    if (slot.offset !== 0) return undefined;
    if (row.width === 64) return right;
    return right?.kind === 'constant' ? { kind: 'constant', value: BigInt.asUintN(32, right.value) } : undefined;
  }
  if (right?.kind !== 'constant') return undefined;
  if (left?.kind === 'constant') {
    const value = compute(row.operation, row.width, left.value, right.value);
    return value === undefined ? undefined : { kind: 'constant', value };
  }
  if (row.operation !== 'add' || row.width !== 64) return undefined;
  if (left?.kind !== 'frame' && left?.kind !== 'map_value') return undefined;
  const offset = left.offset + Number(BigInt.asIntN(64, right.value));
  return Math.abs(offset) < MAX_OFFSET ? { ...left, offset } : undefined;
}

function compute(operation: AluRow['operation'], width: 32 | 64, left: bigint, right: bigint): bigint | undefined {
  const cut = (value: bigint) => BigInt.asUintN(width, value);
  const amount = right & BigInt(width - 1);
  switch (operation) {
    case 'add':
      return cut(left + right);
    case 'sub':
      return cut(left - right);
    case 'mul':
      return cut(left * right);
    case 'and':
      return cut(left & right);
    case 'or':
      return cut(left | right);
    case 'xor':
      return cut(left ^ right);
    case 'neg':
      return cut(-left);
    case 'lsh':
      return cut(left << amount);
    case 'rsh':
      return cut(left) >> amount;
    case 'arsh':
      return cut(BigInt.asIntN(width, left) >> amount);
    default:
      return undefined;
  }
}

/** Does the branch go? undefined: constants do not decide it. */
export function decideBranch(registers: readonly (Value | undefined)[], slot: Slot): boolean | undefined {
  const row = OPCODES[slot.opcode];
  if (row?.kind !== 'jump') return undefined;
  const left = registers[slot.dst];
  if (left === undefined) return undefined;
  const right: Value | undefined =
    row.operand === 'reg' ? registers[slot.src] : { kind: 'constant', value: BigInt(slot.imm) };
  if (right?.kind !== 'constant') return undefined;
  // A valid pointer is not null.
  if ((left.kind === 'map' || left.kind === 'map_value') && right.value === 0n && row.width === 64) {
    return row.comparison === 'jeq' ? false : row.comparison === 'jne' ? true : undefined;
  }
  if (left.kind !== 'constant') return undefined;
  return compare(row, left.value, right.value);
}

function compare(row: Extract<OpcodeRow, { kind: 'jump' }>, leftValue: bigint, rightValue: bigint): boolean {
  const [left, right] = [BigInt.asUintN(row.width, leftValue), BigInt.asUintN(row.width, rightValue)];
  const [signedLeft, signedRight] = [BigInt.asIntN(row.width, leftValue), BigInt.asIntN(row.width, rightValue)];
  switch (row.comparison) {
    case 'jeq':
      return left === right;
    case 'jne':
      return left !== right;
    case 'jset':
      return (left & right) !== 0n;
    case 'jgt':
      return left > right;
    case 'jge':
      return left >= right;
    case 'jlt':
      return left < right;
    case 'jle':
      return left <= right;
    case 'jsgt':
      return signedLeft > signedRight;
    case 'jsge':
      return signedLeft >= signedRight;
    case 'jslt':
      return signedLeft < signedRight;
    case 'jsle':
      return signedLeft <= signedRight;
  }
}
