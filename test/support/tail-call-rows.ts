/**
 * Chains with what becomes of them, for the engine and for the running kernel alike: tail-call counting, indexes, subprograms.
 * Every number was measured on Linux 6.18 or counted by hand in the programs below.
 */

import type { RunDescription } from './engine-run.ts';
import { times } from './engine-run.ts';

export interface TailCallRow extends RunDescription {
  readonly name: string;
  readonly expected: {
    readonly returnValue: number;
    readonly instructions: number;
    readonly programs: number;
    readonly tailCalls: number;
    readonly misses?: { readonly index?: number; readonly empty?: number; readonly limit?: number };
    readonly chainDepth?: number;
    /** As chainText gives them. Default: not compared, since the row compares counters of many equal hops. */
    readonly chain?: readonly string[];
    /** `program:pc`; the instruction is always exit. */
    readonly last: string;
    /** First u64 of the map `hits`, by element. */
    readonly hits?: readonly number[];
  };
}

/** r6 keeps the context; `index` is a constant of up to 64 bits, or a register move. 5 slots, 4 instructions; with a wide index 6 slots. */
export const hop = (index: string | number = 0, map = 'chain'): string =>
  `r1 = r6\nr2 = ${map} ll\nr3 = ${index}\ncall bpf_tail_call\n`;
export const SAVE = 'r6 = r1\n';
export const leave = (value: number): string => `r0 = ${value}\nexit\n`;
/** Adds 1 to an element of `hits`: 8 instructions, 9 slots. */
export const count = (element: number): string => `*(u32 *)(r10 - 4) = ${element}
r1 = hits ll
r2 = r10
r2 += -4
call map_lookup_elem
if r0 == 0 goto none${element}
r1 = 1
lock *(u64 *)(r0 + 0) += r1
none${element}:
`;
/** Executed by `count`. */
const COUNT = 8;

const SELF = `${SAVE}${hop()}${leave(1)}`;
const chain = (slots: Record<number, string>, maxEntries = 4) => ({ chain: { slots, maxEntries } });
const hits = (elements: number) => ({ hits: { type: 'array', maxEntries: elements } });
const linear = (length: number): Record<string, string> =>
  Object.fromEntries(times(length, 0).map((_, n) => [`p${n}`, `${SAVE}${hop(n + 1)}${leave(n)}`]));
const linearSlots = (length: number): Record<number, string> =>
  Object.fromEntries(times(length, 0).map((_, n) => [n, `p${n}`]));

