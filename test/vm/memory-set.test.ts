/** Memories are made once, handed from owner to owner, and hold nothing of the last one. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DATA_REGION, PERMISSION, SHADOW_OFFSET, STACK } from '../../src/contract/memory.ts';
import { GuestMemory } from '../../src/vm/guest-memory.ts';
import { MEMORY_CLASSES, MemorySet } from '../../src/vm/memory-set.ts';
import { runVm, testVm, type VmDescription } from '../support/engine-run.ts';

/** Offsets that are not zero, up to a bound of the guest's half and of the shadow's. */
function dirt(memory: GuestMemory, bound: number): number[] {
  const found: number[] = [];
  for (const start of [0, SHADOW_OFFSET]) {
    const words = new BigUint64Array(memory.bytes.buffer, start, bound / 8);
    for (let index = 0; index < words.length; index++) if (words[index] !== 0n) found.push(start + 8 * index);
  }
  return found;
}

/** The frame of an entry program stays open: nothing else may be left. */
function assertClean(memory: GuestMemory): void {
  const frame = SHADOW_OFFSET + STACK.BASE - STACK.MAX_BYTES;
  const other = dirt(memory, DATA_REGION + (1 << 20)).filter((at) => at < frame || at >= frame + STACK.MAX_BYTES);
  assert.deepEqual(other, []);
  const shadow = memory.bytes.subarray(frame, frame + STACK.MAX_BYTES);
  assert.ok(shadow.every((permission) => permission === PERMISSION.READ_WRITE));
  assert.deepEqual(memory.used, 0);
  assert.deepEqual(
    memory.regions.map(({ name }) => name),
    ['stack'],
  );
}

const FILL_STACK = Array.from({ length: 64 }, (_, n) => `*(u64 *)(r10 - ${8 * (n + 1)}) = -1`).join('\n');
const SELF = 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit';

/** Owners that leave as much as they can behind. */
const OWNERS: Readonly<Record<string, VmDescription & { readonly limits?: Parameters<typeof runVm>[1] }>> = {
  'a full stack': { programs: { p: `${FILL_STACK}\nr0 = 1\nexit` } },
  'frames of functions, left by a fault': {
    programs: {
      p: 'call f\nexit\nf:\nr1 = r10\nr1 += -8\n*(u64 *)(r1 + 0) = r1\n*(u64 *)(r10 - 16) = r10\nr0 = 0\ncall g\nexit\ng:\nr1 = r10\n*(u64 *)(r10 - 8) = r1\nr0 = *(u64 *)(r0 + 0)\nexit',
    },
  },
  'frames of nested programs': {
    programs: {
      p: 'r6 = r1\ncall f\nexit\nf:\n*(u64 *)(r10 - 8) = r10\nr2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit',
    },
    maps: { chain: { slots: { 0: 'p' } } },
  },
  'a chain of 10,000 rows': {
    programs: { p: SELF },
    maps: { chain: { slots: { 0: 'p' } } },
    limits: { maxTailCalls: 10_000 },
  },
  'maps with contents': {
    programs: {
      p: '*(u64 *)(r10 - 8) = -1\nr1 = m ll\nr2 = r10\nr2 += -8\nr3 = r2\nr4 = 0\ncall map_update_elem\nr1 = a ll\nr2 = r10\nr2 += -4\n*(u32 *)(r10 - 4) = 2\ncall map_lookup_elem\n*(u64 *)(r0 + 0) = -1\nr0 = 0\nexit',
    },
    maps: { m: { type: 'hash', maxEntries: 100 }, a: { type: 'array', maxEntries: 3 }, chain: { slots: { 0: 'p' } } },
  },
  'a packet and a context': {
    programs: { p: 'r0 = 1\nexit' },
    packet: { bytes: new Uint8Array(1500).fill(0xff), start: 0, end: 1500, permission: PERMISSION.READ_WRITE },
    context: { bytes: new Uint8Array(192).fill(0xff), permissions: new Uint8Array(192).fill(3), packetFields: [] },
  },
  'random numbers and prints': {
    programs: {
      p: '*(u64 *)(r10 - 8) = 0x41\ncall get_prandom_u32\nr1 = r10\nr1 += -8\nr2 = 8\ncall trace_printk\nr0 = 0\nexit',
    },
  },
};

for (const [name, { limits, ...owner }] of Object.entries(OWNERS)) {
  test(`cleared after ${name}`, () => {
    const memory = new GuestMemory(1 << 20);
    assertClean(memory);
    runVm(testVm({ ...owner, memory }), limits);
    assert.ok(dirt(memory, DATA_REGION + (1 << 20)).length > STACK.MAX_BYTES / 8);
    memory.clear();
    assertClean(memory);
  });
}

test('a memory serves one owner at a time, by size', () => {
  const set = new MemorySet();
  const [small, large] = MEMORY_CLASSES;
  const taken = Array.from({ length: small.count }, () => set.acquire(100)!);
  assert.deepEqual(
    taken.map(({ capacity }) => capacity),
    taken.map(() => small.capacity),
  );
  assert.equal(new Set(taken).size, small.count);
  // The large class takes over, then there is none.
  const big = set.acquire(100)!;
  assert.ok(big.capacity > small.capacity && big.capacity <= large.capacity);
  assert.equal(set.acquire(100), undefined);
  set.release(taken[0]!);
  assert.equal(set.acquire(100), taken[0]);
  set.release(big);
  assert.equal(set.acquire(small.capacity + 1), big);
  assert.equal(set.acquire(2 ** 31), undefined);
});

/** 50,000 in a slow run; the number is of runs, each on a memory that another run has just left. */
const RUNS = Number(process.env.WAGGLE_TEST_RUNS ?? 5_000);

test(`${RUNS} runs on a fixed set of memories do not grow the process`, () => {
  const set = new MemorySet();
  const description: VmDescription = {
    programs: {
      a: 'r6 = r1\n*(u64 *)(r10 - 8) = 1\nr1 = m ll\nr2 = r10\nr2 += -8\nr3 = r2\nr4 = 0\ncall map_update_elem\nr1 = r6\nr2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit',
    },
    maps: { m: { type: 'hash', maxEntries: 64 }, chain: { slots: { 0: 'a' } } },
    packet: { bytes: new Uint8Array(1500).fill(7), start: 0, end: 1500, permission: PERMISSION.READ_WRITE },
  };
  const modules = new Map<string, WebAssembly.Module>();
  const run = () => {
    const memory = set.acquire(10_000);
    assert.ok(memory);
    try {
      const vm = testVm({ ...description, memory, modules });
      const done = runVm(vm);
      assert.deepEqual([done.code, done.tailCalls, done.r0], ['exit', 33, 1n]);
      assert.equal(vm.maps[0]!.entries().length, 1);
    } finally {
      set.release(memory);
    }
  };
  for (let n = 0; n < 500; n++) run();
  const before = process.memoryUsage();
  for (let n = 0; n < RUNS; n++) run();
  const after = process.memoryUsage();
  // The young generation grows by some 150 MB and stays there; an instance or memory that is kept would add up far beyond.
  assert.ok(after.external - before.external < 64 << 20, `external ${before.external} -> ${after.external}`);
  assert.ok(after.rss - before.rss < 256 << 20, `rss ${before.rss} -> ${after.rss}`);
  for (const memory of [set.acquire(1), set.acquire(1)]) assertClean(memory!);
});
