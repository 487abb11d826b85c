/** Owners of a VM's memory: some leave as much as they can behind, one looks for it. */

import { STACK } from '../../src/contract/memory.ts';
import type { RunDescription } from '../support/engine-run.ts';

/** Different programs; more than a thread's module cache keeps. */
const VARIANTS = 600;
/** Every so many owners one needs the large class of memories. */
const LARGE_EVERY = 64;
const LARGE_VALUE_BYTES = 5 * 1024 * 1024;
const SMALL_VALUE_BYTES = 16 * 1024;
const PACKET_BYTES = 1024;

type Owner = (secret: number) => RunDescription;

function packetOf(secret: number, bytes = PACKET_BYTES): Uint8Array {
  return new Uint8Array(bytes).fill(1 + (secret % 255));
}

function fillStack(secret: number): string {
  return Array.from(
    { length: STACK.MAX_BYTES / 8 },
    (_, word) => `*(u64 *)(r10 - ${8 * (word + 1)}) = ${-secret - 1}`,
  ).join('\n');
}

/** What is left behind: in frames, map values, keys, a packet, chain rows, prints; by exits, faults and budgets. */
const LEAVERS: readonly Owner[] = [
  (secret) => ({ programs: { p: `${fillStack(secret)}\nr0 = 1\nexit` }, packet: packetOf(secret) }),
  (secret) => ({
    programs: {
      p: `r1 = ${secret}\ncall f\nexit\nf:\n*(u64 *)(r10 - 64) = r1\nr2 = r10\nr2 += -64\ncall g\nexit\ng:\n*(u64 *)(r10 - 128) = r1\n*(u64 *)(r2 + 0) = -1\nr0 = *(u64 *)(r1 + 0)\nexit`,
    },
    verify: 'off',
  }),
  (secret) => ({
    programs: {
      p: `*(u64 *)(r10 - 8) = ${secret}\n*(u64 *)(r10 - 16) = -1\nr1 = h ll\nr2 = r10\nr2 += -8\nr3 = r10\nr3 += -16\nr4 = 0\ncall bpf_map_update_elem\nr0 = 0\nexit`,
    },
    maps: { h: { type: 'hash', keySize: 8, valueSize: 8, maxEntries: 64 } },
    returnMaps: [],
  }),
  (secret) => ({
    programs: {
      p: `r6 = a[0] ll\nr7 = 0\nagain:\n*(u64 *)(r6 + 0) = ${-secret - 1}\nr6 += 8\nr7 += 8\nif r7 < ${SMALL_VALUE_BYTES} goto again\nr0 = *(u64 *)(r6 + 0)\nexit`,
    },
    maps: { a: { valueSize: SMALL_VALUE_BYTES } },
    returnMaps: [],
    verify: 'off',
  }),
  (secret) => ({
    programs: { p: `r0 = ${secret}\nr6 = r1\nr2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit` },
    maps: { chain: { slots: { 0: 'p' } } },
    repeat: 3,
  }),
  (secret) => ({
    programs: {
      p: `*(u64 *)(r10 - 8) = 0x4141\nagain:\nr1 = r10\nr1 += -8\nr2 = 8\ncall bpf_trace_printk\nr7 += ${secret}\ngoto again`,
    },
    verify: 'off',
    budgets: { instructions: 300 },
  }),
];

function largeOwner(secret: number): RunDescription {
  return {
    programs: {
      p: `r6 = a[0] ll\n*(u64 *)(r6 + ${8 * (secret % 4000)}) = -1\nr6 += ${LARGE_VALUE_BYTES - 8}\n*(u64 *)(r6 + 0) = -1\nr0 = 0\nexit`,
    },
    maps: { a: { valueSize: LARGE_VALUE_BYTES } },
    returnMaps: [],
    verify: 'off',
  };
}

function isLarge(number: number): boolean {
  return number % LARGE_EVERY === LARGE_EVERY - 1;
}

/** Owner `number` of all. */
export function leaver(number: number): RunDescription {
  const secret = number % VARIANTS;
  return isLarge(number) ? largeOwner(secret) : LEAVERS[number % LEAVERS.length]!(secret);
}

/**
 * The owner after it: a raw program that nothing has verified. It combines with `or` all that it may read: the open bytes of the stack by
 * their address, so that it has no frame to clear, its packet and its map, which lie where the last owner's data lay. r0 must be 0.
 */
export function scanner(number: number): RunDescription {
  const valueBytes = isLarge(number) ? LARGE_VALUE_BYTES : SMALL_VALUE_BYTES;
  const regions = [
    { address: `r6 = ${STACK.BASE - STACK.MAX_BYTES} ll`, bytes: STACK.MAX_BYTES },
    { address: 'r6 = r1', bytes: PACKET_BYTES },
    { address: 'r6 = a[0] ll', bytes: valueBytes },
  ];
  const scans = regions.map(
    ({ address, bytes }, index) =>
      `${address}\nr7 = 0\nscan_${index}:\nr8 = *(u64 *)(r6 + 0)\nr0 |= r8\nr6 += 8\nr7 += 8\nif r7 < ${bytes} goto scan_${index}`,
  );
  return {
    programs: { scan: `r0 = 0\n${scans.join('\n')}\nexit` },
    type: 'raw',
    maps: { a: { valueSize: valueBytes } },
    packet: new Uint8Array(PACKET_BYTES),
    returnMaps: [],
    verify: 'off',
    budgets: { instructions: 10_000_000 },
  };
}