const COUNTING: readonly TailCallRow[] = [
  {
    name: 'a program that calls itself runs 34 times',
    programs: { self: SELF },
    maps: chain({ 0: 'self' }),
    expected: {
      returnValue: 1,
      instructions: 34 * 5 + 2,
      programs: 34,
      tailCalls: 33,
      misses: { limit: 1 },
      chain: [...times(33, 'self:5 chain[0] -> self'), 'self:5 chain[0] limit'],
      last: 'self:7',
    },
  },
  {
    name: 'the same, counted in a map, with an index that comes from the packet',
    programs: {
      self: `${SAVE}${count(0)}r7 = *(u32 *)(r6 + 0)
r8 = *(u32 *)(r6 + 4)
r3 = r7
r3 += 4
if r3 > r8 goto out
r9 = *(u32 *)(r7 + 0)
${hop('r9')}out:
${leave(1)}`,
    },
    maps: { ...chain({ 0: 'self' }), ...hits(1) },
    expected: {
      returnValue: 1,
      instructions: 34 * (1 + COUNT + 6 + 4) + 2,
      programs: 34,
      tailCalls: 33,
      misses: { limit: 1 },
      last: 'self:22',
      hits: [34],
    },
  },
  {
    name: 'two programs in turn: 17 and 17',
    programs: {
      ping: `${SAVE}${count(0)}${hop(1)}${leave(10)}`,
      pong: `${SAVE}${count(1)}${hop(0)}${leave(11)}`,
    },
    maps: { ...chain({ 0: 'ping', 1: 'pong' }), ...hits(2) },
    expected: {
      returnValue: 11,
      instructions: 34 * (1 + COUNT + 4) + 2,
      programs: 34,
      tailCalls: 33,
      misses: { limit: 1 },
      chain: [
        ...times(16, ['ping:14 chain[1] -> pong', 'pong:14 chain[0] -> ping']).flat(),
        'ping:14 chain[1] -> pong',
        'pong:14 chain[0] limit',
      ],
      last: 'pong:16',
      hits: [17, 17],
    },
  },
  {
    name: 'a linear chain of 40 stops after P33',
    programs: linear(40),
    maps: chain(linearSlots(40), 41),
    expected: {
      returnValue: 33,
      instructions: 34 * 5 + 2,
      programs: 34,
      tailCalls: 33,
      misses: { limit: 1 },
      chain: [...times(33, 0).map((_, n) => `p${n}:5 chain[${n + 1}] -> p${n + 1}`), 'p33:5 chain[34] limit'],
      last: 'p33:7',
    },
  },
  {
    name: 'repeat 3: the counter restarts, counters add up, the chain is the last one',
    programs: { self: `${SAVE}${count(0)}${hop()}${leave(1)}` },
    maps: { ...chain({ 0: 'self' }), ...hits(1) },
    repeat: 3,
    expected: {
      returnValue: 1,
      instructions: 3 * (34 * (1 + COUNT + 4) + 2),
      programs: 102,
      tailCalls: 99,
      misses: { limit: 3 },
      chainDepth: 33,
      chain: [...times(33, 'self:14 chain[0] -> self'), 'self:14 chain[0] limit'],
      last: 'self:16',
      hits: [102],
    },
  },
];

/** tail-call counting by failing attempts in front of a self-call: none of them is counted. */
const FAILING: readonly TailCallRow[] = [
  { attempt: 'past the end', index: '4', miss: 'index' },
  { attempt: 'an empty slot', index: '1', miss: 'empty' },
].flatMap(({ attempt, index, miss }) =>
  [1, 2, 3].map(
    (k): TailCallRow => ({
      name: `${k} failing attempts (${attempt}) in front of each self-call are free`,
      programs: { self: `${SAVE}${count(0)}${hop(index).repeat(k)}${hop(0)}${leave(1)}` },
      maps: { ...chain({ 0: 'self' }), ...hits(1) },
      expected: {
        returnValue: 1,
        instructions: 34 * (1 + COUNT + 4 * (k + 1)) + 2,
        programs: 34,
        tailCalls: 33,
        // At the limit the slot is not looked at any more, the index is.
        misses: miss === 'index' ? { index: 34 * k, limit: 1 } : { empty: 33 * k, limit: k + 1 },
        last: `self:${16 + 5 * k}`,
        hits: [34],
      },
    }),
  ),
);

/** tail-calls: slots 0 and 3 of four are filled. Constant, and read from a map so that it is known at run time only. */
const INDEXES: readonly (readonly [text: string, bytes: string, result: number | 'index' | 'empty'])[] = [
  ['0', '0000000000000000', 0],
  ['3', '0300000000000000', 3],
  ['1', '0100000000000000', 'empty'],
  ['2', '0200000000000000', 'empty'],
  ['4', '0400000000000000', 'index'],
  ['0xffffffff ll', 'ffffffff00000000', 'index'],
  ['-1', 'ffffffffffffffff', 'index'],
  ['0x80000000 ll', '0000008000000000', 'index'],
  ['0x100000000 ll', '0000000001000000', 0],
  ['0x100000003 ll', '0300000001000000', 3],
  ['0xffffffff00000003 ll', '03000000ffffffff', 3],
  ['0x100000004 ll', '0400000001000000', 'index'],
];

