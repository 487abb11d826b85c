/**
 * From a run's input to the bytes of the context, and back: what BPF_PROG_TEST_RUN accepts, refuses and fills in (Linux 6.18,
 * bpf_prog_test_run_skb, bpf_prog_test_run_xdp, bpf_prog_test_run_raw_tp).
 */

import {
  CONTEXTS,
  type ContextField,
  MAX_CONTEXT_INPUT_BYTES,
  MAX_METADATA_BYTES,
  MAX_WIRE_LENGTH,
} from './contexts.ts';
import type { ErrnoName } from './errno.ts';
import { ETHERNET_HEADER_BYTES, type ImplementedProgramType, PROGRAM_TYPE_RULES } from './programs.ts';

/** Fields by API name (number, or text in decimal or 0x form), or the context's bytes; null: all defaults. */
export type ContextInput = Readonly<Record<string, number | string>> | Uint8Array | null;

/** Why Linux, or Waggle, does not take an input. */
export interface InputRefusal {
  /** API name of the context's field; `ctx` or `packet` for the whole. */
  readonly field: string;
  readonly errno: ErrnoName;
  readonly message: string;
}

/** What the engine starts a run with. */
export interface RunStart {
  /** The context as the program reads it; the fields with a packet role are still zero. Empty for a type without context. */
  readonly context: Uint8Array;
  /** ctx_in as it was given, padded to the context's size: what contextOutput starts from. */
  readonly given: Uint8Array;
  /** How many bytes of it were given: all with fields, 0 without ctx. */
  readonly givenBytes: number;
  /** Where `data_meta`, `data` and `data_end` point, as offsets into the packet's bytes. */
  readonly packetMeta: number;
  readonly packetStart: number;
  readonly packetEnd: number;
}

export type InputResult =
  | { readonly ok: true; readonly start: RunStart }
  | { readonly ok: false; readonly refusal: InputRefusal };

const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const ETH_P_802_3_MIN = 0x0600;
/** What the kernel calls a frame with a length instead of an EtherType: IPX in 802.3, or LLC. */
const ETH_P_802_3 = 0x0001;
const ETH_P_802_2 = 0x0004;
const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
/** PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST of if_packet.h. */
const PACKET_KIND = { host: 0, multicast: 2, otherHost: 3 } as const;
/** The loopback device, which a test run takes when none is named. */
const DEFAULT_IFINDEX = 1;
const MAX_IFINDEX = 0x7fff_ffff;

class Refused extends Error {
  readonly refusal: InputRefusal;
  constructor(field: string, errno: ErrnoName, message: string) {
    super(message);
    this.refusal = { field, errno, message };
  }
}

/**
 * Check an input and build the context.
 * @param type of the entry program
 * @param input the context: fields or bytes
 * @param packet the packet's bytes, from the Ethernet header on (raw: any bytes); null where none was given
 */
export function readContextInput(
  type: ImplementedProgramType,
  input: ContextInput,
  packet: Uint8Array | null,
): InputResult {
  try {
    const bytes = checkPacket(type, packet);
    const given = readGiven(type, input, bytes);
    return { ok: true, start: buildStart(type, given, givenLength(input, given), bytes) };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, refusal: error.refusal };
    throw error;
  }
}

function checkPacket(type: ImplementedProgramType, packet: Uint8Array | null): Uint8Array {
  const rules = PROGRAM_TYPE_RULES[type];
  const bytes = packet ?? new Uint8Array(0);
  const length = bytes.length;
  if (rules.packet === 'none' && length > 0) throw new Refused('packet', 'EINVAL', `${type} takes no packet`);
  if (length < rules.minPacketBytes) {
    throw new Refused(
      'packet',
      'EINVAL',
      `a packet of ${type} has at least ${rules.minPacketBytes} bytes, not ${length}`,
    );
  }
  // Metadata lies in the headroom and does not count: buildStart looks again at what is left.
  const most = rules.maxPacketBytes + (type === 'xdp' ? MAX_METADATA_BYTES : 0);
  if (length > most) {
    throw new Refused(
      'packet',
      type === 'xdp' ? 'EOPNOTSUPP' : 'EINVAL',
      `a packet of ${type} has at most ${rules.maxPacketBytes} bytes, not ${length}`,
    );
  }
  if (type === 'sched_cls' || type === 'socket_filter') {
    const etherType = protocolOf(bytes);
    const needed = etherType === ETH_P_IP ? IPV4_HEADER_BYTES : etherType === ETH_P_IPV6 ? IPV6_HEADER_BYTES : 0;
    if (length - ETHERNET_HEADER_BYTES < needed) {
      throw new Refused(
        'packet',
        'EINVAL',
        `EtherType 0x${etherType.toString(16).padStart(4, '0')} asks for ${needed} bytes after the Ethernet header`,
      );
    }
  }
  return bytes;
}

