/** Texts and bytes of programs that nobody writes but to do harm. Every `count` is a number of instructions or of the shape's parts. */

import { encode } from '../../src/isa/encode.ts';
import type { Instruction } from '../../src/isa/instruction.ts';
import { OPCODE } from '../../src/isa/opcodes.ts';

const R0_ADD = 0x07;
const R0_MOVE = 0xb7;
const SHIFT = 7;

function each(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index)).join('\n');
}

/** `body` again and again: for the budget to end. */
export function forever(body: string): string {
  return `r0 = 0\nr6 = r1\nagain:\n${body}\nr7 += 1\ngoto again`;
}

/** One label that every other instruction jumps to. */
export function jumpsToOneLabel(count: number): string {
  return forever(`${each(count, (index) => `if r7 == ${index + 1000} goto out`)}\nr8 += 1\nout:`);
}

/** One loop with a back edge at each instruction. */
export function backEdgesToOneLabel(count: number): string {
  return forever(`head:\nr8 += 1\n${each(count, (index) => `if r8 == ${index * 3} goto head`)}`);
}

/** Each `if` holds the rest of them. */
export function nestedIfs(count: number): string {
  const opened = each(count, (index) => `if r7 s< ${-index - 1} goto end_${index}\nr8 += 1`);
  const closed = each(count, (index) => `end_${count - 1 - index}:\nr8 ^= ${index}`);
  return forever(`${opened}\n${closed}`);
}

/** Each loop holds the rest of them; only the innermost goes round often. */
export function nestedLoops(count: number): string {
  const heads = each(count, (index) => `head_${index}:`);
  const backs = each(count, (index) => `r8 += 1\nif r8 == ${index + 3} goto head_${count - 1 - index}`);
  return forever(`${heads.replaceAll(':', ':\nr9 += 1')}\n${backs}`);
}

/** A circle of blocks, each of which can be entered from outside: no loop has one header. */
export function irreducibleCircle(count: number): string {
  const entries = each(count, (index) => `if r7 == ${index} goto ring_${index}`);
  const ring = each(count, (index) => `ring_${index}:\nr8 += ${index}`);
  return forever(`${entries}\n${ring}\nif r8 & 1 goto ring_0`);
}

/** A corridor of blocks with doors both ways, entered at both ends: iterated dominators need a pass for each block. */
export function twoWayCorridor(count: number): string {
  const rooms = each(
    count,
    (index) => `room_${index}:\nr8 += 1\nif r8 & ${1 << (index % 8)} goto room_${Math.max(index - 1, 0)}`,
  );
  return forever(`if r7 & 1 goto room_${count - 1}\n${rooms}`);
}

/** A long way down, and from each of its blocks a way to one of many merge points with a second, short way: long walks up the tree. */
export function longWaysToMerge(count: number): string {
  const down = each(count, (index) => `if r7 == ${index} goto merge_${index}`);
  const merges = each(count, (index) => `merge_${index}:\nr8 += ${index}`);
  return forever(`if r7 & 1 goto merge_0\n${down}\n${merges}`);
}

/** Arithmetic without a jump. */
export function straightLine(count: number): Uint8Array {
  const instructions = Array.from({ length: count }, (_, pc): Instruction => {
    const opcode = pc === 0 ? R0_MOVE : pc === count - 1 ? OPCODE.EXIT : R0_ADD;
    return { pc, opcode, dst: 0, src: 0, offset: 0, imm: opcode === R0_ADD ? pc : 0, nextImm: undefined };
  });
  return encode(instructions);
}

/** Loads of one packet, each with its check, in a function without end. */
export function checkedLoads(count: number): string {
  const start = 'r6 = *(u32 *)(r1 + 0)';
  const loads = each(count, (index) => `r${index & 1 ? 7 : 8} = *(u8 *)(r6 + ${index % 64})`);
  return `${start}\nr0 = 0\nagain:\n${loads}\nr0 += r7\nr0 += r8\ngoto again`;
}

/** Loads of which each needs the one before, so that no two of their checks can be one. */
export function pointerChase(count: number): string {
  return `r0 = 0\nr6 = a[0] ll\n*(u64 *)(r6 + 0) = r6\nagain:\nr7 += 1\n${each(count, () => 'r6 = *(u64 *)(r6 + 0)')}\ngoto again`;
}

/** Stores, loads and atomics on a map's value, checked. */
export function checkedAtomics(count: number): string {
  const access = each(count, (index) => `lock *(u64 *)(r6 + ${(index % 8) * 8}) += r8`);
  return `r6 = values[0] ll\nr0 = 0\nr8 = 1\nagain:\n${access}\ngoto again`;
}

