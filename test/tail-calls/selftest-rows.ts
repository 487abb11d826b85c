/**
 * The kernel's own tests of tail calls, rebuilt: programs of our own that do what each test does, and what Linux 6.18 gives. A test is a
 * series of runs; between two of them slots are filled and emptied, and the maps keep what the run before has left in them.
 */

import type { MapDescription } from '../support/engine-run.ts';
import { count, hop, leave, SAVE } from '../support/tail-call-rows.ts';

/** A slot that is filled or, with null, emptied: map, index, program, and the errno of the command (default: it succeeds). */
export type SlotChange = readonly [map: string, index: number, program: string | null, errno?: string];

export interface SelftestRun {
  /** Default: the row's first program. */
  readonly entry?: string;
  /** In front of the run. */
  readonly slots?: readonly SlotChange[];
  /** u64 elements of array maps, set in front of the run. */
  readonly set?: Readonly<Record<string, readonly number[]>>;
  readonly repeat?: number;
  readonly returns: number;
  /** u64 elements of array maps after the run. */
  readonly leaves?: Readonly<Record<string, readonly number[]>>;
}

export interface SelftestRow {
  /** Name of the kernel's test. */
  readonly test: string;
  /** Which of its programs; '' where there is one. */
  readonly variant: string;
  readonly type: string;
  /** Bytes of the packet, all zero; null: no packet. */
  readonly packet: number | null;
  readonly programs: Readonly<Record<string, string>>;
  readonly maps: Readonly<Record<string, MapDescription>>;
  readonly runs: readonly SelftestRun[];
}

/** Bytes of the packet of the bpf2bpf tests; `len` of a tc program. */
const LENGTH = 54;
const PLAIN_PACKET = 128;

function row(test: string, parts: Partial<SelftestRow> & Pick<SelftestRow, 'programs' | 'runs'>): SelftestRow {
  return { test, variant: '', type: 'sched_cls', packet: PLAIN_PACKET, maps: {}, ...parts };
}

const table = (slots: Record<number, string>, maxEntries = 3): MapDescription => ({ slots, maxEntries });
const counters = (elements = 1): MapDescription => ({ type: 'array', maxEntries: elements });
/** returns skb->len * factor */
const lengthTimes = (factor: number): string => `r0 = *(u32 *)(r6 + 0)\nr0 *= ${factor}\nexit\n`;
/** r9 = first u64 of a map */
const readGlobal = (map: string): string => `*(u32 *)(r10 - 4) = 0
r1 = ${map} ll
r2 = r10
r2 += -4
call map_lookup_elem
if r0 == 0 goto missing
r9 = *(u64 *)(r0 + 0)
`;
const three = { classifier_0: leave(0), classifier_1: leave(1), classifier_2: leave(2) };
const threeSlots = { 0: 'classifier_0', 1: 'classifier_1', 2: 'classifier_2' };
const emptied = (index: number, errno?: string): SlotChange[] => [
  errno === undefined ? ['chain', index, null] : ['chain', index, null, errno],
];

