/** Map types (BPF_MAP_TYPE_*), one row each, and what BPF_MAP_CREATE checks of the implemented ones. */

import type { ErrnoName } from './errno.ts';

interface MapTypeRow {
  /** BPF_MAP_TYPE_* of uapi/linux/bpf.h. */
  readonly number: number;
  readonly implemented: boolean;
}

export const MAP_TYPES = {
  hash: { number: 1, implemented: true },
  array: { number: 2, implemented: true },
  prog_array: { number: 3, implemented: true },
  perf_event_array: { number: 4, implemented: false },
  percpu_hash: { number: 5, implemented: false },
  percpu_array: { number: 6, implemented: true },
  stack_trace: { number: 7, implemented: false },
  cgroup_array: { number: 8, implemented: false },
  lru_hash: { number: 9, implemented: false },
  lru_percpu_hash: { number: 10, implemented: false },
  lpm_trie: { number: 11, implemented: false },
  array_of_maps: { number: 12, implemented: false },
  hash_of_maps: { number: 13, implemented: false },
  devmap: { number: 14, implemented: false },
  sockmap: { number: 15, implemented: false },
  cpumap: { number: 16, implemented: false },
  xskmap: { number: 17, implemented: false },
  sockhash: { number: 18, implemented: false },
  cgroup_storage: { number: 19, implemented: false },
  reuseport_sockarray: { number: 20, implemented: false },
  percpu_cgroup_storage: { number: 21, implemented: false },
  queue: { number: 22, implemented: false },
  stack: { number: 23, implemented: false },
  sk_storage: { number: 24, implemented: false },
  devmap_hash: { number: 25, implemented: false },
  struct_ops: { number: 26, implemented: false },
  ringbuf: { number: 27, implemented: false },
  inode_storage: { number: 28, implemented: false },
  task_storage: { number: 29, implemented: false },
  bloom_filter: { number: 30, implemented: false },
  user_ringbuf: { number: 31, implemented: false },
  cgrp_storage: { number: 32, implemented: false },
  arena: { number: 33, implemented: false },
} as const satisfies Record<string, MapTypeRow>;

export type MapType = keyof typeof MAP_TYPES;

/** The map types that Waggle has. */
export type ImplementedMapType = {
  [T in MapType]: (typeof MAP_TYPES)[T]['implemented'] extends true ? T : never;
}[MapType];

/** BPF_F_* flags of BPF_MAP_CREATE by their API name (uapi name in lower case without `BPF_F_`). */
export const MAP_FLAGS = {
  no_prealloc: 1 << 0,
  no_common_lru: 1 << 1,
  numa_node: 1 << 2,
  rdonly: 1 << 3,
  wronly: 1 << 4,
  stack_build_id: 1 << 5,
  zero_seed: 1 << 6,
  rdonly_prog: 1 << 7,
  wronly_prog: 1 << 8,
  clone: 1 << 9,
  mmapable: 1 << 10,
  preserve_elems: 1 << 11,
  inner_map: 1 << 12,
} as const satisfies Record<string, number>;

export type MapFlag = keyof typeof MAP_FLAGS;

/** API names of the flags that are set. */
export function mapFlagNames(flags: number): string[] {
  return Object.entries(MAP_FLAGS).flatMap(([name, bit]) => ((flags & bit) === 0 ? [] : [name]));
}

/** Largest value of an array (array_map_alloc_check: INT_MAX). */
export const MAX_ARRAY_VALUE_BYTES = 0x7fff_ffff;
/** Largest value of a per-CPU array, rounded up to 8 (PCPU_MIN_UNIT_SIZE). */
export const MAX_PERCPU_VALUE_BYTES = 32_768;
/** Key and value of a hash together stay below this: KMALLOC_MAX_SIZE less struct htab_elem (htab_map_alloc_check). */
export const HASH_ELEMENT_BYTES_LIMIT = 4_194_304 - 48;
/** Most elements of a hash: the largest power of two whose bucket array (16 bytes each) fits 32 bits. */
export const MAX_HASH_ENTRIES = 2 ** 27;

interface CreateRules {
  /** undefined: any from 1. */
  readonly keySize: number | undefined;
  readonly valueSize: number | undefined;
  readonly flags: number;
}

