/** Programs that never end by themselves, without verifier: the budgets end them as values, and the same memory serves the next run. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHAIN } from '../../src/contract/memory.ts';
import { chainLength, readChain } from '../../src/vm/chain.ts';
import { GuestMemory } from '../../src/vm/guest-memory.ts';
import type { VmRun } from '../../src/vm/vm.ts';
import { runVm, testVm } from '../support/engine-run.ts';

const NO_LIMIT = 0x7fff_ffff;
const SELF = 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit';
const CHAIN_OF_SELF = { chain: { slots: { 0: 'p' } } };
const MEMORY = new GuestMemory(1 << 20);

/** Endless programs: `cycle` instructions a round, behind `before`, the last one of each round at `pc`. */
const ENDLESS = {
  'goto to itself': { programs: { p: 'again:\ngoto again' }, maps: {}, before: 0, cycle: 1, pc: 0 },
  'a counting loop': {
    programs: { p: 'r1 = 0\nagain:\nr1 += 1\nr2 = r1\ngoto again' },
    maps: {},
    before: 1,
    cycle: 3,
    pc: 3,
  },
  'a loop that calls': {
    programs: { p: 'again:\ncall f\ngoto again\nf:\nr0 = 1\nexit' },
    maps: {},
    before: 0,
    cycle: 4,
    pc: 1,
  },
  'a chain of one': { programs: { p: SELF }, maps: CHAIN_OF_SELF, before: 0, cycle: 3, pc: 3 },
} as const;

function onMemory(name: keyof typeof ENDLESS, limits: Parameters<typeof runVm>[1]): VmRun {
  try {
    const { programs, maps } = ENDLESS[name];
    return runVm(testVm({ programs, maps, memory: MEMORY }), { maxTailCalls: NO_LIMIT, ...limits });
  } finally {
    MEMORY.clear();
  }
}

for (const name of Object.keys(ENDLESS) as (keyof typeof ENDLESS)[]) {
  const { before, cycle, pc } = ENDLESS[name];
  const isChain = name === 'a chain of one';

  for (const budget of [1, 1000, 999_999, 1_000_000, 1_000_001, 2_345_678]) {
    test(`${name}: a budget of ${budget} instructions`, () => {
      const done = onMemory(name, { instructions: budget });
      // A loop that calls has a second test point in its round, behind the call.
      const points = name === 'a loop that calls' ? [1, 4] : [cycle];
      const round = Math.floor((budget - before - 1) / cycle);
      const instructions = points.map((at) => before + Math.max(round, 0) * cycle + at).find((at) => at >= budget);
      assert.equal(done.code, 'insn_budget');
      assert.equal(done.instructions, instructions);
      assert.equal(done.r0, undefined);
      if (isChain) assert.equal(done.tailCalls, done.instructions / cycle);
      if (name !== 'a loop that calls') assert.deepEqual(done.last, { program: 0, pc });
    });
  }

  test(`${name}: the wall clock`, () => {
    let time = 0;
    // Each look at the clock takes 1 ms; the run may take 40.
    const now = () => time++;
    const done = onMemory(name, { instructions: 1e12, deadline: 40, now });
    assert.equal(done.code, 'wall_budget');
    assert.equal(
      (done.instructions - before) % cycle,
      name === 'a loop that calls' ? (done.last?.pc === 0 ? 1 : 0) : 0,
    );
    assert.ok(done.instructions >= 1_000_000);
    if (isChain) assert.equal(done.tailCalls, done.instructions / cycle);
    if (name !== 'a loop that calls') assert.deepEqual(done.last, { program: 0, pc });
    assert.ok(time >= 40 && time < 60, `${time}`);
  });

  test(`${name}: cancelled`, () => {
    let looks = 0;
    const done = onMemory(name, { instructions: 1e12, isCancelled: () => ++looks === 5 });
    assert.equal(done.code, 'cancelled');
    assert.equal(looks, 5);
    assert.equal(
      (done.instructions - before) % cycle,
      name === 'a loop that calls' ? (done.last?.pc === 0 ? 1 : 0) : 0,
    );
  });
}

test('an endless chain keeps its first and its last rows', () => {
  const { programs, maps } = ENDLESS['a chain of one'];
  const hops = 10_000;
  const vm = testVm({ programs, maps, memory: MEMORY });
  try {
    const done = runVm(vm, { maxTailCalls: NO_LIMIT, instructions: 3 * hops });
    assert.equal(done.tailCalls, hops);
    assert.equal(chainLength(MEMORY), hops);
    const { rows, truncated } = readChain(MEMORY, { program: (number) => `${number}`, map: (index) => `${index}` });
    assert.equal(truncated, true);
    const depths = [...Array(CHAIN.KEPT).keys()].map((n) => n + 1);
    assert.deepEqual(
      rows.map((row) => [row.depth, row.step]),
      [...depths, ...depths.map((depth) => hops - CHAIN.KEPT + depth)].map((depth) => [depth, String(3 * depth - 1)]),
    );
  } finally {
    MEMORY.clear();
  }
});

for (const hops of [CHAIN.KEPT - 1, CHAIN.KEPT, CHAIN.KEPT + 1, 2 * CHAIN.KEPT, 2 * CHAIN.KEPT + 1]) {
  test(`${hops} rows of a chain`, () => {
    const { programs, maps } = ENDLESS['a chain of one'];
    const vm = testVm({ programs, maps, memory: MEMORY });
    try {
      runVm(vm, { maxTailCalls: NO_LIMIT, instructions: 3 * hops });
      const { rows, truncated } = readChain(MEMORY, { program: String, map: String });
      assert.equal(truncated, hops > 2 * CHAIN.KEPT);
      assert.equal(rows.length, Math.min(hops, 2 * CHAIN.KEPT));
      assert.equal(rows.at(-1)?.depth, hops);
    } finally {
      MEMORY.clear();
    }
  });
}

test('a limit of 2^31 - 1 is not reached, one of 100 is, and the chain falls through', () => {
  const { programs, maps } = ENDLESS['a chain of one'];
  const vm = testVm({ programs, maps, memory: MEMORY });
  try {
    const done = runVm(vm, { maxTailCalls: 100 });
    assert.deepEqual([done.code, done.tailCalls, done.misses.limit, done.r0], ['exit', 100, 1, 1n]);
  } finally {
    MEMORY.clear();
  }
});