const BASIC: readonly SelftestRow[] = [
  row('tailcall_1', {
    programs: { entry: `${SAVE}${[0, 1, 2].map((slot) => hop(slot).repeat(4)).join('')}${leave(3)}`, ...three },
    maps: { chain: table(threeSlots) },
    runs: [
      { returns: 0 },
      { slots: emptied(0), returns: 1 },
      { slots: emptied(1), returns: 2 },
      { slots: emptied(2), returns: 3 },
      { slots: [0, 1, 2].map((slot): SlotChange => ['chain', slot, `classifier_${slot}`]), returns: 0 },
      { slots: [0, 1, 2].map((slot): SlotChange => ['chain', slot, `classifier_${2 - slot}`]), returns: 2 },
      { slots: emptied(0), returns: 1 },
      { slots: emptied(1), returns: 0 },
      { slots: emptied(2), returns: 3 },
      { slots: [0, 1, 2].flatMap((slot) => emptied(slot, 'ENOENT')), returns: 3 },
    ],
  }),
  row('tailcall_2', {
    programs: {
      entry: `${SAVE}${hop(0)}${hop(2)}${hop(3)}${leave(3)}`,
      classifier_0: `${SAVE}${hop(1)}${leave(0)}`,
      classifier_1: `${SAVE}${hop(2)}${leave(1)}`,
      classifier_2: leave(2),
      classifier_3: `${SAVE}${hop(4)}${leave(3)}`,
      classifier_4: `${SAVE}${hop(3)}${leave(4)}`,
    },
    maps: { chain: table({ ...threeSlots, 3: 'classifier_3', 4: 'classifier_4' }, 5) },
    runs: [{ returns: 2 }, { slots: emptied(2), returns: 1 }, { slots: emptied(0), returns: 3 }],
  }),
  row('tailcall_3', {
    programs: { entry: `${SAVE}${hop()}${leave(0)}`, classifier_0: `${SAVE}${count(0)}${hop()}${leave(1)}` },
    maps: { chain: table({ 0: 'classifier_0' }, 1), hits: counters() },
    runs: [
      { returns: 1, leaves: { hits: [33] } },
      { slots: emptied(0), returns: 0, leaves: { hits: [33] } },
    ],
  }),
  row('tailcall_4', {
    programs: { entry: `${SAVE}${readGlobal('selector')}${hop('r9')}missing:\n${leave(3)}`, ...three },
    maps: { chain: table(threeSlots), selector: counters() },
    runs: [
      ...[0, 1, 2].map((slot) => ({ set: { selector: [slot] }, returns: slot })),
      ...[0, 1, 2].map((slot) => ({ slots: emptied(slot), set: { selector: [slot] }, returns: 3 })),
    ],
  }),
  row('tailcall_5', {
    programs: {
      entry: `${SAVE}${readGlobal('selector')}if r9 == 1111 goto a
if r9 == 1234 goto b
if r9 == 5678 goto c
goto missing
a:
r3 = 0
goto jump
b:
r3 = 1
goto jump
c:
r3 = 2
jump:
r1 = r6
r2 = chain ll
call bpf_tail_call
missing:
${leave(3)}`,
      ...three,
    },
    maps: { chain: table(threeSlots), selector: counters() },
    runs: [
      ...[1111, 1234, 5678].map((selected, slot) => ({ set: { selector: [selected] }, returns: slot })),
      ...[1111, 1234, 5678].map((selected, slot) => ({
        slots: emptied(slot),
        set: { selector: [selected] },
        returns: 3,
      })),
    ],
  }),
  row('tailcall_6', {
    programs: {
      entry: `${SAVE}${readGlobal('which')}${hop('r9')}missing:\n${leave(0)}`,
      classifier_0: `${SAVE}${count(0)}${readGlobal('which')}${hop('r9')}missing:\n${leave(1)}`,
    },
    maps: { chain: table({ 0: 'classifier_0' }, 1), hits: counters(), which: counters() },
    runs: [
      { returns: 1, leaves: { hits: [33] } },
      { slots: emptied(0), returns: 0, leaves: { hits: [33] } },
    ],
  }),
];

/** A frame of this many bytes, at `bytes` below r10 and all of it written. */
const frame = (bytes: number): string =>
  Array.from({ length: bytes / 8 }, (_, word) => `*(u64 *)(r10 - ${8 * (word + 1)}) = 0\n`).join('');

const chained45 = (noise: string): SelftestRow['programs'] => ({
  entry: `${SAVE}call sub\nexit\nsub:\n${SAVE}${hop(0)}${lengthTimes(1)}`,
  classifier_0: `${SAVE}call sub\nexit\nsub:\n${SAVE}${noise}${hop(1)}${lengthTimes(2)}`,
  classifier_1: `${SAVE}call sub\nexit\nsub:\n${SAVE}${noise}${hop(2)}${lengthTimes(3)}`,
  classifier_2: `${SAVE}${count(0)}r1 = r6\ncall sub\nexit\nsub:\n${SAVE}${noise}${hop(2)}${lengthTimes(3)}`,
});
const UPDATE_NOISE = `*(u32 *)(r10 - 4) = 0
*(u64 *)(r10 - 16) = 77
r1 = noise ll
r2 = r10
r2 += -4
r3 = r10
r3 += -16
r4 = 0
call map_update_elem
`;

