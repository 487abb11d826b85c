/**
 * Contexts by program type: the layout that programs see (uapi struct xdp_md, struct __sk_buff, struct bpf_raw_tracepoint_args), which
 * accesses Linux 6.18 allows, and which fields BPF_PROG_TEST_RUN takes as input. All of it was probed on that kernel. Accesses reach plain
 * bytes here; where the kernel's own fields are narrower, Linux gives something else: docs/semantics.md.
 *
 * The layout is the user's: data, data_end and data_meta are 32-bit fields that hold guest addresses, filled in by the engine.
 */

import type { MemorySize } from '../isa/opcodes.ts';
import type { ImplementedProgramType } from './programs.ts';

/**
 * What a field is for. `packet_start`, `packet_end`, `packet_meta`: the engine writes the address of the packet's first byte, of the byte
 * after its last, of its metadata. `pointer`: a kernel pointer, which is always null here.
 */
export type FieldRole = 'scalar' | 'packet_start' | 'packet_end' | 'packet_meta' | 'pointer';

/** What BPF_PROG_TEST_RUN does with a field of ctx_in. */
export type InputRule =
  /** Only zero is accepted: EINVAL. */
  | { readonly kind: 'zero' }
  /** Any value of the field's size. */
  | { readonly kind: 'any' }
  /** At most `maximum`: EINVAL above. */
  | { readonly kind: 'at_most'; readonly maximum: number }
  /** Number of a network device, 0 means the default 1: ENODEV where there cannot be such a device. */
  | { readonly kind: 'device' }
  /** Length on the wire: at least the length that the program sees and at most MAX_WIRE_LENGTH, else EINVAL; 0 means the former. */
  | { readonly kind: 'wire_length' }
  /** Length of the metadata before the packet (xdp `data`). */
  | { readonly kind: 'metadata_length' }
  /** End of the packet in the input (xdp `data_end`). */
  | { readonly kind: 'packet_length' };

export interface ContextField {
  /** In the API. */
  readonly name: string;
  readonly kernelName: string;
  /** Bytes from the context's start. */
  readonly offset: number;
  /** Bytes. */
  readonly size: MemorySize;
  readonly role: FieldRole;
  /** Sizes of loads at any offset inside the field that is a multiple of the size; 8 on a 4-byte field reaches into the next one. */
  readonly reads: readonly MemorySize[];
  /** Sizes of stores, likewise; [] for a read-only field. */
  readonly writes: readonly MemorySize[];
  readonly input: InputRule;
  /** Does ctx_out carry the field's value after the run? If not, ctx_out has what ctx_in had. */
  readonly output: boolean;
}