/** Immediates that take all 64 bits. */
export function giantConstants(count: number): string {
  const load = (index: number) =>
    `r${1 + (index % 5)} = 0x${(0xfedc_ba98_7654_3210n ^ (BigInt(index) << 33n)).toString(16)} ll`;
  return `r0 = 0\nagain:\n${each(count, (index) => `${load(index)}\nr0 ^= r${1 + (index % 5)}`)}\ngoto again`;
}

/** Addresses of many maps. */
export function mapAddresses(count: number, maps: number): string {
  return `r0 = 0\nagain:\n${each(count, (index) => `r${1 + (index % 5)} = map_${index % maps}[0] ll`)}\ngoto again`;
}

/** Eight floors of functions, each calling every one of the floor below: `width ** 7` calls would be taken. Each `variant` is another program. */
export function callGraph(width: number, variant = 0): string {
  const floors = 'abcdefgh';
  const call = (floor: number) => each(width, (room) => `call ${floors[floor]}${room}`);
  const bodies = Array.from({ length: floors.length - 1 }, (_, index) =>
    each(width, (room) => {
      const floor = index + 1;
      const body = floor + 1 < floors.length ? call(floor + 1) : `r0 = ${room + variant * width}`;
      return `${floors[floor]}${room}:\n${body}\nexit`;
    }),
  );
  return `again:\n${call(1)}\ngoto again\n${bodies.join('\n')}`;
}

/** Two functions that call each other: for `verify: off`. */
export const RECURSION = 'call f\nexit\nf:\ncall g\nr0 += 1\nexit\ng:\ncall f\nr0 += 1\nexit';

/** A tail call to `slot` of the prog array `chain`, behind `count` instructions. */
export function hop(slot: number, count = 1): string {
  return `${each(count, (index) => `r${7 + (index % 3)} += ${index * SHIFT}`)}\nr2 = chain ll\nr3 = ${slot}\ncall bpf_tail_call\nr0 = 2\nexit`;
}

/** Tail calls that all miss. */
export function missedTailCalls(count: number): string {
  return `r6 = r1\nagain:\n${each(count, () => 'r1 = r6\nr2 = chain ll\nr3 = 9\ncall bpf_tail_call')}\ngoto again`;
}

/** Looks up an array in place, over and over. */
export function inlinedLookups(count: number): string {
  return `*(u32 *)(r10 - 4) = 0\nagain:\n${each(count, () => 'r1 = values ll\nr2 = r10\nr2 += -4\ncall bpf_map_lookup_elem')}\ngoto again`;
}

/** Updates element 0 of the map `values` from its own value at `source`. */
export const UPDATES = [
  'r6 = source[0] ll',
  '*(u32 *)(r10 - 4) = 0',
  'again:',
  'r1 = values ll',
  'r2 = r10',
  'r2 += -4',
  'r3 = r6',
  'r4 = 0',
  'call bpf_map_update_elem',
  'goto again',
].join('\n');

/** Prints as much as a call may. */
export const PRINTS = [
  'r6 = values[0] ll',
  'again:',
  'r1 = r6',
  'r2 = 64',
  'r3 = r1',
  'r4 = r1',
  'r5 = r1',
  'call bpf_trace_printk',
  'goto again',
].join('\n');

/** Keys of a hash with `buckets` buckets that all fall into the first one (FNV-1a over four bytes, folded), in hex. */
export function keysOfOneBucket(count: number, buckets: number): string[] {
  const keys: string[] = [];
  for (let key = 0; keys.length < count; key++) {
    let hash = 0x811c_9dc5;
    for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ ((key >>> shift) & 0xff), 0x0100_0193);
    if (((hash ^ (hash >>> 15)) & (buckets - 1)) !== 0) continue;
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(key);
    keys.push(bytes.toString('hex'));
  }
  return keys;
}

/** Looks up the last element of a hash's bucket, over and over: `source` holds its key. */
export const LOOKUPS = [
  'r6 = source[0] ll',
  'again:',
  'r1 = values ll',
  'r2 = r6',
  'call bpf_map_lookup_elem',
  'goto again',
].join('\n');

/** Writes and reads every byte of a map's one value, from end to end. */
export function sweep(bytes: number): string {
  return `r0 = 0\nstart:\nr6 = values[0] ll\nr7 = r6\nr8 = ${bytes} ll\nr7 += r8\nagain:\n*(u64 *)(r6 + 0) = -1\nr6 += 8\nif r6 < r7 goto again\ngoto start`;
}