const SUBPROGRAMS: readonly SelftestRow[] = [
  row('tailcall_bpf2bpf_1', {
    packet: LENGTH,
    programs: {
      entry: `${SAVE}${hop(1)}r1 = r6\ncall sub\nexit\nsub:\n${SAVE}${hop(0)}${lengthTimes(2)}`,
      classifier_0: leave(0),
      classifier_1: leave(1),
    },
    maps: { chain: table({ 0: 'classifier_0', 1: 'classifier_1' }, 2) },
    runs: [{ returns: 1 }, { slots: emptied(1), returns: 0 }, { slots: emptied(0), returns: 2 * LENGTH }],
  }),
  row('tailcall_bpf2bpf_2', {
    packet: LENGTH,
    programs: {
      entry: `${SAVE}${hop()}${leave(0)}`,
      classifier_0: `${SAVE}${count(0)}r1 = r6\ncall sub\nexit\nsub:\n${SAVE}${hop()}${leave(1)}`,
    },
    maps: { chain: table({ 0: 'classifier_0' }, 1), hits: counters() },
    runs: [
      { returns: 1, leaves: { hits: [33] } },
      { slots: emptied(0), returns: 0, leaves: { hits: [33] } },
    ],
  }),
  row('tailcall_bpf2bpf_3', {
    packet: LENGTH,
    programs: {
      entry: `${SAVE}${frame(128)}r1 = r6\ncall sub\nexit\nsub:\n${SAVE}${frame(64)}${hop(0)}${lengthTimes(2)}`,
      classifier_0: `${SAVE}${frame(128)}r1 = r6\ncall sub\nexit
sub:
${SAVE}${frame(64)}r1 = *(u32 *)(r6 + 76)
r2 = *(u32 *)(r6 + 80)
r3 = r1
r3 += 1
if r3 > r2 goto one
r3 = *(u8 *)(r1 + 0)
if r3 == 0 goto one
${hop(10)}goto out
one:
${hop(1)}out:
${lengthTimes(1)}`,
      classifier_1: `${SAVE}${frame(128)}${lengthTimes(3)}`,
    },
    maps: { chain: table({ 0: 'classifier_0', 1: 'classifier_1' }, 2) },
    runs: [{ returns: 3 * LENGTH }, { slots: emptied(1), returns: LENGTH }, { slots: emptied(0), returns: 2 * LENGTH }],
  }),
  ...[
    { test: 'tailcall_bpf2bpf_4', noise: '' },
    { test: 'tailcall_bpf2bpf_5', noise: UPDATE_NOISE },
  ].map(({ test, noise }) =>
    row(test, {
      packet: LENGTH,
      programs: chained45(noise),
      maps: { chain: table(threeSlots), hits: counters(), noise: counters() },
      runs: [{ returns: 3 * LENGTH, leaves: { hits: [31], noise: [noise === '' ? 0 : 77] } }],
    }),
  ),
  row('tailcall_bpf2bpf_6', {
    packet: LENGTH,
    programs: {
      entry: `${SAVE}*(u8 *)(r10 - 1) = 0\nr1 = r6\ncall sub\nexit
sub:
${SAVE}*(u8 *)(r10 - 3) = 1\n${hop()}r0 = *(u8 *)(r10 - 3)\nexit`,
      classifier_0: `${count(0)}${leave(0)}`,
    },
    maps: { chain: table({ 0: 'classifier_0' }, 1), hits: counters() },
    runs: [{ returns: 0, leaves: { hits: [1] } }],
  }),
  row('hierarchy_1', {
    packet: LENGTH,
    programs: {
      entry: `${SAVE}${count(0)}r1 = r6\ncall sub\nr1 = r6\ncall sub\n${leave(1)}sub:\n${SAVE}${hop()}${leave(0)}`,
    },
    maps: { chain: table({ 0: 'entry' }, 1), hits: counters() },
    runs: [
      { returns: 1, leaves: { hits: [34] } },
      { slots: emptied(0), returns: 1, leaves: { hits: [35] } },
    ],
  }),
  row('hierarchy_2', {
    packet: LENGTH,
    programs: {
      entry: `${SAVE}call sub0\nr1 = r6\ncall sub1
*(u32 *)(r10 - 4) = 1
r1 = hits ll
r2 = r10
r2 += -4
call map_lookup_elem
if r0 == 0 goto out
r7 = *(u64 *)(r0 + 0)
r7 <<= 16
*(u32 *)(r10 - 4) = 0
r1 = hits ll
r2 = r10
r2 += -4
call map_lookup_elem
if r0 == 0 goto out
r0 = *(u64 *)(r0 + 0)
r0 |= r7
out:
exit
sub0:
${SAVE}${hop(0)}${leave(1)}sub1:
${SAVE}${hop(1)}${leave(1)}`,
      ...Object.fromEntries(
        [0, 1].map((n) => [
          `classifier_${n}`,
          `${SAVE}${count(n)}r1 = r6\ncall sub\n${leave(0)}sub:\n${SAVE}${hop(n)}${leave(1)}`,
        ]),
      ),
    },
    maps: { chain: table({ 0: 'classifier_0', 1: 'classifier_1' }, 2), hits: counters(2) },
    runs: [{ returns: 33, leaves: { hits: [33, 0] } }],
  }),
  row('hierarchy_3', {
    packet: LENGTH,
    programs: {
      entry: `${SAVE}${hop(0, 'table0')}${leave(0)}`,
      // One subprogram for both arrays: which one it is, is known at run time only.
      classifier_0: `${SAVE}${count(0)}r1 = r6
r2 = table0 ll
call sub
r1 = r6
r2 = table1 ll
call sub
${readGlobal('hits')}r0 = r9
missing:
exit
sub:
r3 = 0
call bpf_tail_call
${leave(0)}`,
    },
    maps: { table0: table({ 0: 'classifier_0' }, 1), table1: table({ 0: 'classifier_0' }, 1), hits: counters() },
    runs: [{ returns: 33, leaves: { hits: [33] } }],
  }),
];

