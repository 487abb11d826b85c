/**
 * What map helpers answer, for the engine and for the running kernel alike. Each row is a list of operations; what they answered is kept
 * in the array `results`, one u64 an operation (an address counts as 1).
 */

import type { MapDescription, RunDescription } from './engine-run.ts';

export type MapOperation =
  | { readonly kind: 'update'; readonly key: number; readonly value: number; readonly flags?: number }
  /** The key is what the last lookup's pointer leads to, wherever that lies by now. */
  | { readonly kind: 'update_held'; readonly value: number }
  | { readonly kind: 'delete' | 'lookup'; readonly key: number }
  /** Reads through the pointer that the last lookup of this row gave, whatever has happened since: the value, or -1. */
  | { readonly kind: 'read' }
  /** Writes through it. */
  | { readonly kind: 'write'; readonly value: number };

export interface MapRow {
  readonly name: string;
  readonly map: MapDescription;
  readonly operations: readonly MapOperation[];
  /** Signed. */
  readonly results: readonly number[];
}

const EINVAL = -22;
const ENOENT = -2;
const EEXIST = -17;
const E2BIG = -7;
const NOEXIST = 1;
const EXIST = 2;
const LOCK = 4;

const update = (key: number, value: number, flags = 0): MapOperation => ({ kind: 'update', key, value, flags });
const lookup = (key: number): MapOperation => ({ kind: 'lookup', key });
const remove = (key: number): MapOperation => ({ kind: 'delete', key });
const updateHeld = (value: number): MapOperation => ({ kind: 'update_held', value });
const read: MapOperation = { kind: 'read' };
const write = (value: number): MapOperation => ({ kind: 'write', value });

const hash = (maxEntries: number, more: MapDescription = {}): MapDescription => ({ type: 'hash', maxEntries, ...more });
const FLAGS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 0x1_0000];

export const MAP_ROWS: readonly MapRow[] = [
  {
    name: 'hash: update, lookup, delete',
    map: hash(4),
    operations: [lookup(1), update(1, 10), lookup(1), read, remove(1), lookup(1), remove(1)],
    results: [0, 0, 1, 10, 0, 0, ENOENT],
  },
  {
    name: 'hash: a key that lies in the freed element that the update reuses',
    map: hash(4),
    operations: [update(1, 100), lookup(1), remove(1), write(5), updateHeld(777), lookup(5), read, lookup(777)],
    results: [0, 1, 0, 0, 0, 1, 777, 0],
  },
  {
    name: 'hash: a key that lies in the old value, which is the spare element by now',
    map: hash(4),
    operations: [update(1, 100), lookup(1), update(1, 200), write(1), updateHeld(300), lookup(1), read, lookup(300)],
    results: [0, 1, 0, 0, 0, 1, 300, 0],
  },
  {
    name: 'hash: NOEXIST and EXIST',
    map: hash(4),
    operations: [
      update(1, 10, EXIST),
      update(1, 10, NOEXIST),
      update(1, 11, NOEXIST),
      update(1, 12, EXIST),
      lookup(1),
      read,
    ],
    results: [ENOENT, 0, EEXIST, 0, 1, 12],
  },
  {
    name: 'hash: full',
    map: hash(2),
    operations: [
      update(1, 10),
      update(2, 20),
      update(3, 30),
      update(3, 30, NOEXIST),
      update(3, 30, EXIST),
      update(2, 21),
      update(1, 11, NOEXIST),
      remove(1),
      update(3, 30),
      update(1, 10),
      lookup(2),
      read,
    ],
    results: [0, 0, E2BIG, E2BIG, ENOENT, 0, EEXIST, 0, 0, E2BIG, 1, 21],
  },
  ...FLAGS.map(
    (flags): MapRow => ({
      name: `hash: update with flags ${flags}, of a key that is there and of one that is not`,
      map: hash(4),
      operations: [update(1, 10), update(1, 11, flags), update(2, 20, flags)],
      results: [
        0,
        flags === 0 || flags === EXIST ? 0 : flags === NOEXIST ? EEXIST : EINVAL,
        flags === 0 || flags === NOEXIST ? 0 : flags === EXIST ? ENOENT : EINVAL,
      ],
    }),
  ),
  ...FLAGS.map(
    (flags): MapRow => ({
      name: `array: update with flags ${flags}, inside and past the end`,
      map: { type: 'array', maxEntries: 2 },
      operations: [update(1, 11, flags), update(2, 20, flags)],
      results: [
        flags === 0 || flags === EXIST ? 0 : flags === NOEXIST || flags === NOEXIST + LOCK ? EEXIST : EINVAL,
        flags > 7 || flags === 3 || flags === 7 ? EINVAL : E2BIG,
      ],
    }),
  ),
  {
    name: 'hash: a pointer from before keeps the old value when its key is replaced, until the next replacement',
    map: hash(4),
    operations: [update(1, 10), lookup(1), update(1, 11), read, lookup(1), read],
    results: [0, 1, 0, 10, 1, 11],
  },
  {
    name: 'hash: a write through a stale pointer is not seen',
    map: hash(4),
    operations: [update(1, 10), lookup(1), update(1, 11), write(77), lookup(1), read],
    results: [0, 1, 0, 0, 1, 11],
  },
  {
    name: 'hash: a pointer to a deleted element still reads',
    map: hash(4),
    operations: [update(1, 10), lookup(1), remove(1), read],
    results: [0, 1, 0, 10],
  },
  {
    name: 'array: update through the helper and through the pointer',
    map: { type: 'array', maxEntries: 2 },
    operations: [lookup(1), read, update(1, 5), read, write(9), lookup(1), read, lookup(2), remove(1), remove(9)],
    results: [1, 0, 0, 5, 0, 1, 9, 0, EINVAL, EINVAL],
  },
  {
    name: 'percpu_array: as an array of the one CPU',
    map: { type: 'percpu_array', maxEntries: 2 },
    operations: [lookup(1), read, update(1, 5), read, update(2, 1), update(1, 6, NOEXIST), lookup(1), read, remove(0)],
    results: [1, 0, 0, 5, E2BIG, EEXIST, 1, 5, EINVAL],
  },
  {
    name: 'percpu_array: flags',
    map: { type: 'percpu_array', maxEntries: 2 },
    operations: [update(1, 5, EXIST), update(1, 6, LOCK), update(1, 6, 3), update(1, 6, 8), update(2, 6, 8)],
    results: [0, EINVAL, EINVAL, EINVAL, EINVAL],
  },
  {
    name: 'hash: many keys, some deleted, some put back',
    map: hash(64),
    operations: [
      ...Array.from({ length: 40 }, (_, n) => update(n, n + 100)),
      ...Array.from({ length: 20 }, (_, n) => remove(2 * n)),
      ...Array.from({ length: 10 }, (_, n) => update(4 * n, n)),
      lookup(1),
      read,
      lookup(2),
      lookup(4),
      read,
    ],
    results: [...Array<number>(70).fill(0), 1, 101, 0, 1, 1],
  },
];

