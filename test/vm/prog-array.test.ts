/** Slots that change while a chain runs: the seqlock, the generation, the resolver stub. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { MAP_DESCRIPTOR } from '../../src/contract/memory.ts';
import { readChain } from '../../src/vm/chain.ts';
import { GuestMemory } from '../../src/vm/guest-memory.ts';
import { ProgArrayMap } from '../../src/vm/maps/prog-array.ts';
import { runVm, testVm, type VmDescription } from '../support/engine-run.ts';

const MEMORY = new GuestMemory(1 << 20);
const NO_LIMIT = 0x7fff_ffff;
/** Counts in slot `element` of `hits`, as both targets of the swapped slot do, then hops to slot 0 again. */
const counting = (element: number): string => `r6 = r1
*(u32 *)(r10 - 4) = ${element}
r1 = hits ll
r2 = r10
r2 += -4
call map_lookup_elem
if r0 == 0 goto out
r1 = *(u64 *)(r0 + 0)
r1 += 1
*(u64 *)(r0 + 0) = r1
r1 = r6
r2 = chain ll
r3 = 0
call bpf_tail_call
out:
r0 = ${element}
exit`;
const TWO: VmDescription = {
  memory: MEMORY,
  programs: { a: counting(0), b: counting(1) },
  maps: { chain: { slots: { 0: 'a', 1: 'b' }, maxEntries: 2 }, hits: { type: 'array', maxEntries: 2 } },
};

function onMemory(run: () => void): void {
  try {
    run();
  } finally {
    MEMORY.clear();
  }
}

/** A thread that swaps the slots 0 and 1 as ProgArrayMap.replace does, until told to stop; answers how often. */
const SWAPPER = `
  const { workerData, parentPort } = require('node:worker_threads');
  const { buffer, generation, slots, stop } = workerData;
  const words = new Int32Array(buffer);
  const told = new Int32Array(stop);
  parentPort.postMessage('ready');
  let swaps = 0;
  for (; Atomics.load(told, 0) === 0; swaps++) {
    Atomics.add(words, generation, 1);
    const first = Atomics.load(words, slots);
    Atomics.store(words, slots, Atomics.load(words, slots + 1));
    Atomics.store(words, slots + 1, first);
    Atomics.add(words, generation, 1);
  }
  parentPort.postMessage(swaps);
`;

test('a chain that runs while its slot is swapped visits both targets and never misses', async () => {
  const vm = testVm(TWO);
  const descriptor = MAP_DESCRIPTOR.BASE;
  const stop = new SharedArrayBuffer(4);
  const worker = new Worker(SWAPPER, {
    eval: true,
    workerData: {
      buffer: MEMORY.memory.buffer,
      generation: (descriptor + MAP_DESCRIPTOR.GENERATION) / 4,
      slots: MEMORY.view.getUint32(descriptor + MAP_DESCRIPTOR.DATA, true) / 4,
      stop,
    },
  });
  const message = () => new Promise<unknown>((resolve) => worker.once('message', resolve));
  try {
    await message();
    // Until both have run, which on a loaded machine may need more than one time slice of the swapper.
    let hits = [0n, 0n];
    let tailCalls = 0;
    for (let round = 0; round < 50 && (round < 3 || hits.includes(0n)); round++) {
      const done = runVm(vm, { maxTailCalls: NO_LIMIT, instructions: 300_000 });
      assert.equal(done.code, 'insn_budget');
      assert.deepEqual(done.misses, { index: 0, empty: 0, limit: 0 });
      let generation = -1;
      for (const row of done.slotLog!) {
        assert.ok(row.generation > generation, 'generations only grow');
        generation = row.generation;
      }
      const { rows } = readChain(MEMORY, { program: String, map: String });
      let seen = 0;
      for (const row of rows) {
        assert.equal(row.miss, null);
        assert.ok(row.generation >= seen);
        // Each change swaps the two: after an even number of them slot 0 holds program 0 again.
        assert.equal(row.to, String(row.generation % 2));
        seen = row.generation;
      }
      tailCalls = done.tailCalls;
      hits = vm.maps[1]!.entries().map(({ value }) => Buffer.from(value).readBigUInt64LE());
    }
    assert.ok(hits[0]! > 0n && hits[1]! > 0n, hits.join());
    assert.ok(tailCalls > 0);
  } finally {
    const swaps = message();
    Atomics.store(new Int32Array(stop), 0, 1);
    assert.ok(Number(await swaps) > 0);
    await worker.terminate();
    MEMORY.clear();
  }
});