/** Slots of the socket-filter tests: 0 returns 42, 1 calls itself and returns 41 in the end, 2 returns 24, 7 returns 42. */
const RUNTIME = {
  programs: { forty_two: leave(42), loop: `${SAVE}${hop(1)}${leave(41)}`, twenty_four: leave(24) },
  maps: {
    chain: table({ 0: 'forty_two', 1: 'loop', 2: 'twenty_four', 7: 'forty_two' }, 8),
    other: table({ 1: 'loop', 2: 'twenty_four', 7: 'forty_two' }, 8),
  },
};

/** A branch on cb[0], which the program has just written itself; `first` when it is 13. */
const byBranch = (value: number, first: string, second: string): string => `r0 = ${value}
*(u8 *)(r1 + 48) = r0
r0 = *(u8 *)(r1 + 48)
if r0 == 13 goto first
${second}goto jump
first:
${first}jump:
call bpf_tail_call
r0 = 1
exit`;
const choose = (index: number, map = 'chain'): string => `r3 = ${index}\nr2 = ${map} ll\n`;

const runtime = (variant: string, entry: string, returns: number, test = 'verifier_runtime_jit'): SelftestRow =>
  row(test, {
    variant,
    type: 'socket_filter',
    programs: { entry, ...RUNTIME.programs },
    maps: RUNTIME.maps,
    runs: [{ returns }],
  });

const VERIFIER: readonly SelftestRow[] = [
  row('verifier_tailcall_jit', {
    variant: 'a program that tail-calls, with a subprogram',
    programs: {
      entry: `${SAVE}call sub\n${hop()}${leave(1)}sub:\n${leave(0)}`,
      leaf: leave(42),
    },
    maps: { chain: table({ 0: 'leaf' }, 1) },
    runs: [{ returns: 42 }, { slots: emptied(0), returns: 1 }],
  }),
  ...(
    [
      ['prog once', 0, 42],
      ['loop', 1, 41],
      ['no prog', 3, 1],
      ['key 2', 2, 24],
    ] as const
  ).map(([variant, index, returns]) => runtime(variant, `${SAVE}${hop(index)}${leave(1)}`, returns)),
  runtime('key 2 or key 2, first branch', byBranch(13, choose(2), choose(2)), 24),
  runtime('key 2 or key 2, second branch', byBranch(14, choose(2), choose(2)), 24),
  runtime('key 0 or key 2, first branch', byBranch(13, choose(2), choose(0)), 24),
  runtime('key 0 or key 2, second branch', byBranch(14, choose(2), choose(0)), 42),
  runtime('different maps, first branch', byBranch(13, choose(0, 'other'), choose(0)), 1),
  runtime('different maps, second branch', byBranch(14, choose(0, 'other'), choose(0)), 42),
  runtime('index 256', `${SAVE}${hop(256)}${leave(2)}`, 2),
  runtime('index -1', `${SAVE}${hop(-1)}${leave(2)}`, 2),
  runtime('index 2^32', `${SAVE}${hop('0x100000000 ll')}${leave(2)}`, 42),
  runtime(
    'different maps by branch',
    byBranch(13, choose(0, 'other'), choose(0)),
    1,
    'verifier_map_ptr_mixing: tail, tail',
  ),
  runtime('the same map', byBranch(13, choose(0), choose(0)), 42, 'verifier_map_ptr_mixing: tail, tail'),
];