/** The row as a program: r8 keeps the pointer of the last lookup, which the verifier sees compared with 0 before each use. */
export function mapRowRun({ map, operations }: MapRow): RunDescription {
  const lines = ['r8 = 0'];
  const keep = (index: number) => [
    `*(u64 *)(r10 - 24) = r0`,
    `*(u32 *)(r10 - 4) = ${index}`,
    'r1 = results ll',
    'r2 = r10',
    'r2 += -4',
    'r3 = r10',
    'r3 += -24',
    'r4 = 0',
    'call map_update_elem',
  ];
  operations.forEach((operation, index) => {
    const key = 'key' in operation ? [`*(u32 *)(r10 - 8) = ${operation.key}`, 'r1 = m ll', 'r2 = r10', 'r2 += -8'] : [];
    if (operation.kind === 'update') {
      lines.push(...key, `*(u64 *)(r10 - 16) = ${operation.value}`, 'r3 = r10', 'r3 += -16');
      lines.push(`r4 = ${operation.flags ?? 0}`, 'call map_update_elem');
    } else if (operation.kind === 'update_held') {
      lines.push('r0 = 0', `if r8 == 0 goto l${index}`, `*(u64 *)(r10 - 16) = ${operation.value}`);
      lines.push('r1 = m ll', 'r2 = r8', 'r3 = r10', 'r3 += -16', 'r4 = 0', 'call map_update_elem', `l${index}:`);
    } else if (operation.kind === 'delete') {
      lines.push(...key, 'call map_delete_elem');
    } else if (operation.kind === 'lookup') {
      lines.push(
        ...key,
        'call map_lookup_elem',
        'r8 = r0',
        'r0 = 0',
        `if r8 == 0 goto l${index}`,
        'r0 = 1',
        `l${index}:`,
      );
    } else if (operation.kind === 'read') {
      lines.push('r0 = -1', `if r8 == 0 goto l${index}`, 'r0 = *(u64 *)(r8 + 0)', `l${index}:`);
    } else if (operation.kind === 'write') {
      lines.push('r0 = 0', `if r8 == 0 goto l${index}`, `*(u64 *)(r8 + 0) = ${operation.value}`, `l${index}:`);
    }
    lines.push(...keep(index));
  });
  lines.push('r0 = 0', 'exit');
  return {
    programs: { p: lines.join('\n') },
    maps: { m: map, results: { type: 'array', maxEntries: operations.length } },
  };
}

/** The u64 values of `results`, signed. */
export function signedResults(values: readonly Uint8Array[]): number[] {
  return values.map((value) => Number(Buffer.from(value).readBigInt64LE()));
}
