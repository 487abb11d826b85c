/** The same spec gives the same result; seed and instructions alone decide random numbers and the clock. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunResult } from '../../src/contract/result.ts';
import { bytesOf, type RunDescription, resultOf } from '../support/engine-run.ts';

/** All but what a run may differ in. */
function lasting(result: RunResult): Partial<RunResult> {
  const rest: Partial<RunResult> = { ...result };
  for (const field of ['id', 'timing', 'cache'] as const) delete rest[field];
  return rest;
}

const BUSY: RunDescription = {
  programs: {
    a: `r6 = r1
call get_prandom_u32
*(u64 *)(r10 - 8) = r0
call ktime_get_ns
*(u64 *)(r10 - 16) = r0
r1 = m ll
r2 = r10
r2 += -8
r3 = r10
r3 += -16
r4 = 0
call map_update_elem
*(u64 *)(r10 - 24) = 0x0a7525
r1 = r10
r1 += -24
r2 = 8
r3 = *(u64 *)(r10 - 8)
call trace_printk
r1 = r6
r2 = chain ll
r3 = 0
call bpf_tail_call
r0 = *(u64 *)(r10 - 8)
exit`,
  },
  maps: { chain: { slots: { 0: 'a' } }, m: { type: 'hash', keySize: 8, maxEntries: 1000 } },
  repeat: 3,
};

test('the same spec twice, also after other runs, gives the same result', () => {
  const first = resultOf(BUSY);
  assert.equal(first.outcome.code, 'exit');
  assert.equal(first.counters.prints, 102);
  resultOf({ ...BUSY, seed: '99' });
  resultOf({ programs: { p: 'r0 = *(u8 *)(r10 + 0)\nexit' }, verify: 'off' });
  assert.deepEqual(lasting(resultOf(BUSY)), lasting(first));
});

test('another seed, other numbers and another clock', () => {
  const values = (seed: string) => {
    const { output, r0 } = resultOf({ ...BUSY, seed });
    return { r0, maps: output.maps.m };
  };
  const [one, two, zero] = [values('1'), values('2'), values('0')];
  for (const [left, right] of [
    [one, two],
    [one, zero],
    [two, zero],
  ] as const) {
    assert.notEqual(left.r0, right.r0);
    assert.notDeepEqual(
      left.maps?.map(({ value }) => value),
      right.maps?.map(({ value }) => value),
    );
  }
  assert.notDeepEqual(values('18446744073709551615'), one);
});

/** Draws 64 numbers into an array. */
const DRAWS = 64;
function draws(seed: string): number[] {
  const one = (element: number) => `call get_prandom_u32
*(u64 *)(r10 - 16) = r0
*(u32 *)(r10 - 4) = ${element}
r1 = m ll
r2 = r10
r2 += -4
r3 = r10
r3 += -16
r4 = 0
call map_update_elem
`;
  const { output } = resultOf({
    programs: { p: `${Array.from({ length: DRAWS }, (_, n) => one(n)).join('')}r0 = 0\nexit` },
    maps: { m: { maxEntries: DRAWS } },
    seed,
  });
  return output.maps.m!.map(({ value }) => Number(Buffer.from(bytesOf(value.hex)).readBigUInt64LE()));
}

test('random numbers: 32 bits, no two streams alike, bits on both sides', () => {
  const streams = ['0', '1', '2', '3'].map(draws);
  const all = streams.flat();
  assert.equal(new Set(all).size, all.length);
  assert.ok(all.every((value) => value >= 0 && value <= 0xffff_ffff));
  for (let bit = 0; bit < 32; bit++) {
    const ones = all.filter((value) => Math.floor(value / 2 ** bit) % 2 === 1).length;
    assert.ok(ones > all.length * 0.3 && ones < all.length * 0.7, `bit ${bit}: ${ones} of ${all.length}`);
  }
});

/** ktime_get_ns: instructions between two calls, the second call included. */
const CLOCK: readonly { readonly name: string; readonly between: string; readonly nanoseconds: number }[] = [
  { name: 'nothing between', between: '', nanoseconds: 2 },
  { name: 'three instructions', between: 'r1 = 1\nr2 = 2\nr3 = 3\n', nanoseconds: 5 },
  { name: 'an lddw is one instruction', between: 'r1 = 0x1122334455667788 ll\n', nanoseconds: 3 },
  { name: 'a loop of ten rounds', between: 'r1 = 10\nl:\nr1 += -1\nif r1 != 0 goto l\n', nanoseconds: 2 + 1 + 20 },
  { name: 'a function', between: 'call f\n', nanoseconds: 2 + 3 },
];

for (const { name, between, nanoseconds } of CLOCK) {
  test(`the clock advances 1 ns an instruction: ${name}`, () => {
    const f = between.includes('call f') ? 'f:\nr0 = 0\nexit\n' : '';
    const { returnValue } = resultOf({
      programs: { p: `call ktime_get_ns\nr6 = r0\n${between}call ktime_get_ns\nr0 -= r6\nexit\n${f}` },
    });
    assert.equal(returnValue, nanoseconds);
  });
}

