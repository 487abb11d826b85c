/** Numbers of the helpers that code is written for (uapi/linux/bpf.h, ___BPF_FUNC_MAPPER). The full table is helpers.ts. */
export const HELPER = {
  map_lookup_elem: 1,
  map_update_elem: 2,
  map_delete_elem: 3,
  ktime_get_ns: 5,
  trace_printk: 6,
  get_prandom_u32: 7,
  get_smp_processor_id: 8,
  tail_call: 12,
} as const;
