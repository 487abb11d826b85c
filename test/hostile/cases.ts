/** The hostile runs, one row each, and how each of them must end. */

import type { OutcomeCode } from '../../src/contract/outcome.ts';
import type { RunSpec } from '../../src/contract/run-spec.ts';
import { type MapDescription, type RunDescription, runSpec } from '../support/engine-run.ts';
import * as programs from './programs.ts';

export interface HostileCase {
  readonly name: string;
  /** `attempt` counts from 0: some runs are another one each time. */
  readonly run: (attempt: number) => RunSpec;
  /** How it ends: an outcome, one of several where the machine's speed decides, or a limit that a problem names. */
  readonly ends: OutcomeCode | readonly OutcomeCode[] | { readonly limit: string };
}

const MIB = 1024 * 1024;
/** Instructions that no case comes to. */
const NO_BUDGET = 1e15;
const VALUES = { values: { valueSize: 64 } };

function text(
  name: string,
  program: () => string,
  more: Partial<RunDescription> = {},
  ends: HostileCase['ends'] = 'wall_budget',
): HostileCase {
  const budgets = { instructions: NO_BUDGET, ...more.budgets };
  return {
    name,
    ends,
    run: () => runSpec({ programs: { p: program() }, verify: 'off', returnMaps: [], ...more, budgets }),
  };
}

function fresh(name: string, program: (attempt: number) => string): HostileCase {
  const run = (attempt: number) =>
    runSpec({ programs: { p: program(attempt) }, verify: 'off', budgets: { instructions: 1000 } });
  return { name, ends: 'insn_budget', run };
}

function bytes(name: string, code: () => Uint8Array, ends: HostileCase['ends']): HostileCase {
  const run = () => {
    const spec = runSpec({ programs: { p: '' }, verify: 'off' });
    return {
      ...spec,
      programs: spec.programs.map((one) => ({ ...one, source: { kind: 'insns' as const, bytes: code() } })),
    };
  };
  return { name, ends, run };
}

/** So many programs, each at the next one's heels. */
function chainOf(count: number, instructions: number): Partial<RunDescription> {
  const names = Array.from({ length: count }, (_, index) => `p_${index}`);
  const texts = names.map((name, index) => [name, programs.hop((index + 1) % count, instructions)]);
  const slots = Object.fromEntries(names.map((name, index) => [index, name]));
  return { programs: Object.fromEntries(texts), maps: { chain: { maxEntries: count, slots } }, repeat: 100_000 };
}

function manyMaps(count: number): Record<string, MapDescription> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`map_${index}`, { valueSize: 8 }]));
}

const BUCKETS = 16_384;

/** A hash whose elements all lie in one bucket, and in `source` the key that is found last. */
function oneBucket(count: number): Partial<RunDescription> {
  const keys = programs.keysOfOneBucket(count, BUCKETS);
  const values = { type: 'hash', maxEntries: BUCKETS, entries: keys.map((key) => [key, '00'.repeat(8)] as const) };
  return { maps: { values, source: { valueSize: 4, entries: [['00000000', keys[0] ?? '']] } } };
}

function limit(name: string): { readonly limit: string } {
  return { limit: name };
}

