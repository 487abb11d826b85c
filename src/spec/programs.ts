/**
 * Program types (BPF_PROG_TYPE_*), one row each. A type that is not implemented stands here so that it is refused by its name.
 * `raw` is Waggle's own: the convention of uBPF and rbpf (r1 = address of the packet's bytes, r2 = their length).
 */

interface ProgramTypeRow {
  /** BPF_PROG_TYPE_* of uapi/linux/bpf.h; 0 for raw, which Linux does not have. */
  readonly number: number;
  /** Can Waggle run it today? */
  readonly implemented: boolean;
}

export const PROGRAM_TYPES = {
  raw: { number: 0, implemented: true },
  socket_filter: { number: 1, implemented: true },
  kprobe: { number: 2, implemented: false },
  sched_cls: { number: 3, implemented: true },
  sched_act: { number: 4, implemented: false },
  tracepoint: { number: 5, implemented: false },
  xdp: { number: 6, implemented: true },
  perf_event: { number: 7, implemented: false },
  cgroup_skb: { number: 8, implemented: false },
  cgroup_sock: { number: 9, implemented: false },
  lwt_in: { number: 10, implemented: false },
  lwt_out: { number: 11, implemented: false },
  lwt_xmit: { number: 12, implemented: false },
  sock_ops: { number: 13, implemented: false },
  sk_skb: { number: 14, implemented: false },
  cgroup_device: { number: 15, implemented: false },
  sk_msg: { number: 16, implemented: false },
  raw_tracepoint: { number: 17, implemented: true },
  cgroup_sock_addr: { number: 18, implemented: false },
  lwt_seg6local: { number: 19, implemented: false },
  lirc_mode2: { number: 20, implemented: false },
  sk_reuseport: { number: 21, implemented: false },
  flow_dissector: { number: 22, implemented: false },
  cgroup_sysctl: { number: 23, implemented: false },
  raw_tracepoint_writable: { number: 24, implemented: false },
  cgroup_sockopt: { number: 25, implemented: false },
  tracing: { number: 26, implemented: false },
  struct_ops: { number: 27, implemented: false },
  ext: { number: 28, implemented: false },
  lsm: { number: 29, implemented: false },
  sk_lookup: { number: 30, implemented: false },
  syscall: { number: 31, implemented: false },
  netfilter: { number: 32, implemented: false },
} as const satisfies Record<string, ProgramTypeRow>;

export type ProgramType = keyof typeof PROGRAM_TYPES;

/** The types that Waggle runs. */
export type ImplementedProgramType = {
  [T in ProgramType]: (typeof PROGRAM_TYPES)[T]['implemented'] extends true ? T : never;
}[ProgramType];

/** Smallest packet that BPF_PROG_TEST_RUN takes: an Ethernet header (ETH_HLEN). */
export const ETHERNET_HEADER_BYTES = 14;
/** Largest linear XDP packet: a page less 256 bytes of headroom and 320 of tailroom. Linux puts more into fragments, Waggle has none. */
export const MAX_XDP_PACKET_BYTES = 3520;
/** Largest packet of the skb types: a page less 64 bytes of headroom and 320 of tailroom. */
export const MAX_SKB_PACKET_BYTES = 3712;
/** Largest input of a raw program (Waggle's own bound). */
export const MAX_RAW_INPUT_BYTES = 1_048_576;
/** Largest `repeat` (BPF_PROG_TEST_RUN takes any u32; the instruction budget ends a run earlier). */
export const MAX_REPEAT = 1_000_000;

/** What BPF_PROG_TEST_RUN, the verifier and the API need to know of an implemented type. */
export interface ProgramTypeRules {
  /** Names of return values (u32 as printed by the kernel's headers, so -1 is 0xffffffff); {} where the type has none. */
  readonly actions: Readonly<Record<number, string>>;
  /** `verify` of a run that does not say. */
  readonly defaultVerify: 'enforce' | 'off';
  /**
   * What the program sees of `input.packet`: `none` takes no packet; `ethernet` from the Ethernet header on; `pulled` without it (the
   * packet that comes out still has it); `bytes` any bytes, r1 and r2.
   */
  readonly packet: 'none' | 'ethernet' | 'pulled' | 'bytes';
  /** May direct accesses write to the packet? (May they read it at all: the context has a packet_start field, or `bytes`.) */
  readonly packetWritable: boolean;
  readonly minPacketBytes: number;
  readonly maxPacketBytes: number;
  /** False: only `repeat` 1 is allowed, which means Linux's 0. */
  readonly repeatable: boolean;
  /** May programs of this type call helper 12 and stand in a prog array? */
  readonly tailCalls: boolean;
  /** True: with the x86 JIT each larger frame has a stack of its own, so the frames of a chain are not summed up (unless something tail-calls). */
  readonly privateStack: boolean;
  /** False: what `structure` verifies is Waggle's own choice, there is no such type on Linux. */
  readonly onLinux: boolean;
}