/** skb->protocol as eth_type_trans finds it, as a number in host order. */
function protocolOf(packet: Uint8Array): number {
  const etherType = (packet[12]! << 8) | packet[13]!;
  if (etherType >= ETH_P_802_3_MIN) return etherType;
  return packet[14] === 0xff && packet[15] === 0xff ? ETH_P_802_3 : ETH_P_802_2;
}

/** skb->pkt_type for a device whose address is all zeroes, as the loopback device's is. */
function packetKindOf(packet: Uint8Array): number {
  if (packet.subarray(0, 6).every((byte) => byte === 0)) return PACKET_KIND.host;
  return (packet[0]! & 1) === 1 ? PACKET_KIND.multicast : PACKET_KIND.otherHost;
}

/** ctx_in as bytes of the context's size, every byte checked (bpf_ctx_init, convert___skb_to_skb). */
function readGiven(type: ImplementedProgramType, input: ContextInput, packet: Uint8Array): Uint8Array {
  const layout = CONTEXTS[type];
  if (layout === null) {
    if (input !== null) throw new Refused('ctx', 'EINVAL', `${type} has no context`);
    return new Uint8Array(0);
  }
  const given = new Uint8Array(layout.size);
  if (input instanceof Uint8Array) {
    // A raw tracepoint takes at most its arguments; the other types ignore what lies behind the struct, if it is zero.
    if (type === 'raw_tracepoint' && input.length > layout.size) {
      throw new Refused(
        'ctx',
        'EINVAL',
        `the context of ${type} has at most ${layout.size} bytes, not ${input.length}`,
      );
    }
    if (input.length > MAX_CONTEXT_INPUT_BYTES || input.subarray(layout.size).some((byte) => byte !== 0)) {
      throw new Refused('ctx', 'E2BIG', `bytes after the ${layout.size} of struct ${layout.name}`);
    }
    given.set(input.subarray(0, layout.size));
  } else if (input !== null) {
    writeFields(type, input, layout.fields, given);
    // Only bytes can say where the packet ends; fields mean the whole packet.
    if (type === 'xdp' && input.dataEnd === undefined) new DataView(given.buffer).setUint32(4, packet.length, true);
  }
  if (input !== null) checkFields(type, layout.fields, given, packet);
  return given;
}

function writeFields(
  type: ImplementedProgramType,
  input: Readonly<Record<string, number | string>>,
  fields: readonly ContextField[],
  given: Uint8Array,
): void {
  const view = new DataView(given.buffer);
  for (const [name, text] of Object.entries(input)) {
    const row = fields.find((candidate) => candidate.name === name);
    if (row === undefined) throw new Refused(name, 'EINVAL', `the context of ${type} has no field ${name}`);
    const value = parseInteger(text);
    if (value === null || BigInt.asUintN(8 * row.size, value) !== value) {
      throw new Refused(name, 'EINVAL', `${name} takes an unsigned number of ${8 * row.size} bits`);
    }
    if (row.size === 8) view.setBigUint64(row.offset, value, true);
    else if (row.size === 4) view.setUint32(row.offset, Number(value), true);
    else view.setUint8(row.offset, Number(value));
  }
}

function parseInteger(text: number | string): bigint | null {
  if (typeof text === 'number') return Number.isSafeInteger(text) ? BigInt(text) : null;
  return /^(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})$/.test(text) ? BigInt(text) : null;
}

function checkFields(
  type: ImplementedProgramType,
  fields: readonly ContextField[],
  given: Uint8Array,
  packet: Uint8Array,
): void {
  const view = new DataView(given.buffer);
  const seen = PROGRAM_TYPE_RULES[type].packet === 'pulled' ? packet.length - ETHERNET_HEADER_BYTES : packet.length;
  const named = new Set<number>();
  for (const row of fields) {
    for (let byte = row.offset; byte < row.offset + row.size; byte++) named.add(byte);
    const value = row.size === 4 ? view.getUint32(row.offset, true) : 0;
    const refuse = (message: string, errno: ErrnoName = 'EINVAL') =>
      new Refused(row.name, errno, `${row.name} ${message}`);
    switch (row.input.kind) {
      case 'any':
        break;
      case 'zero':
        if (given.subarray(row.offset, row.offset + row.size).some((byte) => byte !== 0)) {
          throw refuse('cannot be set in a test run');
        }
        break;
      case 'at_most':
        if (value > row.input.maximum) throw refuse(`is at most ${row.input.maximum}`);
        break;
      case 'device':
        if (value > MAX_IFINDEX) throw refuse('names no network device', 'ENODEV');
        break;
      case 'wire_length':
        if (value !== 0 && value < seen) throw refuse(`is at least the packet's length ${seen}`);
        if (value > MAX_WIRE_LENGTH) throw refuse(`is at most ${MAX_WIRE_LENGTH}`);
        break;
      case 'metadata_length':
        if (value % 4 !== 0 || value > MAX_METADATA_BYTES) {
          throw refuse(`is the length of the metadata: a multiple of 4, at most ${MAX_METADATA_BYTES}`);
        }
        if (packet.length - value < ETHERNET_HEADER_BYTES) throw refuse('leaves less than an Ethernet header');
        break;
      case 'packet_length':
        if (value > packet.length) throw refuse("lies behind the packet's last byte");
        if (value < view.getUint32(0, true)) throw refuse('lies before data');
        if (value !== packet.length)
          throw refuse("must be the packet's length: Waggle has no packet fragments", 'EOPNOTSUPP');
        break;
    }
  }
  const stray = given.findIndex((byte, index) => byte !== 0 && !named.has(index));
  if (stray >= 0) throw new Refused('ctx', 'EINVAL', `byte ${stray} of the context cannot be set in a test run`);
}

