/** Programs of any length that no one has seen before: what load latency is measured with. */

import { assemble } from '../src/isa/assemble.ts';

const PACKET_BYTES = 64;

/** A small generator (mulberry32), so that a seed gives the same program everywhere. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/**
 * Bytes of an XDP program of `length` instructions (at least 10): arithmetic, loads from the packet, the stack, forward jumps, in about the
 * proportions of compiled code. The constants in it make the bytes of two seeds differ.
 */
export function randomProgram(length: number, seed: number): Uint8Array {
  const random = randomNumbers(seed);
  const pick = (values: readonly string[]) => values[random(values.length)]!;
  const registers = ['r0', 'r2', 'r3', 'r4'] as const;
  const lines = [
    'r6 = *(u32 *)(r1 + 0)',
    'r7 = *(u32 *)(r1 + 4)',
    `r0 = ${random(0x7fff_ffff)}`,
    'r2 = r0',
    'r3 = r0',
    'r4 = r0',
  ];
  const end = ['exit'];
  // Without a look at the packet's end a program may not read it.
  const hasPacket = length >= 20;
  if (hasPacket)
    lines.push('r5 = r6', `r5 += ${PACKET_BYTES}`, `if r5 > r7 goto +${length - 10}`, '*(u64 *)(r10 - 8) = r0');
  const body = length - end.length;
  while (lines.length < body) {
    const left = body - lines.length;
    const kind = random(8);
    if (kind === 0 && hasPacket)
      lines.push(`${pick(registers)} = *(u${pick(['8', '16', '32'])} *)(r6 + ${random(PACKET_BYTES - 4)})`);
    else if (kind === 1 && hasPacket) lines.push(`*(u64 *)(r10 - 8) = ${pick(registers)}`);
    else if (kind === 2 && hasPacket) lines.push(`${pick(registers)} = *(u64 *)(r10 - 8)`);
    else if (kind === 3 && left > 4)
      lines.push(`if ${pick(registers)} ${pick(['==', '>', 's<'])} ${random(1000)} goto +${1 + random(3)}`);
    else if (kind <= 5)
      lines.push(`${pick(registers)} ${pick(['+=', '-=', '*=', '^=', '|=', '&='])} ${random(0x7fff_ffff)}`);
    else lines.push(`${pick(registers)} ${pick(['+=', '-=', '*=', '^='])} ${pick(registers)}`);
  }
  const assembled = assemble([...lines, ...end].join('\n'), { map: () => undefined, helper: () => undefined });
  return assembled.code;
}