const XDP_ACTIONS = { 0: 'XDP_ABORTED', 1: 'XDP_DROP', 2: 'XDP_PASS', 3: 'XDP_TX', 4: 'XDP_REDIRECT' } as const;

const TC_ACTIONS = {
  4294967295: 'TC_ACT_UNSPEC',
  0: 'TC_ACT_OK',
  1: 'TC_ACT_RECLASSIFY',
  2: 'TC_ACT_SHOT',
  3: 'TC_ACT_PIPE',
  4: 'TC_ACT_STOLEN',
  5: 'TC_ACT_QUEUED',
  6: 'TC_ACT_REPEAT',
  7: 'TC_ACT_REDIRECT',
  8: 'TC_ACT_TRAP',
} as const;

const NO_ACTIONS = {};

export const PROGRAM_TYPE_RULES: Readonly<Record<ImplementedProgramType, ProgramTypeRules>> = {
  xdp: {
    actions: XDP_ACTIONS,
    defaultVerify: 'enforce',
    packet: 'ethernet',
    packetWritable: true,
    minPacketBytes: ETHERNET_HEADER_BYTES,
    maxPacketBytes: MAX_XDP_PACKET_BYTES,
    repeatable: true,
    tailCalls: true,
    privateStack: false,
    onLinux: true,
  },
  sched_cls: {
    actions: TC_ACTIONS,
    defaultVerify: 'enforce',
    packet: 'ethernet',
    packetWritable: true,
    minPacketBytes: ETHERNET_HEADER_BYTES,
    maxPacketBytes: MAX_SKB_PACKET_BYTES,
    repeatable: true,
    tailCalls: true,
    privateStack: false,
    onLinux: true,
  },
  socket_filter: {
    actions: NO_ACTIONS,
    defaultVerify: 'enforce',
    packet: 'pulled',
    packetWritable: false,
    minPacketBytes: ETHERNET_HEADER_BYTES,
    maxPacketBytes: MAX_SKB_PACKET_BYTES,
    repeatable: true,
    tailCalls: true,
    privateStack: false,
    onLinux: true,
  },
  raw_tracepoint: {
    actions: NO_ACTIONS,
    defaultVerify: 'enforce',
    packet: 'none',
    packetWritable: false,
    minPacketBytes: 0,
    maxPacketBytes: 0,
    repeatable: false,
    tailCalls: true,
    privateStack: true,
    onLinux: true,
  },
  raw: {
    actions: NO_ACTIONS,
    defaultVerify: 'off',
    packet: 'bytes',
    packetWritable: true,
    minPacketBytes: 0,
    maxPacketBytes: MAX_RAW_INPUT_BYTES,
    repeatable: true,
    tailCalls: true,
    privateStack: false,
    onLinux: false,
  },
};

/** Is this type one that Waggle runs? Narrows the name. */
export function isImplementedProgramType(type: string): type is ImplementedProgramType {
  return Object.hasOwn(PROGRAM_TYPE_RULES, type);
}

/** Is this the name of a program type at all? Narrows the name. */
export function isProgramType(type: string): type is ProgramType {
  return Object.hasOwn(PROGRAM_TYPES, type);
}

/** The return value's name for this type, or null. `returnValue` is an unsigned 32-bit number. */
export function actionName(type: ImplementedProgramType, returnValue: number): string | null {
  return PROGRAM_TYPE_RULES[type].actions[returnValue] ?? null;
}

/** Program flags (BPF_F_* of BPF_PROG_LOAD) by their API name. */
export const PROGRAM_FLAGS = { sleepable: 0x10, xdp_has_frags: 0x20 } as const satisfies Record<string, number>;

export type ProgramFlag = keyof typeof PROGRAM_FLAGS;
