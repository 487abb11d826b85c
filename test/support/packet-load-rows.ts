/** LD_ABS and LD_IND: programs and what Linux 6.18 returns from them, with this packet. */

const PACKET_BYTES = 64;

/** Byte 12 and 13 are an EtherType without a meaning; byte 14 is the first behind the Ethernet header. */
export const PACKET = Uint8Array.from({ length: PACKET_BYTES }, (_, index) => {
  if (index < 12) return 0xa0 + index;
  return index < 14 ? [0x88, 0xb5][index - 12]! : (7 * index + 0x80) & 0xff;
});

export interface PacketLoadRow {
  readonly name: string;
  readonly text: string;
  /** u32 by program type. */
  readonly sched_cls: number;
  readonly socket_filter: number;
}

const NETWORK = -0x10_0000;
const LINK = -0x20_0000;

/** `r6 = r1; r0 = *(type *)skb[offset]; exit`. */
function load(type: string, offset: number, schedCls: number, socketFilter: number): PacketLoadRow {
  const text = `r6 = r1\nr0 = *(${type} *)skb[${offset}]\nexit`;
  return { name: `${type} at ${offset}`, text, sched_cls: schedCls, socket_filter: socketFilter };
}

function row(name: string, lines: string, schedCls: number, socketFilter: number): PacketLoadRow {
  return { name, text: lines.split('; ').join('\n'), sched_cls: schedCls, socket_filter: socketFilter };
}

export const PACKET_LOAD_ROWS: readonly PacketLoadRow[] = [
  load('u8', 0, 0xa0, 0xe2),
  load('u16', 0, 0xa0a1, 0xe2e9),
  load('u32', 0, 0xa0a1_a2a3, 0xe2e9_f0f7),
  load('u32', 12, 0x88b5_e2e9, 0x363d_444b),
  load('u32', 46, 0xc2c9_d0d7, 0x242b_3239),
  load('u32', 47, 0xc9d0_d7de, 0),
  load('u8', 49, 0xd7, 0x39),
  load('u8', 50, 0xde, 0),
  load('u32', 60, 0x242b_3239, 0),
  load('u32', 61, 0, 0),
  load('u8', 63, 0x39, 0),
  load('u8', 64, 0, 0),
  load('u8', 0x7fff_ffff, 0, 0),
  load('u8', NETWORK, 0xe2, 0xe2),
  load('u32', NETWORK + 1, 0xe9f0_f7fe, 0xe9f0_f7fe),
  load('u8', NETWORK + 49, 0x39, 0x39),
  load('u32', NETWORK + 47, 0, 0),
  load('u8', NETWORK + 50, 0, 0),
  load('u8', -1, 0, 0),
  load('u8', LINK, 0xa0, 0xa0),
  load('u32', LINK + 12, 0x88b5_e2e9, 0x88b5_e2e9),
  load('u32', LINK + 60, 0x242b_3239, 0x242b_3239),
  load('u8', LINK + 64, 0, 0),
  load('u8', LINK - 1, 0, 0),
  load('u8', -0x8000_0000, 0, 0),
  row('the value has 32 bits', 'r6 = r1; r0 = *(u32 *)skb[0]; r0 >>= 32; exit', 0, 0),
  row('its sign bit is no sign', 'r6 = r1; r0 = *(u32 *)skb[0]; r0 s>>= 31; exit', 1, 1),
  row('a register and an offset', 'r6 = r1; r7 = 4; r0 = *(u16 *)skb[r7 + 2]; exit', 0xa6a7, 0x0c13),
  row('the sum has 32 bits', 'r6 = r1; r7 = 0x100000004 ll; r0 = *(u16 *)skb[r7 + 2]; exit', 0xa6a7, 0x0c13),
  row('the sum comes back from below', 'r6 = r1; r7 = -1; r0 = *(u16 *)skb[r7 + 2]; exit', 0xa1a2, 0xe9f0),
  row('the sum wraps', 'r6 = r1; r7 = 0x7fffffff; r0 = *(u8 *)skb[r7 + 0x7fffffff]; r0 = 5; exit', 0, 0),
  row('the index register stays', 'r6 = r1; r7 = 1; r0 = *(u8 *)skb[r7 + 0]; r0 += r7; exit', 0xa2, 0xea),
  row('out of range ends the program', 'r6 = r1; r0 = 7; r0 = *(u8 *)skb[1000]; r0 = 5; exit', 0, 0),
  row(
    'out of range in a loop',
    'r6 = r1; r7 = 60; a: r0 = *(u8 *)skb[r7 + 0]; r7 += 1; if r7 != 70 goto a; r0 = 5; exit',
    0,
    0,
  ),
  row(
    'out of range in a subprogram goes back to its caller',
    'call f; r0 += 100; exit; f: r6 = r1; r0 = *(u8 *)skb[1000]; r0 = 7; exit',
    100,
    100,
  ),
  row('in a subprogram', 'call f; r0 += 100; exit; f: r6 = r1; r0 = *(u8 *)skb[1]; exit', 0x105, 0x14d),
  row('behind a call', 'r6 = r1; call f; r0 = *(u8 *)skb[1]; exit; f: r0 = 1; exit', 0xa1, 0xe9),
];