const ACCESS_FLAGS = MAP_FLAGS.rdonly | MAP_FLAGS.wronly;
const ACCESS_FLAGS_PROGRAM = MAP_FLAGS.rdonly_prog | MAP_FLAGS.wronly_prog;

const CREATE_RULES: Readonly<Record<ImplementedMapType, CreateRules>> = {
  hash: {
    keySize: undefined,
    valueSize: undefined,
    flags: MAP_FLAGS.no_prealloc | MAP_FLAGS.numa_node | MAP_FLAGS.zero_seed | ACCESS_FLAGS | ACCESS_FLAGS_PROGRAM,
  },
  array: {
    keySize: 4,
    valueSize: undefined,
    flags: MAP_FLAGS.numa_node | MAP_FLAGS.mmapable | MAP_FLAGS.inner_map | ACCESS_FLAGS | ACCESS_FLAGS_PROGRAM,
  },
  prog_array: { keySize: 4, valueSize: 4, flags: MAP_FLAGS.numa_node | ACCESS_FLAGS },
  percpu_array: { keySize: 4, valueSize: undefined, flags: ACCESS_FLAGS | ACCESS_FLAGS_PROGRAM },
};

/** The attributes of BPF_MAP_CREATE that are checked. Sizes in bytes. */
export interface MapAttributes {
  readonly type: MapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
}

export interface MapRefusal {
  readonly errno: ErrnoName;
  readonly message: string;
}

/** Is this the name of a map type at all? Narrows the name. */
export function isMapType(type: string): type is MapType {
  return Object.hasOwn(MAP_TYPES, type);
}

/** Is this a map type that Waggle has? Narrows the name. */
export function isImplementedMapType(type: string): type is ImplementedMapType {
  return Object.hasOwn(CREATE_RULES, type);
}

/**
 * What BPF_MAP_CREATE says of these attributes: null, or the errno and which attribute is wrong (Linux 6.18: the map_alloc_check of each
 * type, then its map_alloc). Memory is no matter here: the budget of a run decides.
 */
export function checkMapAttributes(map: MapAttributes): MapRefusal | null {
  const { type } = map;
  if (!isImplementedMapType(type)) {
    return { errno: 'EOPNOTSUPP', message: `map type ${type} is not implemented by this version of Waggle` };
  }
  const rules = CREATE_RULES[type];
  const invalid = (message: string): MapRefusal => ({ errno: 'EINVAL', message: `${type}: ${message}` });
  const tooBig = (message: string): MapRefusal => ({ errno: 'E2BIG', message: `${type}: ${message}` });

  if (map.maxEntries === 0) return invalid('max_entries must not be 0');
  if (map.keySize === 0) return invalid('key_size must not be 0');
  if (map.valueSize === 0) return invalid('value_size must not be 0');
  if (rules.keySize !== undefined && map.keySize !== rules.keySize) {
    return invalid(`key_size must be ${rules.keySize}, not ${map.keySize}`);
  }
  if (rules.valueSize !== undefined && map.valueSize !== rules.valueSize) {
    return invalid(`value_size must be ${rules.valueSize}, not ${map.valueSize}`);
  }
  const unknown = map.flags & ~rules.flags;
  if (unknown !== 0) return invalid(`map_flags 0x${(unknown >>> 0).toString(16)} are not allowed`);
  for (const exclusive of [ACCESS_FLAGS, ACCESS_FLAGS_PROGRAM]) {
    if ((map.flags & exclusive) === exclusive) return invalid('map_flags exclude each other: read-only and write-only');
  }

  if (type === 'hash') {
    if (map.keySize + map.valueSize >= HASH_ELEMENT_BYTES_LIMIT) {
      return tooBig(`key_size + value_size must be below ${HASH_ELEMENT_BYTES_LIMIT}`);
    }
    if (map.maxEntries > MAX_HASH_ENTRIES) return tooBig(`max_entries must be at most ${MAX_HASH_ENTRIES}`);
  }
  if (type === 'array' && map.valueSize > MAX_ARRAY_VALUE_BYTES) {
    return tooBig(`value_size must be at most ${MAX_ARRAY_VALUE_BYTES}`);
  }
  if (type === 'percpu_array' && map.valueSize > MAX_PERCPU_VALUE_BYTES) {
    return tooBig(`value_size must be at most ${MAX_PERCPU_VALUE_BYTES}`);
  }
  return null;
}
