/** Calls between functions of one program (bpf2bpf), with what Linux 6.18 makes of them. */

import type { RunDescription } from '../support/engine-run.ts';
import { objectBytes } from '../support/fixtures.ts';
import { hop, leave, SAVE } from '../support/tail-call-rows.ts';

export interface CallRow extends RunDescription {
  readonly name: string;
  readonly returns: number;
}

/** f0 calls f1 and so on; each adds its number + 1 to what comes back. `last` is the innermost one's body. */
function nested(frames: number, last = leave(0)): string {
  const parts: string[] = [];
  for (let number = 0; number < frames; number++) {
    const label = number === 0 ? '' : `f${number}:\n`;
    const body = number === frames - 1 ? last : `${SAVE}call f${number + 1}\nr0 += ${number + 1}\nexit\n`;
    parts.push(`${label}${body}`);
  }
  return parts.join('');
}

const clobber = 'r6 = 61\nr7 = 71\nr8 = 81\nr9 = 91\n';
const LENGTH = 54;
const tc = { type: 'sched_cls', packet: new Uint8Array(LENGTH) } as const;

export const CALL_ROWS: readonly CallRow[] = [
  { name: '8 frames', programs: { entry: nested(8) }, returns: 1 + 2 + 3 + 4 + 5 + 6 + 7 },
  {
    name: 'r6 to r9 are the callee’s own, and the caller’s again',
    programs: {
      entry: `r6 = 6\nr7 = 7\nr8 = 8\nr9 = 9\ncall outer
r0 += r6\nr0 += r7\nr0 += r8\nr0 += r9\nexit
outer:
${clobber}call inner
r0 += r6\nr0 += r7\nr0 += r8\nr0 += r9\nexit
inner:
r6 = 1\nr7 = 1\nr8 = 1\nr9 = 1\n${leave(1000)}`,
    },
    returns: 1000 + 61 + 71 + 81 + 91 + 30,
  },
  {
    name: 'five arguments of 64 bits',
    programs: {
      entry: `r1 = 1\nr2 = 0x200000000 ll\nr3 = 3\nr4 = 4\nr5 = -5\ncall sum\nexit
sum:
r0 = r2\nr0 >>= 32\nr0 += r1\nr0 += r3\nr0 += r4\nr0 += r5\nexit`,
    },
    returns: 5,
  },
  {
    name: 'a frame is the callee’s own: the same offset in two frames',
    programs: {
      entry: `r1 = 11\n*(u64 *)(r10 - 8) = r1\nr1 = 0\ncall sub\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\nexit
sub:
r1 = 22\n*(u64 *)(r10 - 8) = r1\nr0 = *(u64 *)(r10 - 8)\nexit`,
    },
    returns: 33,
  },
  {
    name: 'a pointer to the caller’s stack: read and written',
    programs: {
      entry: `r1 = 40\n*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\ncall sub\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\nexit
sub:
r2 = *(u64 *)(r1 + 0)\nr3 = 2\n*(u64 *)(r1 + 0) = r3\nr0 = r2\nexit`,
    },
    returns: 42,
  },
  {
    name: 'a pointer to the first of eight frames, in the last',
    programs: {
      entry: `*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\ncall f1\nr0 = *(u64 *)(r10 - 8)\nexit
${[1, 2, 3, 4, 5, 6].map((n) => `f${n}:\nr6 = r1\n*(u32 *)(r10 - 4) = ${n}\ncall f${n + 1}\nr2 = *(u64 *)(r6 + 0)\nr2 += ${n}\n*(u64 *)(r6 + 0) = r2\nr0 = 0\nexit\n`).join('')}f7:
r2 = 700\n*(u64 *)(r1 + 0) = r2\nr0 = 0\nexit`,
    },
    returns: 721,
  },
  {
    name: 'a variable offset into the caller’s stack',
    ...tc,
    programs: {
      entry: `r6 = r1
${[1, 2, 3, 4, 5, 6, 7, 8].map((n) => `*(u64 *)(r10 - ${8 * n}) = ${n}\n`).join('')}r2 = *(u32 *)(r6 + 0)
r1 = r10\nr1 += -64\ncall sub\nr1 = *(u64 *)(r10 - 16)\nr0 += r1\nexit
sub:
r2 &= 7\nr2 <<= 3\nr1 += r2\nr0 = *(u64 *)(r1 + 0)\nr3 = 100\n*(u64 *)(r1 + 0) = r3\nexit`,
    },
    // 54 & 7 = 6: the word at r10 - 64 + 48 holds 2, then 100.
    returns: 102,
  },
  {
    name: 'a helper’s key lies in the caller’s stack',
    programs: {
      entry: `*(u32 *)(r10 - 4) = 1\nr1 = r10\nr1 += -4\ncall sub\nexit
sub:
r2 = r1\nr1 = values ll\ncall map_lookup_elem\nif r0 == 0 goto none\nr1 = *(u64 *)(r0 + 0)\nr1 += 1\n*(u64 *)(r0 + 0) = r1\nr0 = r1\nexit
none:
${leave(0)}`,
    },
    maps: { values: { type: 'array', maxEntries: 2, entries: [['01000000', '2900000000000000']] } },
    returns: 42,
  },
  {
    name: 'one function from two places',
    programs: { entry: `r1 = 1\ncall sub\nr6 = r0\nr1 = 20\ncall sub\nr0 += r6\nexit\nsub:\nr0 = r1\nr0 += 10\nexit` },
    returns: 41,
  },
  {
    name: 'frames count per program: the eighth tail-calls a program of eight',
    programs: {
      entry: nested(8, `r6 = r1\n${hop()}${leave(0)}`).replaceAll('call f', 'r1 = r6\ncall f'),
      eight: nested(8, leave(1000)).replaceAll('call f', 'r1 = r6\ncall f'),
    },
    maps: { chain: { slots: { 0: 'eight' }, maxEntries: 1 } },
    returns: 1000 + 28 + 28,
  },
  {
    name: 'global functions',
    object: objectBytes('bpf2bpf.o'),
    entry: 'globals',
    ...tc,
    returns: 2 * (LENGTH + 1000) - 1,
  },
  {
    name: 'stores at variable offsets, two frames down',
    object: objectBytes('bpf2bpf.o'),
    entry: 'handed_down',
    ...tc,
    // 54 & 3 = 2: words 2, 3, 0, 1 get 1, 256, 65536, 2^24; the indexes 54 to 57 add up to 222.
    returns: 1 + 65_536 + (2 + 2 ** 24) * 3 + (3 + 1) * 5 + (4 + 256) * 7 + 222,
  },
];

