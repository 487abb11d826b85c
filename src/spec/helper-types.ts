/**
 * Which program type may call which helper on Linux 6.18, as its verifier answered for every pair of the types that can be loaded without
 * an attach target. Types that cannot are known by what is open to all.
 */

import type { ProgramType } from './programs.ts';

/** Ids that every program type may call. */
const OPEN_TO_ALL: readonly number[] = [
  1, 2, 3, 5, 6, 7, 8, 12, 14, 15, 16, 17, 22, 35, 37, 42, 55, 80, 87, 88, 89, 93, 94, 105, 106, 109, 112, 113, 114,
  115, 117, 118, 120, 123, 125, 130, 131, 132, 133, 134, 141, 148, 149, 153, 154, 156, 157, 158, 164, 165, 169, 170,
  171, 172, 175, 176, 177, 180, 181, 182, 191, 194, 195, 197, 198, 199, 200, 201, 202, 203, 208, 209, 210, 211,
];

/** Beside OPEN_TO_ALL: the helpers of the tracing types (bpf_tracing_func_proto). */
const TRACING: readonly number[] = [4, 25, 27, 45, 67, 173, 174];

/** Beside OPEN_TO_ALL: traffic control (tc_cls_act_func_proto). */
const TRAFFIC_CONTROL: readonly number[] = [
  9, 10, 11, 13, 18, 19, 20, 21, 23, 24, 25, 26, 28, 29, 30, 31, 32, 33, 34, 38, 39, 40, 41, 43, 46, 47, 48, 50, 66, 68,
  69, 79, 83, 84, 85, 86, 95, 96, 97, 98, 99, 100, 107, 108, 110, 122, 124, 135, 136, 137, 138, 139, 140, 151, 152, 155,
  160, 163, 178, 192, 196, 204, 205, 206, 207,
];

/** Ids that a type may call beside OPEN_TO_ALL; a type without a row has no others (`raw`, netfilter), or was not probed. */
const OPEN_TO: Partial<Record<ProgramType, readonly number[]>> = {
  socket_filter: [25, 26, 46, 47, 68, 122, 136, 137, 138, 139, 140, 160, 178, 196],
  xdp: [
    23, 25, 28, 44, 51, 54, 65, 69, 84, 85, 86, 99, 100, 110, 136, 137, 138, 139, 140, 160, 163, 178, 188, 189, 190,
    196, 204, 205, 206, 207,
  ],
  sched_cls: TRAFFIC_CONTROL,
  sched_act: TRAFFIC_CONTROL,
  cgroup_skb: [
    25, 26, 46, 47, 68, 79, 81, 83, 84, 85, 86, 95, 96, 97, 98, 99, 107, 108, 122, 128, 129, 136, 137, 138, 139, 140,
    160, 178, 196,
  ],
  cgroup_sock: [25, 46, 81, 107, 122, 160, 186, 187],
  cgroup_sock_addr: [
    25, 46, 49, 57, 64, 81, 84, 85, 86, 99, 107, 108, 122, 136, 137, 138, 139, 140, 160, 178, 186, 187, 196,
  ],
  cgroup_sockopt: [25, 81, 96, 107, 108, 122, 186, 187],
  cgroup_sysctl: [25, 81, 101, 102, 103, 104, 160, 186, 187],
  cgroup_device: [25, 81, 186, 187],
  lwt_in: [24, 25, 26, 28, 33, 34, 39, 73, 136, 137, 138, 139, 140, 160, 178, 196],
  lwt_out: [24, 25, 26, 28, 33, 34, 39, 136, 137, 138, 139, 140, 160, 178, 196],
  lwt_xmit: [
    9, 10, 11, 13, 20, 21, 23, 24, 25, 26, 28, 29, 30, 33, 34, 38, 39, 40, 41, 43, 73, 135, 136, 137, 138, 139, 140,
    160, 178, 196,
  ],
  lwt_seg6local: [24, 25, 26, 28, 33, 34, 39, 74, 75, 76, 136, 137, 138, 139, 140, 160, 178, 196],
  sock_ops: [25, 46, 49, 53, 57, 59, 70, 81, 96, 107, 108, 122, 136, 137, 138, 139, 140, 142, 143, 144, 160, 178, 196],
  sk_skb: [9, 25, 26, 38, 39, 43, 46, 47, 50, 52, 72, 84, 85, 86, 99, 136, 137, 138, 139, 140, 160, 178, 196],
  sk_msg: [25, 60, 61, 62, 63, 71, 90, 91, 107, 108, 122, 136, 137, 138, 139, 140, 160, 178, 196],
  sk_reuseport: [26, 46, 68, 82, 160],
  sk_lookup: [25, 86, 124, 136, 137, 138, 139, 140, 160, 178, 196],
  flow_dissector: [26, 136, 137, 138, 139, 140, 160, 178, 196],
  perf_event: [4, 25, 27, 45, 56, 67, 119, 173, 174],
  syscall: [
    4, 25, 27, 45, 46, 67, 107, 108, 111, 121, 136, 137, 138, 139, 140, 147, 162, 166, 167, 168, 173, 178, 179, 188,
    196,
  ],
  kprobe: TRACING,
  tracepoint: TRACING,
  raw_tracepoint: TRACING,
  raw_tracepoint_writable: TRACING,
};

const EVERY_TYPE: ReadonlySet<number> = new Set(OPEN_TO_ALL);

/** May a program of this type call the helper on Linux 6.18? Whether Waggle has it is another question (HelperRow.implemented). */
export function helperAvailable(type: ProgramType, id: number): boolean {
  return EVERY_TYPE.has(id) || (OPEN_TO[type]?.includes(id) ?? false);
}