function indexRow(text: string, bytes: string, result: number | 'index' | 'empty', constant: boolean): TailCallRow {
  const taken = typeof result === 'number';
  const index = Number(BigInt.asUintN(32, BigInt(text.replace(' ll', ''))));
  const wide = constant && text.endsWith('ll') ? 1 : 0;
  const lookup = `*(u32 *)(r10 - 4) = 0
r1 = indexes ll
r2 = r10
r2 += -4
call map_lookup_elem
if r0 == 0 goto out
r9 = *(u64 *)(r0 + 0)
`;
  const pc = constant ? 5 + wide : 13;
  const before = constant ? 5 : 12;
  return {
    name: `index ${text}, ${constant ? 'constant' : 'from a map'}: ${taken ? `slot ${result}` : result}`,
    programs: {
      entry: `${SAVE}${constant ? hop(text) : `${lookup}${hop('r9')}`}${constant ? '' : 'out:\n'}${leave(99)}`,
      zero: leave(100),
      three: leave(103),
    },
    maps: {
      ...chain({ 0: 'zero', 3: 'three' }),
      ...(constant ? {} : { indexes: { type: 'array', entries: [['00000000', bytes]] } }),
    },
    expected: {
      returnValue: taken ? 100 + result : 99,
      instructions: before + 2,
      programs: taken ? 2 : 1,
      tailCalls: taken ? 1 : 0,
      misses: taken ? {} : { [result]: 1 },
      chain: [`entry:${pc} chain[${index}] ${taken ? `-> ${result === 0 ? 'zero' : 'three'}` : result}`],
      last: taken ? `${result === 0 ? 'zero' : 'three'}:1` : `entry:${pc + 2}`,
    },
  };
}

/** Subprograms: a taken tail call replaces the subprogram's frame only, and all frames share one counter. */
const SUBPROGRAMS: readonly TailCallRow[] = [
  {
    name: 'main calls sub 40 times, sub tail-calls leaf: 33 times 7 and 7 times 1000, then main cannot',
    programs: {
      entry: `${SAVE}r7 = 0
r8 = 40
again:
r1 = r6
call sub
r7 += r0
r8 += -1
if r8 != 0 goto again
${hop()}r0 = r7
exit
sub:
${SAVE}${hop()}r0 = 1000
exit`,
      leaf: leave(7),
    },
    maps: chain({ 0: 'leaf' }, 1),
    expected: {
      returnValue: 33 * 7 + 7 * 1000,
      instructions: 3 + 40 * 5 + 33 * (5 + 2) + 7 * (5 + 2) + 4 + 2,
      programs: 34,
      tailCalls: 33,
      misses: { limit: 8 },
      chain: [
        ...times(33, 'entry:20 chain[0] -> leaf'),
        ...times(7, 'entry:20 chain[0] limit'),
        'entry:12 chain[0] limit',
      ],
      last: 'entry:14',
    },
  },
  ...[0, 7, 14, 21, 28, 35].map((k): TailCallRow => {
    const left = Math.max(0, 33 - k);
    return {
      name: `${k} tail calls in a subprogram leave ${left} for a chain that calls itself`,
      programs: {
        entry: `${SAVE}r8 = ${k}
again:
if r8 == 0 goto done
r1 = r6
call sub
r8 += -1
goto again
done:
${hop(1)}${leave(2)}sub:
${SAVE}${hop(0)}${leave(5)}`,
        leaf: leave(7),
        loop: `${SAVE}${count(0)}${hop(1)}${leave(3)}`,
      },
      maps: { ...chain({ 0: 'leaf', 1: 'loop' }, 2), ...hits(1) },
      expected: {
        returnValue: left === 0 ? 2 : 3,
        instructions: 2 + 5 * k + k * 7 + 1 + 4 + left * (1 + COUNT + 4) + 2,
        programs: 34,
        tailCalls: 33,
        misses: { limit: Math.max(0, k - 33) + 1 },
        last: left === 0 ? 'entry:13' : 'loop:16',
        hits: [left],
      },
    };
  }),
  {
    name: 'hierarchy: entry calls sub twice, sub tail-calls entry: 34 runs, r0 = 1',
    programs: {
      entry: `${SAVE}${count(0)}r1 = r6\ncall sub\nr1 = r6\ncall sub\n${leave(1)}sub:\n${SAVE}${hop()}${leave(0)}`,
    },
    maps: { ...chain({ 0: 'entry' }, 1), ...hits(1) },
    expected: {
      returnValue: 1,
      instructions: 34 * (1 + COUNT + 4 + 2) + 68 * 5 + 35 * 2,
      programs: 34,
      tailCalls: 33,
      misses: { limit: 35 },
      last: 'entry:15',
      hits: [34],
    },
  },
  {
    name: 'nested frames: each of 34 levels adds 1 to what the level below returns',
    programs: { entry: `${SAVE}call sub\nr0 += 1\nexit\nsub:\n${SAVE}${hop()}${leave(0)}` },
    maps: chain({ 0: 'entry' }, 1),
    expected: {
      returnValue: 34,
      instructions: 34 * (2 + 5 + 2) + 2,
      programs: 34,
      tailCalls: 33,
      misses: { limit: 1 },
      last: 'entry:3',
    },
  },
  ...[
    { slots: { 0: 'leaf' }, what: 'taken', returned: 7, tail: {}, programs: 2, tailCalls: 1 },
    { slots: {}, what: 'empty', returned: 5, tail: { empty: 1 }, programs: 1, tailCalls: 0 },
  ].map(
    ({ slots, what, returned, tail, programs, tailCalls }): TailCallRow => ({
      name: `main(r7 = 1000, stack slot 20000) -> sub -> tail call (${what}): ${21000 + returned}`,
      programs: {
        entry: `${SAVE}r7 = 1000
r8 = 20000
*(u64 *)(r10 - 16) = r8
r8 = 0
r9 = 0
call sub
r0 += r7
r0 += r8
r0 += r9
r1 = *(u64 *)(r10 - 16)
r0 += r1
exit
sub:
${SAVE}r7 = 1
r8 = 2
r9 = 3
*(u64 *)(r10 - 16) = r7
${hop()}r0 = 5
exit`,
        leaf: `r6 = 9\nr7 = 9\nr8 = 9\nr9 = 9\n*(u64 *)(r10 - 8) = r7\n*(u64 *)(r10 - 16) = r8\n${leave(7)}`,
      },
      maps: { chain: { type: 'prog_array', maxEntries: 1, slots } },
      expected: {
        returnValue: 21000 + returned,
        instructions: 7 + 9 + (what === 'taken' ? 8 : 2) + 6,
        programs,
        tailCalls,
        misses: tail,
        chain: [`entry:22 chain[0] ${what === 'taken' ? '-> leaf' : 'empty'}`],
        last: 'entry:12',
      },
    }),
  ),
];