test('the clock goes on over hops and repetitions', () => {
  const { output } = resultOf({
    programs: {
      a: `r6 = r1
call ktime_get_ns
*(u64 *)(r10 - 8) = r0
r1 = m ll
r2 = r10
r2 += -8
r3 = r10
r3 += -8
r4 = 1
call map_update_elem
r1 = r6
r2 = chain ll
r3 = 0
call bpf_tail_call
r0 = 0
exit`,
    },
    maps: { chain: { slots: { 0: 'a' } }, m: { type: 'hash', keySize: 8, maxEntries: 1000 } },
    repeat: 2,
  });
  const times = output.maps.m!.map(({ key }) => BigInt(Buffer.from(key.hex, 'hex').readBigUInt64LE()));
  assert.equal(times.length, 68);
  const steps = times.slice(1).map((time, index) => Number(time - times[index]!));
  assert.deepEqual(steps, [...Array<number>(33).fill(14), 16, ...Array<number>(33).fill(14)]);
});

test('get_smp_processor_id is 0', () => {
  assert.equal(resultOf({ programs: { p: 'call get_smp_processor_id\nexit' } }).r0, '0x0');
});

const LEAVE = Array.from({ length: 64 }, (_, n) => `*(u64 *)(r10 - ${8 * (n + 1)}) = -1\n`).join('');
const HOP = 'r1 = r6\nr2 = chain ll\nr3 = 0\ncall bpf_tail_call\n';
/** Reads a slot that this function never wrote, after somebody else did. */
const FRAMES: readonly { readonly name: string; readonly programs: Record<string, string> }[] = [
  {
    name: 'of the program before',
    programs: { p: `r6 = r1\n${LEAVE}${HOP}r0 = 1\nexit`, q: 'r0 = *(u64 *)(r10 - 64)\nexit' },
  },
  {
    name: 'of the program before, through a moving pointer',
    programs: {
      p: `r6 = r1\n${LEAVE}${HOP}r0 = 1\nexit`,
      q: 'r1 = 264\nr2 = r10\nr2 -= r1\nr0 = *(u64 *)(r2 + 0)\nexit',
    },
  },
  {
    name: 'of the function before',
    programs: {
      p: 'call f\ncall g\nexit\nf:\n*(u64 *)(r10 - 8) = -1\nr0 = 0\nexit\ng:\nr0 = *(u64 *)(r10 - 8)\nexit',
      q: 'r0 = 1\nexit',
    },
  },
  {
    name: 'of the same function before',
    programs: {
      p: 'r1 = 0\ncall f\nr1 = 1\ncall f\nexit\nf:\nr0 = *(u64 *)(r10 - 16)\nif r1 != 0 goto out\n*(u64 *)(r10 - 16) = -1\nout:\nexit',
      q: 'r0 = 1\nexit',
    },
  },
];

for (const { name, programs } of FRAMES) {
  test(`a frame starts with zeroes, not with what is left ${name}`, () => {
    const run: RunDescription = { programs, maps: { chain: { slots: { 0: 'q' } } }, verify: 'off' };
    for (const repeat of [1, 2]) {
      const { outcome, r0, fault } = resultOf({ ...run, repeat });
      assert.equal(outcome.code, 'exit', fault?.message);
      assert.equal(r0, '0x0');
    }
  });
}

/** Registers that are dead hold one value that no run can take for data. */
const DEAD: readonly { readonly name: string; readonly text: string }[] = [
  ...[1, 2, 3, 4, 5].map((register) => ({
    name: `r${register} after a helper`,
    text: `r${register} = 7\ncall get_smp_processor_id\nr0 = r${register}\nexit`,
  })),
  ...[1, 2, 3, 4, 5].map((register) => ({
    name: `r${register} after a function`,
    text: `r${register} = 7\ncall f\nr0 = r${register}\nexit\nf:\nr0 = 1\nexit`,
  })),
  ...[0, 1, 2, 3, 4, 5].map((register) => ({
    name: `r${register} after a failed tail call`,
    text: `r0 = 5\nr2 = chain ll\nr3 = 1\nr4 = 4\nr5 = 5\ncall bpf_tail_call\nr0 = r${register}\nexit`,
  })),
];

for (const { name, text } of DEAD) {
  test(`dead: ${name}`, () => {
    const { r0 } = resultOf({
      programs: { p: text },
      maps: { chain: { slots: { 0: 'p' }, maxEntries: 2 } },
      verify: 'off',
    });
    assert.equal(r0, '0xdead');
  });
}

test('a hop hands on the context and nothing else', () => {
  for (const register of [0, 2, 3, 4, 5, 6, 7, 8, 9]) {
    const set = [6, 7, 8, 9].map((one) => `r${one} = 77`).join('\n');
    const { r0 } = resultOf({
      programs: {
        p: `${set}\nr0 = 5\nr4 = 6\nr5 = 7\nr2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit`,
        q: `r0 = r${register}\nexit`,
      },
      maps: { chain: { slots: { 0: 'q' } } },
      verify: 'off',
    });
    assert.equal(r0, '0x0', `r${register}`);
  }
});
