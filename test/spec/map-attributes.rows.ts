/** What BPF_MAP_CREATE of Linux 6.18 says of attributes. */

import { type ImplementedMapType, MAP_FLAGS, type MapAttributes } from '../../src/spec/maps.ts';

export interface MapRow {
  readonly attributes: MapAttributes;
  readonly errno: string | null;
}

/** Attributes that are accepted; rows change one of them. */
const SOUND: Readonly<Record<ImplementedMapType, Omit<MapAttributes, 'type'>>> = {
  hash: { keySize: 4, valueSize: 8, maxEntries: 2, flags: 0 },
  array: { keySize: 4, valueSize: 8, maxEntries: 2, flags: 0 },
  prog_array: { keySize: 4, valueSize: 4, maxEntries: 2, flags: 0 },
  percpu_array: { keySize: 4, valueSize: 8, maxEntries: 2, flags: 0 },
};
const TYPES = Object.keys(SOUND) as ImplementedMapType[];

function row(type: ImplementedMapType, change: Partial<MapAttributes>, errno: string | null): MapRow {
  return { attributes: { type, ...SOUND[type], ...change }, errno };
}

const FLAGS_ALLOWED: Readonly<Record<ImplementedMapType, readonly (keyof typeof MAP_FLAGS)[]>> = {
  hash: ['no_prealloc', 'numa_node', 'rdonly', 'wronly', 'zero_seed', 'rdonly_prog', 'wronly_prog'],
  array: ['numa_node', 'rdonly', 'wronly', 'rdonly_prog', 'wronly_prog', 'mmapable', 'inner_map'],
  prog_array: ['numa_node', 'rdonly', 'wronly'],
  percpu_array: ['rdonly', 'wronly', 'rdonly_prog', 'wronly_prog'],
};

export const MAP_ROWS: readonly MapRow[] = [
  ...TYPES.flatMap((type) => [
    row(type, {}, null),
    row(type, { keySize: 0 }, 'EINVAL'),
    row(type, { valueSize: 0 }, 'EINVAL'),
    row(type, { maxEntries: 0 }, 'EINVAL'),
    ...Object.entries(MAP_FLAGS).map(([name, bit]) =>
      row(type, { flags: bit }, FLAGS_ALLOWED[type].some((allowed) => allowed === name) ? null : 'EINVAL'),
    ),
    row(type, { flags: 1 << 13 }, 'EINVAL'),
    row(type, { flags: 1 << 20 }, 'EINVAL'),
    row(type, { flags: MAP_FLAGS.rdonly | MAP_FLAGS.wronly }, 'EINVAL'),
    row(type, { flags: MAP_FLAGS.rdonly_prog | MAP_FLAGS.wronly_prog }, 'EINVAL'),
  ]),
  ...(['array', 'prog_array', 'percpu_array'] as const).flatMap((type) => [
    row(type, { keySize: 3 }, 'EINVAL'),
    row(type, { keySize: 8 }, 'EINVAL'),
  ]),
  row('prog_array', { valueSize: 8 }, 'EINVAL'),
  row('array', { flags: MAP_FLAGS.rdonly | MAP_FLAGS.rdonly_prog }, null),
  row('hash', { keySize: 513 }, null),
  row('hash', { keySize: 1, valueSize: 1 }, null),
  row('hash', { valueSize: 4_194_251, maxEntries: 1, flags: MAP_FLAGS.no_prealloc }, null),
  row('hash', { valueSize: 4_194_252, maxEntries: 1, flags: MAP_FLAGS.no_prealloc }, 'E2BIG'),
  row('hash', { keySize: 4_194_248, maxEntries: 1, flags: MAP_FLAGS.no_prealloc }, 'E2BIG'),
  row('hash', { maxEntries: 2 ** 27 + 1, flags: MAP_FLAGS.no_prealloc }, 'E2BIG'),
  row('array', { valueSize: 2 ** 31, maxEntries: 1 }, 'E2BIG'),
  row('percpu_array', { valueSize: 32_768 }, null),
  row('percpu_array', { valueSize: 32_769 }, 'E2BIG'),
];