export interface ContextLayout {
  /** struct name. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly fields: readonly ContextField[];
}

/** Longest ctx_in that BPF_PROG_TEST_RUN looks at: a page (bpf_ctx_init). */
export const MAX_CONTEXT_INPUT_BYTES = 4096;
/** Most metadata in front of an XDP packet: 256 bytes of headroom less struct xdp_frame. */
export const MAX_METADATA_BYTES = 216;
/** Largest `wire_len` that a test run takes (GSO_LEGACY_MAX_SIZE). */
export const MAX_WIRE_LENGTH = 65_536;
/** Arguments of a raw tracepoint (MAX_BPF_FUNC_ARGS). */
export const RAW_TRACEPOINT_ARGUMENTS = 12;

const NONE: readonly MemorySize[] = [];
const WORD: readonly MemorySize[] = [4];
const LONG: readonly MemorySize[] = [8];
const BYTE: readonly MemorySize[] = [1];
const NARROW: readonly MemorySize[] = [1, 2, 4];
const ALL: readonly MemorySize[] = [1, 2, 4, 8];

type Settings = Partial<Omit<ContextField, 'name' | 'kernelName' | 'offset'>>;

/** A row with what most fields are: 4 bytes, readable in parts, not writable, zero on input. */
function field(kernelName: string, offset: number, settings: Settings = {}): ContextField {
  return {
    name: kernelName.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    kernelName,
    offset,
    size: 4,
    role: 'scalar',
    reads: NARROW,
    writes: NONE,
    input: { kind: 'zero' },
    output: false,
    ...settings,
  };
}

const INPUT = { input: { kind: 'any' }, output: true } as const;
const DEVICE = { input: { kind: 'device' }, output: true } as const;
/** Not readable by this type, though test runs take it: the bytes stand in the context, no load reaches them. */
const HIDDEN = { reads: NONE, writes: NONE } as const;

/** cb[5]: 4 bytes each, and 8 at once where the offset is a multiple of 8 inside the array. */
const CONTROL_BUFFER: readonly ContextField[] = [0, 1, 2, 3, 4].map((index) => {
  const sizes = index === 0 || index === 2 ? ALL : NARROW;
  return field(`cb${index}`, 48 + 4 * index, { reads: sizes, writes: sizes, ...INPUT });
});

/** struct __sk_buff as one type sees it: `own` overrides settings of fields by kernel name. */
function skBuff(own: Readonly<Record<string, Settings>>): ContextLayout {
  const shared = [
    field('len', 0),
    field('pkt_type', 4),
    field('mark', 8, INPUT),
    field('queue_mapping', 12),
    field('protocol', 16),
    field('vlan_present', 20),
    field('vlan_tci', 24),
    field('vlan_proto', 28),
    field('priority', 32, INPUT),
    field('ingress_ifindex', 36, INPUT),
    field('ifindex', 40, DEVICE),
    field('tc_index', 44),
    ...CONTROL_BUFFER,
    field('hash', 68),
    field('tc_classid', 72, HIDDEN),
    field('data', 76, { ...HIDDEN }),
    field('data_end', 80, { ...HIDDEN }),
    field('napi_id', 84),
    field('data_meta', 140, { ...HIDDEN }),
    field('tstamp', 152, { size: 8, ...HIDDEN, ...INPUT }),
    field('wire_len', 160, { ...HIDDEN, input: { kind: 'wire_length' }, output: true }),
    field('gso_segs', 164, { input: { kind: 'at_most', maximum: 0xffff }, output: true }),
    field('sk', 168, { size: 8, role: 'pointer', reads: LONG }),
    field('gso_size', 176, { input: { kind: 'any' } }),
    field('tstamp_type', 180, { size: 1, ...HIDDEN }),
    field('hwtstamp', 184, { size: 8, ...HIDDEN, input: { kind: 'any' } }),
  ];
  return {
    name: '__sk_buff',
    size: 192,
    fields: shared.map((row) => ({ ...row, ...own[row.kernelName] })),
  };
}

const XDP_MD: ContextLayout = {
  name: 'xdp_md',
  size: 24,
  fields: [
    field('data', 0, { role: 'packet_start', reads: WORD, input: { kind: 'metadata_length' }, output: true }),
    field('data_end', 4, { role: 'packet_end', reads: WORD, input: { kind: 'packet_length' }, output: true }),
    field('data_meta', 8, { role: 'packet_meta', reads: WORD }),
    field('ingress_ifindex', 12, { reads: WORD, input: { kind: 'device' } }),
    field('rx_queue_index', 16, { reads: WORD }),
    field('egress_ifindex', 20, HIDDEN),
  ],
};

const RAW_TRACEPOINT_ARGS: ContextLayout = {
  name: 'bpf_raw_tracepoint_args',
  size: 8 * RAW_TRACEPOINT_ARGUMENTS,
  fields: Array.from({ length: RAW_TRACEPOINT_ARGUMENTS }, (_, index) =>
    field(`arg${index}`, 8 * index, { size: 8, reads: ALL, input: { kind: 'any' } }),
  ),
};

/** null: the type has no context (raw: r1 and r2 describe the bytes themselves). */
export const CONTEXTS: Readonly<Record<ImplementedProgramType, ContextLayout | null>> = {
  xdp: XDP_MD,
  sched_cls: skBuff({
    mark: { writes: WORD },
    queue_mapping: { writes: WORD },
    priority: { writes: WORD },
    tc_index: { writes: WORD },
    tc_classid: { reads: NARROW, writes: WORD },
    data: { role: 'packet_start', reads: WORD },
    data_end: { role: 'packet_end', reads: WORD },
    data_meta: { role: 'packet_meta', reads: WORD },
    tstamp: { reads: LONG, writes: LONG },
    wire_len: { reads: NARROW },
    tstamp_type: { reads: BYTE },
    hwtstamp: { reads: LONG },
  }),
  socket_filter: skBuff({}),
  raw_tracepoint: RAW_TRACEPOINT_ARGS,
  raw: null,
};