/** Adds a number to cb[0], which travels with the packet, and calls the one before. */
const adding = (number: number): string => `${SAVE}r0 = *(u32 *)(r6 + 48)
r0 += ${number}
*(u32 *)(r6 + 48) = r0
${number === 1 ? 'exit' : `${hop(number - 1)}${leave(99)}`}`;

const MODULE: readonly SelftestRow[] = [
  row('test_prog_array_init', {
    type: 'raw_tracepoint',
    packet: null,
    programs: {
      entry: `${SAVE}${readGlobal('index')}${hop('r9')}missing:\n${leave(0)}`,
      tail_1: `*(u32 *)(r10 - 4) = 0
*(u64 *)(r10 - 16) = 42
r1 = value ll
r2 = r10
r2 += -4
r3 = r10
r3 += -16
r4 = 0
call map_update_elem
${leave(0)}`,
    },
    maps: { chain: table({ 1: 'tail_1' }, 2), index: counters(), value: counters() },
    runs: [{ set: { index: [1] }, returns: 0, leaves: { value: [42] } }],
  }),
  ...[
    ['leaf', 1, 1],
    ['2', 2, 3],
    ['3', 3, 6],
    ['4', 4, 10],
  ].map(([variant, number, returns]) =>
    row('lib/test_bpf.c: Tail call leaf / 2 / 3 / 4', {
      variant: String(variant),
      programs: Object.fromEntries([1, 2, 3, 4].map((each) => [`add_${each}`, adding(each)])),
      maps: { chain: table({ 1: 'add_1', 2: 'add_2', 3: 'add_3' }, 4) },
      runs: [{ entry: `add_${number}`, returns: Number(returns) }],
    }),
  ),
  ...[
    { variant: 'max count reached', between: '' },
    {
      variant: 'count preserved across function calls',
      between: 'call ktime_get_ns\ncall get_smp_processor_id\ncall get_prandom_u32\n',
    },
  ].map(({ variant, between }) =>
    row('lib/test_bpf.c: max count reached; count preserved across function calls', {
      variant,
      programs: { self: `${SAVE}${count(0)}${between}${hop()}${leave(0)}` },
      maps: { chain: table({ 0: 'self' }, 1), hits: counters() },
      runs: [
        { returns: 0, leaves: { hits: [34] } },
        { set: { hits: [0] }, repeat: 1000, returns: 0, leaves: { hits: [34_000] } },
      ],
    }),
  ),
  ...[
    ['NULL target', 0],
    ['index out of range', 1],
  ].map(([variant, index]) =>
    row('lib/test_bpf.c: NULL target; index out of range', {
      variant: String(variant),
      programs: { entry: `${SAVE}${count(0)}${hop(index!)}${leave(0)}` },
      maps: { chain: table({}, 1), hits: counters() },
      runs: [{ returns: 0, leaves: { hits: [1] } }],
    }),
  ),
];

export const SELFTEST_ROWS: readonly SelftestRow[] = [...BASIC, ...SUBPROGRAMS, ...VERIFIER, ...MODULE];

/** Tests with a verdict of the verifier, not a run; each is a row of verdict-rows.ts. */
export const VERDICT_TESTS: readonly string[] = [
  'tailcall_failure',
  'verifier_tailcall',
  'verifier_ref_tracking',
  'verifier_sock: invalidate_pkt_pointers_by_tail_call',
];

/** Tests that need what this version leaves out: trampolines, extensions, struct_ops, LSM, exceptions, patching of machine code. */
export const LEFT_OUT: readonly string[] = [
  'tailcall_bpf2bpf_fentry',
  'tailcall_bpf2bpf_fexit',
  'tailcall_bpf2bpf_fentry_fexit',
  'tailcall_bpf2bpf_fentry_entry',
  'tailcall_poke',
  'hierarchy_fentry',
  'hierarchy_fexit',
  'hierarchy_fentry_fexit',
  'hierarchy_fentry_entry',
  'tailcall_freplace',
  'tailcall_bpf2bpf_freplace',
  'exceptions: exception_tail_call',
  'epilogue_tailcall (struct_ops)',
  'lsm_tailcall',
];
