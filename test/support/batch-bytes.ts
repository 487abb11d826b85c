/**
 * A writer of binary batches from the text of the format (contract/step-batch.ts) alone, slow and plain, in BigInt: the reader is held
 * against it, and it can write what no server writes.
 */

import { BATCH_STEPS } from '../../src/contract/step.ts';
import { type PatchFacts, type StepFacts, TAIL_CALL_TARGET } from '../../src/contract/step-facts.ts';

export interface FrameRegisters {
  readonly program: number;
  readonly function: number;
  /** r0 to r10. */
  readonly registers: readonly bigint[];
}

export interface BatchDescription {
  readonly handle: number;
  readonly first: number;
  readonly flags: number;
  /** Outermost first. */
  readonly keyframe: readonly FrameRegisters[];
  readonly rows: readonly StepFacts[];
}

function littleEndian(value: bigint, length: number): number[] {
  return Array.from({ length }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
}

export function varint(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)];
}

export function zigzag(value: bigint): number[] {
  return varint(value < 0n ? -2n * value - 1n : 2n * value);
}

const block = (bytes: Uint8Array): number[] => [...varint(BigInt(bytes.length)), ...bytes];

function patch(facts: PatchFacts): number[] {
  if ('address' in facts) return [0, ...varint(BigInt(facts.address)), ...block(facts.bytes)];
  const element = [...varint(BigInt(facts.map)), ...block(facts.key)];
  return facts.value === null ? [2, ...element] : [1, ...element, ...block(facts.value)];
}

/** The bytes of a batch. */
export function batchBytes({ handle, first, flags, keyframe, rows }: BatchDescription): Uint8Array<ArrayBuffer> {
  const columns: Record<string, number[]> = { frame: [], pc: [], dst: [], value: [] };
  Object.assign(columns, { address: [], stored: [], arguments: [], patches: [] });
  const values = new Map((keyframe.at(-1)?.registers ?? []).map((value, register) => [register, value]));
  const addresses = new Map<number, number>();
  const has: number[] = [];
  let before = { step: first - 1, program: 0, depth: 0, pc: -1 };
  for (const row of rows) {
    let bits = 0;
    const put = (bit: number, name: string, bytes: readonly number[]) => {
      bits |= bit;
      columns[name]!.push(...bytes);
    };
    const left = row.step - before.step - 1;
    if (row.pc !== before.pc + 1) put(1, 'pc', zigzag(BigInt(row.pc - before.pc - 1)));
    if (left > 0 || row.program !== before.program || row.depth !== before.depth)
      put(
        2,
        'frame',
        [left, row.program, row.depth].flatMap((number) => varint(BigInt(number))),
      );
    if (row.dst !== undefined) {
      put(4, 'dst', [row.dst]);
      put(4, 'value', zigzag(BigInt.asIntN(64, row.value - (values.get(row.dst) ?? 0n))));
      values.set(row.dst, row.value);
    }
    if (row.address !== undefined) {
      const place = row.pc % 64;
      put(8, 'address', zigzag(BigInt(row.address - (addresses.get(place) ?? 0))));
      addresses.set(place, row.address);
    }
    if (row.stored !== undefined) put(16, 'stored', varint(row.stored));
    if (row.arguments !== undefined) put(32, 'arguments', [row.arguments.length, ...row.arguments.flatMap(varint)]);
    if (row.patches.length > 0)
      put(64, 'patches', [...varint(BigInt(row.patches.length)), ...row.patches.flatMap(patch)]);
    has.push(bits);
    before = row;
  }
  return Uint8Array.from([
    1,
    1,
    ...littleEndian(BigInt(handle), 2),
    ...littleEndian(BigInt(first), 8),
    ...littleEndian(BigInt(rows.length), 2),
    ...littleEndian(BigInt(flags), 2),
    keyframe.length,
    ...keyframe.flatMap((frame) => [
      ...littleEndian(BigInt(frame.program), 2),
      ...littleEndian(BigInt(frame.function), 4),
      ...frame.registers.flatMap((value) => littleEndian(value, 8)),
    ]),
    ...has,
    ...Object.values(columns).flatMap((bytes) => [...littleEndian(BigInt(bytes.length), 4), ...bytes]),
  ]);
}

/** A row with nothing but its place. */
export function bareRow(step: number, changes: Partial<StepFacts> = {}): StepFacts {
  const nothing = { dst: undefined, value: 0n, address: undefined, stored: undefined, arguments: undefined };
  return { step, program: 0, pc: step % BATCH_STEPS, depth: 0, ...nothing, patches: [], ...changes };
}

/** Every dst that a row may have. */
export const ALL_DST = Array.from({ length: TAIL_CALL_TARGET + 1 }, (_, dst) => dst);