function givenLength(input: ContextInput, given: Uint8Array): number {
  if (input === null) return 0;
  return input instanceof Uint8Array ? Math.min(input.length, given.length) : given.length;
}

/** The context as the program finds it, from a checked ctx_in. */
function buildStart(type: ImplementedProgramType, given: Uint8Array, givenBytes: number, packet: Uint8Array): RunStart {
  const context = given.slice();
  const view = new DataView(context.buffer);
  const whole = { given, givenBytes, packetMeta: 0, packetStart: 0, packetEnd: packet.length };
  switch (type) {
    case 'raw':
    case 'raw_tracepoint':
      return { context, ...whole };
    case 'xdp': {
      const packetStart = view.getUint32(0, true);
      if (packet.length - packetStart > PROGRAM_TYPE_RULES.xdp.maxPacketBytes) {
        throw new Refused(
          'packet',
          'EOPNOTSUPP',
          `a packet of xdp has at most ${PROGRAM_TYPE_RULES.xdp.maxPacketBytes} bytes after its metadata`,
        );
      }
      view.setUint32(0, 0, true);
      view.setUint32(4, 0, true);
      if (view.getUint32(12, true) === 0) view.setUint32(12, DEFAULT_IFINDEX, true);
      return { context, ...whole, packetStart };
    }
    case 'sched_cls':
    case 'socket_filter': {
      const packetStart = type === 'socket_filter' ? ETHERNET_HEADER_BYTES : 0;
      view.setUint32(0, packet.length - packetStart, true);
      view.setUint32(4, packetKindOf(packet), true);
      // A __be16 read as a number of this little-endian machine.
      view.setUint16(16, protocolOf(packet), false);
      if (view.getUint32(40, true) === 0) view.setUint32(40, DEFAULT_IFINDEX, true);
      // Only the conversion of a ctx_in fills it in; without one the kernel leaves zero.
      if (givenBytes > 0 && view.getUint32(160, true) === 0) view.setUint32(160, packet.length - packetStart, true);
      // The kernel keeps 16 bits of it.
      view.setUint16(178, 0, true);
      return { context, ...whole, packetMeta: packetStart, packetStart };
    }
  }
}

/**
 * ctx_out of a run, from the context as the program left it. Fields that the kernel does not copy back have what ctx_in had.
 * @param context the context's bytes after the run
 */
export function contextOutput(type: ImplementedProgramType, start: RunStart, context: Uint8Array): Uint8Array | null {
  const layout = CONTEXTS[type];
  if (layout === null || type === 'raw_tracepoint') return null;
  const output = start.given.slice();
  const view = new DataView(output.buffer);
  if (type === 'xdp') return output;
  for (const row of layout.fields) {
    if (row.output) output.set(context.subarray(row.offset, row.offset + row.size), row.offset);
  }
  if (view.getUint32(160, true) === 0)
    view.setUint32(160, new DataView(context.buffer, context.byteOffset).getUint32(0, true), true);
  return output;
}

/**
 * data_out of a run. The kernel pushes the Ethernet header that it had pulled as zeroes; nothing else is put back.
 * @param packet the packet's bytes after the run, from the Ethernet header on
 */
export function packetOutput(type: ImplementedProgramType, packet: Uint8Array): Uint8Array {
  if (PROGRAM_TYPE_RULES[type].packet !== 'pulled') return packet;
  return packet.slice().fill(0, 0, ETHERNET_HEADER_BYTES);
}

/**
 * A raw tracepoint's ctx_in must reach as far as the entry program reads (bpf_prog_test_run_raw_tp); the other types need no ctx_in.
 * @param contextBytes of the entry program's VerifierReport
 */
export function checkContextReach(
  type: ImplementedProgramType,
  start: RunStart,
  contextBytes: number,
): InputRefusal | null {
  if (type !== 'raw_tracepoint' || start.givenBytes >= contextBytes) return null;
  const message = `the program reads ${contextBytes} bytes of its context, ${start.givenBytes} are given`;
  return { field: 'ctx', errno: 'EINVAL', message };
}