test('a change is seen at the next hop, with its generation and in the slot log', () => {
  onMemory(() => {
    const vm = testVm(TWO);
    const map = vm.maps[0] as ProgArrayMap;
    const limits = { maxTailCalls: 3 };
    const names = { program: (number: number) => 'ab'[number]!, map: String };
    const chainOf = () => readChain(MEMORY, names).rows.map(({ to, miss, generation }) => [to ?? miss, generation]);

    runVm(vm, limits);
    assert.deepEqual(chainOf(), [
      ['a', 0],
      ['a', 0],
      ['a', 0],
      ['limit', 0],
    ]);
    map.replace(new Map([[0, 1]]));
    runVm(vm, limits);
    assert.deepEqual(chainOf(), [
      ['b', 1],
      ['b', 1],
      ['b', 1],
      ['limit', 1],
    ]);
    map.replace(
      new Map<number, number | null>([
        [0, null],
        [1, 0],
      ]),
    );
    const done = runVm(vm, limits);
    assert.deepEqual(chainOf(), [['empty', 2]]);
    // The first row of an array holds all of it, later ones what has changed.
    assert.deepEqual(
      done.slotLog!.map(({ map: index, attempt, generation, changes }) => ({ index, attempt, generation, changes })),
      [
        {
          index: 0,
          attempt: 0,
          generation: 1,
          changes: [
            [0, 2],
            [1, 2],
          ],
        },
        {
          index: 0,
          attempt: 0,
          generation: 2,
          changes: [
            [0, 0],
            [1, 1],
          ],
        },
      ],
    );
    assert.deepEqual(
      map.entries().map(({ key, value }) => [key[0], value[0]]),
      [[1, 0]],
    );
  });
});

test('a change that never ends is waited for outside, and the wall clock ends the wait', () => {
  onMemory(() => {
    const vm = testVm(TWO);
    // Odd: a writer is in the middle of a change.
    MEMORY.view.setUint32(MAP_DESCRIPTOR.BASE + MAP_DESCRIPTOR.GENERATION, 5, true);
    let time = 0;
    const done = runVm(vm, { deadline: 10, now: () => time++ });
    assert.equal(done.code, 'wall_budget');
    assert.equal(done.tailCalls, 0);
    assert.deepEqual(done.misses, { index: 0, empty: 0, limit: 0 });
    assert.equal(done.instructions, 14);
  });
});

test('a program is compiled when a chain first reaches it, and once', () => {
  onMemory(() => {
    const compiled: string[] = [];
    const hopTo = (slot: number) => `r6 = r1\nr1 = r6\nr2 = chain ll\nr3 = ${slot}\ncall bpf_tail_call\nr0 = 0\nexit`;
    const vm = testVm({
      memory: MEMORY,
      programs: { entry: hopTo(1), next: hopTo(1), late: 'r0 = 9\nexit', never: 'r0 = 8\nexit' },
      maps: { chain: { slots: { 1: 'next', 2: 'never' }, maxEntries: 3 } },
      onCompile: (name) => compiled.push(name),
    });
    assert.deepEqual(compiled, []);
    assert.equal(runVm(vm).r0, 0n);
    assert.deepEqual(compiled, ['entry', 'next']);
    (vm.maps[0] as ProgArrayMap).replace(new Map([[1, 2]]));
    assert.equal(runVm(vm).r0, 9n);
    assert.equal(runVm(vm).r0, 9n);
    assert.deepEqual(compiled, ['entry', 'next', 'late']);
  });
});

test('a program that is set while the chain runs is reached in the same run', () => {
  onMemory(() => {
    const self = 'r6 = r1\nr1 = r6\nr2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit';
    const vm = testVm({
      memory: MEMORY,
      programs: { self, late: 'r0 = 9\nexit' },
      maps: { chain: { slots: { 0: 'self' } } },
    });
    // The look at the clock that every refill takes is where this thread can change the slot.
    let looks = 0;
    const now = () => {
      if (++looks === 4) (vm.maps[0] as ProgArrayMap).replace(new Map([[0, 1]]));
      return 0;
    };
    const done = runVm(vm, { maxTailCalls: NO_LIMIT, instructions: 1e9, deadline: 1, now });
    assert.deepEqual([done.code, done.r0, done.last?.program], ['exit', 9n, 1]);
    assert.deepEqual(
      done.slotLog!.map(({ generation, changes }) => ({ generation, changes })),
      [{ generation: 1, changes: [[0, 2]] }],
    );
    assert.equal(done.misses.empty, 0);
  });
});

test('programs do not reach the elements of a prog array', () => {
  onMemory(() => {
    const map = testVm(TWO).maps[0]!;
    assert.ok(map instanceof ProgArrayMap);
    assert.deepEqual([map.lookup(0), map.update(0, 0, 0n), map.delete(0)], [0, -22, -22]);
  });
});