export const CASES: readonly HostileCase[] = [
  text('4,000 jumps to one label', () => programs.jumpsToOneLabel(4_000)),
  text('9,900 jumps to one label', () => programs.jumpsToOneLabel(9_900), {}, limit('maxBlocksPerFunction')),
  text('10,000 jumps to one label', () => programs.jumpsToOneLabel(10_000), {}, limit('maxInstructionsPerFunction')),
  text('2,000 back edges to one label', () => programs.backEdgesToOneLabel(2_000)),
  text('2,000 nested ifs', () => programs.nestedIfs(2_000)),
  text('2,000 nested loops', () => programs.nestedLoops(2_000)),
  text('irreducible: a circle with 500 entries', () => programs.irreducibleCircle(500)),
  text(
    'irreducible: a circle with 1,000 entries',
    () => programs.irreducibleCircle(1_000),
    {},
    limit('maxBlocksPerIrreducibleFunction'),
  ),
  text('irreducible: a corridor of 1,000 rooms, doors both ways', () => programs.twoWayCorridor(1_000)),
  text(
    'irreducible: a corridor of 4,000 rooms',
    () => programs.twoWayCorridor(4_000),
    {},
    limit('maxBackEdgesPerFunction'),
  ),
  text('long ways to 2,000 merge points', () => programs.longWaysToMerge(2_000)),
  bytes('a straight line of 10,000 instructions', () => programs.straightLine(10_000), 'exit'),
  bytes(
    'a straight line of 100,000 instructions',
    () => programs.straightLine(100_000),
    limit('maxInstructionsPerFunction'),
  ),
  text('9,990 checked loads in one function', () => programs.checkedLoads(9_990)),
  text('a chase of 9,990 pointers', () => programs.pointerChase(9_990), { maps: { a: {} } }),
  text('9,990 checked atomics in one function', () => programs.checkedAtomics(9_990), { maps: VALUES }),
  text('4,990 giant constants', () => programs.giantConstants(4_990)),
  text('9,900 addresses of 64 maps', () => programs.mapAddresses(9_900, 64), { maps: manyMaps(256) }),
  text('3,000 maps', () => 'r0 = 0\nexit', { maps: manyMaps(3_000) }, limit('maxMaps')),
  text('8 floors of 35 functions, each calls all below', () => programs.callGraph(35)),
  text('8 floors of 115 functions, each calls all below', () => programs.callGraph(115)),
  text('8 floors of 126 functions: too large', () => programs.callGraph(126), {}, limit('maxModuleBytes')),
  fresh('another large program at each run', (attempt) => programs.callGraph(35, attempt)),
  text('recursion without end', () => programs.RECURSION, {}, 'call_depth'),
  // How many of the repetitions fit into the wall budget is the machine's speed.
  text('a chain of 256 programs', () => '', chainOf(256, 100), ['exit', 'wall_budget']),
  text('a chain of 256 large programs', () => '', chainOf(256, 380), ['exit', 'wall_budget']),
  text('2,400 tail calls that miss', () => programs.missedTailCalls(2_400), {
    maps: { chain: { maxEntries: 1, slots: {} } },
  }),
  text('2,400 lookups written in place', () => programs.inlinedLookups(2_400), { maps: VALUES }),
  text('a map of 250 MiB, swept', () => programs.sweep(250 * MIB), {
    maps: { values: { valueSize: 250 * MIB } },
    budgets: { memoryBytes: 256 * MIB },
  }),
  text('a map of 30 million small elements', () => programs.forever('r1 = 0'), {
    maps: { values: { valueSize: 1, maxEntries: 30_000_000 } },
    budgets: { memoryBytes: 256 * MIB },
  }),
  text(
    'a map of 4 GiB',
    () => 'r0 = 0\nexit',
    { maps: { values: { valueSize: 4096, maxEntries: MIB } }, budgets: { memoryBytes: 256 * MIB } },
    'memory_budget',
  ),
  text('updates of 100 MiB each', () => programs.UPDATES, {
    maps: { values: { valueSize: 100 * MIB }, source: { valueSize: 100 * MIB } },
    budgets: { memoryBytes: 256 * MIB },
  }),
  text('updates of 4 MB each in a hash', () => programs.UPDATES, {
    maps: { values: { type: 'hash', valueSize: 4_000_000 }, source: { valueSize: 4_000_000 } },
  }),
  text('9,000 keys of one bucket', () => 'r0 = 0\nexit', oneBucket(9_000), limit('maxFillProbes')),
  text('lookups along a bucket of 5,000', () => programs.LOOKUPS, oneBucket(5_000)),
  text('prints without end', () => programs.PRINTS, {
    maps: {
      values: {
        valueSize: 64,
        entries: [['00000000', Buffer.from('%999d%999d%999d'.padEnd(64, '\0')).toString('hex')]],
      },
    },
  }),
];
