/** Inputs of test runs, and what Linux 6.18 says of them. */

import type { ContextInput } from '../../src/spec/context-input.ts';
import type { ImplementedProgramType } from '../../src/spec/programs.ts';

/** An Ethernet frame of `length` bytes: addresses, EtherType, then 0x45 all along. */
export function frame(length: number, etherType = 0x88b5, destination = 0x02): Uint8Array {
  const bytes = new Uint8Array(Math.max(length, 14)).fill(0x45);
  bytes.fill(0, 0, 6);
  bytes[0] = destination;
  bytes.fill(2, 6, 12);
  bytes[12] = etherType >> 8;
  bytes[13] = etherType & 0xff;
  return bytes.subarray(0, length);
}

export interface InputRow {
  readonly name: string;
  readonly type: ImplementedProgramType;
  readonly ctx: ContextInput;
  readonly packet: Uint8Array | null;
  /** null: taken. */
  readonly refused: { readonly field: string; readonly errno: string } | null;
  /** True: Linux takes it. */
  readonly onlyHere?: boolean;
}

const no = (field: string, errno = 'EINVAL') => ({ field, errno });
const xdp = (name: string, ctx: ContextInput, refused: InputRow['refused'], packet = frame(64)): InputRow => ({
  name: `xdp: ${name}`,
  type: 'xdp',
  ctx,
  packet,
  refused,
});
const skb = (name: string, ctx: ContextInput, refused: InputRow['refused'], packet = frame(64)): InputRow[] =>
  (['sched_cls', 'socket_filter'] as const).map((type) => ({ name: `${type}: ${name}`, type, ctx, packet, refused }));

const trailing = (length: number, last: number) => new Uint8Array(length).fill(last, length - 1);
const XDP_BYTES = new Uint8Array(32);
XDP_BYTES[4] = 64;

export const INPUT_ROWS: readonly InputRow[] = [
  xdp('defaults', null, null),
  xdp('shortest packet', null, null, frame(14)),
  xdp('packet of 13 bytes', null, no('packet'), frame(13)),
  xdp('longest packet', null, null, frame(3520)),
  { ...xdp('packet with fragments', null, no('packet', 'EOPNOTSUPP'), frame(3521)), onlyHere: true },
  xdp('all fields zero', {}, null),
  xdp('metadata', { data: 8 }, null),
  xdp('most metadata', { data: 216 }, null, frame(600)),
  xdp('too much metadata', { data: 220 }, no('data'), frame(600)),
  xdp('metadata of 3 bytes', { data: 3 }, no('data')),
  xdp('metadata that leaves 12 bytes', { data: 52 }, no('data')),
  xdp('end behind the packet', { dataEnd: 65 }, no('dataEnd')),
  { ...xdp('end inside the packet', { dataEnd: 63 }, no('dataEnd', 'EOPNOTSUPP')), onlyHere: true },
  xdp('dataMeta', { dataMeta: 4 }, no('dataMeta')),
  xdp('device 1', { ingressIfindex: 1 }, null),
  xdp('device 2^31', { ingressIfindex: 2 ** 31 }, no('ingressIfindex', 'ENODEV')),
  xdp('queue 1', { ingressIfindex: 1, rxQueueIndex: 1 }, no('rxQueueIndex')),
  xdp('egress device', { egressIfindex: 1 }, no('egressIfindex')),
  xdp('bytes', XDP_BYTES, null),
  xdp('bytes behind the struct', trailing(25, 1), no('ctx', 'E2BIG')),
  ...skb('defaults', null, null),
  ...skb('packet of 13 bytes', null, no('packet'), frame(13)),
  ...skb('longest packet', null, null, frame(3712)),
  ...skb('longer packet', null, no('packet'), frame(3713)),
  ...skb('IPv4 without its header', null, no('packet'), frame(33, 0x0800)),
  ...skb('IPv4 with its header', null, null, frame(34, 0x0800)),
  ...skb('IPv6 without its header', null, no('packet'), frame(53, 0x86dd)),
  ...skb('IPv6 with its header', null, null, frame(54, 0x86dd)),
  ...skb('settable fields', { mark: 5, priority: 7, ingressIfindex: 77, cb0: 1, cb4: 2, gsoSegs: 3, gsoSize: 4 }, null),
  ...skb('times', { tstamp: '9', hwtstamp: '0x10' }, null),
  ...[
    'len',
    'pktType',
    'queueMapping',
    'protocol',
    'vlanPresent',
    'hash',
    'tcIndex',
    'tcClassid',
    'napiId',
    'tstampType',
  ].flatMap((name) => skb(name, { [name]: 1 }, no(name))),
  ...skb('device 2^31', { ifindex: 2 ** 31 }, no('ifindex', 'ENODEV')),
  ...skb('65536 segments', { gsoSegs: 65536 }, no('gsoSegs')),
  ...skb('large segments', { gsoSize: 65540 }, null),
  ...skb('wire length of the packet', { wireLen: 64 }, null),
  ...skb('longest wire length', { wireLen: 65_536 }, null),
  ...skb('longer wire length', { wireLen: 65_537 }, no('wireLen')),
  ...skb('largest number as wire length', { wireLen: 0xffff_ffff }, no('wireLen')),
  ...skb('wire length of 49', { wireLen: 49 }, no('wireLen')),
  {
    name: 'sched_cls: short wire length',
    type: 'sched_cls',
    ctx: { wireLen: 63 },
    packet: frame(64),
    refused: no('wireLen'),
  },
  {
    name: 'socket_filter: wire length without Ethernet header',
    type: 'socket_filter',
    ctx: { wireLen: 50 },
    packet: frame(64),
    refused: null,
  },
  ...skb('bytes between fields', trailing(90, 1), no('ctx')),
  ...skb('zero bytes behind the struct', new Uint8Array(4096), null),
  ...skb('bytes behind the struct', trailing(193, 1), no('ctx', 'E2BIG')),
  ...skb('more than a page', new Uint8Array(4097), no('ctx', 'E2BIG')),
  { name: 'raw_tracepoint: nothing', type: 'raw_tracepoint', ctx: null, packet: null, refused: null },
  {
    name: 'raw_tracepoint: all arguments',
    type: 'raw_tracepoint',
    ctx: new Uint8Array(96).fill(1),
    packet: null,
    refused: null,
  },
  {
    name: 'raw_tracepoint: 97 bytes',
    type: 'raw_tracepoint',
    ctx: new Uint8Array(97),
    packet: null,
    refused: no('ctx'),
  },
  { name: 'raw_tracepoint: packet', type: 'raw_tracepoint', ctx: null, packet: frame(64), refused: no('packet') },
];