/** The start of a frame that lies at r10 - 16, by an address that only the run knows. */
const MOVING = 'call get_smp_processor_id\nr0 &= 8\nr2 = r10\nr2 += r0\n';

/** A function of the first program has had its frame where the second one has its own. */
const SHARED_STACK: TailCallRow = {
  name: "a program's frame lies where a function of the program before had one",
  programs: {
    first: `${SAVE}call sub\n${hop()}${leave(1)}sub:\n*(u64 *)(r10 - 8) = 5\n*(u64 *)(r10 - 16) = 5\n${MOVING}r0 = *(u64 *)(r2 - 16)\nexit`,
    second: `*(u64 *)(r10 - 72) = 7\n*(u64 *)(r10 - 80) = 7\n${MOVING}r0 = *(u64 *)(r2 - 80)\nexit`,
  },
  maps: chain({ 0: 'second' }),
  expected: {
    returnValue: 7,
    instructions: 2 + 8 + 4 + 8,
    programs: 2,
    tailCalls: 1,
    chain: ['first:6 chain[0] -> second'],
    last: 'second:7',
  },
};

export const TAIL_CALL_ROWS: readonly TailCallRow[] = [
  ...COUNTING,
  ...FAILING,
  ...INDEXES.flatMap(([text, bytes, result]) => [
    indexRow(text, bytes, result, true),
    indexRow(text, bytes, result, false),
  ]),
  ...SUBPROGRAMS,
  SHARED_STACK,
];