/** Programs that Linux does not load, run unverified: the fault, at which instruction, after how many instructions. */
export interface FaultRow {
  readonly name: string;
  readonly program: string;
  /** null: it runs to its end. */
  readonly fault: 'call_depth' | 'stack_overflow' | null;
  readonly instructions: number;
}

const store = (bytes: number): string => (bytes === 0 ? '' : `*(u64 *)(r10 - ${bytes}) = 0\n`);
/** Functions with frames of so many bytes, each calling the next. */
const frames = (...bytes: number[]): string =>
  bytes
    .map((each, number) => {
      const label = number === 0 ? '' : `f${number}:\n`;
      return `${label}${store(each)}${number + 1 < bytes.length ? `call f${number + 1}\n` : ''}r0 = 0\nexit\n`;
    })
    .join('');

export const FAULT_ROWS: readonly FaultRow[] = [
  { name: '8 frames', program: nested(8), fault: null, instructions: 7 * 4 + 2 },
  { name: '9 frames', program: nested(9), fault: 'call_depth', instructions: 8 * 2 },
  {
    name: 'recursion',
    program: 'r6 = r1\ncall again\nexit\nagain:\nr0 = 1\ncall again\nexit',
    fault: 'call_depth',
    instructions: 2 + 7 * 2,
  },
  { name: '256 + 256', program: frames(256, 256), fault: null, instructions: 2 + 3 + 2 },
  { name: '256 + 264', program: frames(256, 264), fault: 'stack_overflow', instructions: 2 },
  { name: '512 + 0', program: frames(512, 0), fault: null, instructions: 2 + 2 + 2 },
  { name: '504 + 8', program: frames(504, 8), fault: 'stack_overflow', instructions: 2 },
  { name: '8 x 64', program: frames(64, 64, 64, 64, 64, 64, 64, 64), fault: null, instructions: 7 * 4 + 3 },
  {
    name: '7 x 72 and more',
    program: frames(72, 72, 72, 72, 72, 72, 72),
    fault: 'stack_overflow',
    instructions: 6 * 2,
  },
];
