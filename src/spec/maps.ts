/** Map types (BPF_MAP_TYPE_*), one row each. */

interface MapTypeRow {
  /** BPF_MAP_TYPE_* of uapi/linux/bpf.h. */
  readonly number: number;
  readonly implemented: boolean;
}

export const MAP_TYPES = {
  hash: { number: 1, implemented: true },
  array: { number: 2, implemented: true },
  prog_array: { number: 3, implemented: true },
  percpu_array: { number: 6, implemented: true },
} as const satisfies Record<string, MapTypeRow>;

export type MapType = keyof typeof MAP_TYPES;
