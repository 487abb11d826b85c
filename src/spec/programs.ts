/**
 * Program types (BPF_PROG_TYPE_*), one row each. A type that is not implemented stands here so that it is refused by its name.
 * `raw` is Waggle's own: the convention of uBPF and rbpf (r1 = address of the packet's bytes, r2 = their length).
 */

interface ProgramTypeRow {
  /** BPF_PROG_TYPE_* of uapi/linux/bpf.h; 0 for raw, which Linux does not have. */
  readonly number: number;
  /** Can Waggle run it today? */
  readonly implemented: boolean;
  /**
   * Helper 12 and prog arrays on Linux 6.18: `yes` calls and is called; `call_only` calls, but cannot be stored (an extension replaces a
   * function of another program); `no` is refused at load, since the type is always sleepable and prog arrays are not for sleepable programs.
   */
  readonly tailCalls: 'yes' | 'call_only' | 'no';
}

export const PROGRAM_TYPES = {
  raw: { number: 0, implemented: true, tailCalls: 'yes' },
  socket_filter: { number: 1, implemented: true, tailCalls: 'yes' },
  kprobe: { number: 2, implemented: false, tailCalls: 'yes' },
  sched_cls: { number: 3, implemented: true, tailCalls: 'yes' },
  sched_act: { number: 4, implemented: false, tailCalls: 'yes' },
  tracepoint: { number: 5, implemented: false, tailCalls: 'yes' },
  xdp: { number: 6, implemented: true, tailCalls: 'yes' },
  perf_event: { number: 7, implemented: false, tailCalls: 'yes' },
  cgroup_skb: { number: 8, implemented: false, tailCalls: 'yes' },
  cgroup_sock: { number: 9, implemented: false, tailCalls: 'yes' },
  lwt_in: { number: 10, implemented: false, tailCalls: 'yes' },
  lwt_out: { number: 11, implemented: false, tailCalls: 'yes' },
  lwt_xmit: { number: 12, implemented: false, tailCalls: 'yes' },
  sock_ops: { number: 13, implemented: false, tailCalls: 'yes' },
  sk_skb: { number: 14, implemented: false, tailCalls: 'yes' },
  cgroup_device: { number: 15, implemented: false, tailCalls: 'yes' },
  sk_msg: { number: 16, implemented: false, tailCalls: 'yes' },
  raw_tracepoint: { number: 17, implemented: true, tailCalls: 'yes' },
  cgroup_sock_addr: { number: 18, implemented: false, tailCalls: 'yes' },
  lwt_seg6local: { number: 19, implemented: false, tailCalls: 'yes' },
  lirc_mode2: { number: 20, implemented: false, tailCalls: 'yes' },
  sk_reuseport: { number: 21, implemented: false, tailCalls: 'yes' },
  flow_dissector: { number: 22, implemented: false, tailCalls: 'yes' },
  cgroup_sysctl: { number: 23, implemented: false, tailCalls: 'yes' },
  raw_tracepoint_writable: { number: 24, implemented: false, tailCalls: 'yes' },
  cgroup_sockopt: { number: 25, implemented: false, tailCalls: 'yes' },
  tracing: { number: 26, implemented: false, tailCalls: 'yes' },
  struct_ops: { number: 27, implemented: false, tailCalls: 'yes' },
  ext: { number: 28, implemented: false, tailCalls: 'call_only' },
  lsm: { number: 29, implemented: false, tailCalls: 'yes' },
  sk_lookup: { number: 30, implemented: false, tailCalls: 'yes' },
  syscall: { number: 31, implemented: false, tailCalls: 'no' },
  netfilter: { number: 32, implemented: false, tailCalls: 'yes' },
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
   * packet that comes out has zeroes in its place); `bytes` any bytes, r1 and r2.
   */
  readonly packet: 'none' | 'ethernet' | 'pulled' | 'bytes';
  /** May direct accesses write to the packet? (May they read it at all: the context has a packet_start field, or `bytes`.) */
  readonly packetWritable: boolean;
  readonly minPacketBytes: number;
  readonly maxPacketBytes: number;
  /** False: only `repeat` 1 is allowed, which means Linux's 0. */
  readonly repeatable: boolean;
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
    onLinux: false,
  },
};

/** Types whose programs may load from the packet with LD_ABS and LD_IND (kernel: may_access_skb). */
const PACKET_LOAD_TYPES: readonly ProgramType[] = ['socket_filter', 'sched_cls', 'sched_act'];

/** May programs of this type have LD_ABS and LD_IND? */
export function hasPacketLoads(type: ProgramType): boolean {
  return PACKET_LOAD_TYPES.includes(type);
}

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
