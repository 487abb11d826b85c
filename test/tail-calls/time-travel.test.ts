/** Any step of a chain again: stopping in front of a step, windows, long runs, and the same bytes every time. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { StepRow } from '../../src/contract/step.ts';
import { assertApplied } from '../support/apply-steps.ts';
import { type RunDescription, resultOf, runSpec } from '../support/engine-run.ts';
import { replayOf, runShape } from '../support/replayed.ts';
import { count, hop, leave, SAVE } from '../support/tail-call-rows.ts';

/** 34 programs that call a function with a pointer to their stack, count, update a hash, write to the packet, and hop. */
const CHAIN: RunDescription = {
  programs: {
    self: `${SAVE}${count(0)}r7 = 3
again:
*(u64 *)(r10 - 16) = 0
r1 = r10
r1 += -16
r2 = r7
call sub
r7 += -1
if r7 != 0 goto again
r1 = *(u64 *)(r10 - 16)
*(u64 *)(r10 - 24) = r1
r1 = seen ll
r2 = r10
r2 += -16
r3 = r10
r3 += -24
r4 = 0
call map_update_elem
r2 = *(u32 *)(r6 + 0)
r3 = *(u32 *)(r6 + 4)
r4 = r2
r4 += 8
if r4 > r3 goto out
r5 = *(u64 *)(r2 + 0)
r5 += 1
*(u64 *)(r2 + 0) = r5
${hop()}out:
${leave(1)}sub:
r3 = *(u64 *)(r1 + 0)
r3 += r2
*(u64 *)(r1 + 0) = r3
*(u64 *)(r10 - 8) = r3
r6 = *(u64 *)(r10 - 8)
r0 = r6
exit`,
  },
  maps: {
    chain: { slots: { 0: 'self' }, maxEntries: 1 },
    hits: { type: 'array', maxEntries: 1 },
    seen: { type: 'hash', keySize: 8, maxEntries: 8 },
  },
};

const LONG_STEPS = 1_000_000;
/** Exactly LONG_STEPS instructions: 2 + 4 * 249,999 + 2. */
const LONG: RunDescription = {
  programs: {
    long: `r1 = 249999\nr0 = 0\nagain:\nr0 += r1\nr1 += -1\n*(u64 *)(r10 - 8) = r0\nif r1 != 0 goto again\nr0 = 7\nexit`,
  },
  budgets: { instructions: 2 * LONG_STEPS },
};

const spec = runSpec(CHAIN);

test('the state at every step of a 2,000-step chain: by stopping, and by applying steps', () => {
  const { rows, state } = replayOf(spec);
  assert.ok(rows.length >= 2000, `${rows.length} steps`);
  assert.equal(resultOf(CHAIN).counters.instructions, String(rows.length));
  const states = Array.from({ length: rows.length }, (_, step) => replayOf(spec, step, 0).state);
  states.forEach((one, step) => {
    assert.deepEqual([one.step, one.program, one.pc], [String(step), rows[step]!.program, rows[step]!.pc]);
  });
  assertApplied(states[0]!, rows, [...states, state], runShape(spec));
});

test('a window is a slice of the whole, and the state behind it the one in front of the next step', () => {
  const { rows } = replayOf(spec);
  const windows = [
    [0, 1],
    [1, 511],
    [512, 512],
    [700, 37],
    [1033, 900],
    [rows.length - 3, 3],
    [rows.length - 3, 100],
    [rows.length, 10],
  ] as const;
  for (const [from, length] of windows) {
    const window = replayOf(spec, from, length);
    assert.deepEqual(window.rows, rows.slice(from, from + length), `${from} + ${length}`);
    assert.deepEqual(window.state, replayOf(spec, from + length, 0).state);
  }
});

test('a stop anywhere in a run of a million steps', (context) => {
  const { counters, returnValue } = resultOf(LONG);
  assert.deepEqual([counters.instructions, returnValue], [String(LONG_STEPS), 7]);
  const long = runSpec(LONG);
  const times: number[] = [];
  for (const step of [0, 1, 333_333, 500_000, 999_998, 999_999, LONG_STEPS]) {
    const before = performance.now();
    const { state } = replayOf(long, step, 0);
    times.push(performance.now() - before);
    assert.equal(state.step, String(step));
    assert.equal(state.pc === null, step === LONG_STEPS);
    // Behind the two first instructions every fourth adds r1 to r0, the next counts r1 down.
    if (step > 2 && step < LONG_STEPS - 2) {
      const counted = BigInt(Math.floor(step / 4));
      assert.equal(state.registers[1], `0x${(249_999n - counted).toString(16)}`, `r1 in front of step ${step}`);
    }
  }
  const { rows } = replayOf(long, LONG_STEPS - 2, 10);
  assert.deepEqual(
    rows.map((row) => [row.step, row.insn]),
    [
      [String(LONG_STEPS - 2), 'r0 = 7'],
      [String(LONG_STEPS - 1), 'exit'],
    ],
  );
  context.diagnostic(`ms to a state: ${times.map((time) => time.toFixed(1)).join(' ')}`);
});

test('ten replays in ten threads give the same bytes', async () => {
  const answers: unknown[] = [];
  for (let thread = 0; thread < 10; thread++) {
    const worker = new Worker(new URL('../fixtures/workers/replay.ts', import.meta.url), { workerData: spec });
    const [answer] = (await once(worker, 'message')) as [unknown];
    answers.push(answer);
    await worker.terminate();
  }
  const [first] = answers as [{ steps: number }];
  assert.ok(first.steps >= 2000);
  for (const answer of answers) assert.deepEqual(answer, first);
});

test('what is compared would show a difference: a register, a store, a patch, a step left out', () => {
  const { rows, state } = replayOf(spec);
  const start = replayOf(spec, 0, 0).state;
  const shape = runShape(spec);
  const last = (found: (row: (typeof rows)[number]) => boolean): number => rows.findLastIndex(found);
  const update = last((row) => row.patches?.some((patch) => 'map' in patch) ?? false);
  const changes: [number, Partial<StepRow>][] = [
    [last((row) => row.dst === 7), { value: '0x1' }],
    [last((row) => row.mem?.region === 'packet'), { mem: { region: 'packet', offset: 0, size: 8, value: '0x1' } }],
    [last((row) => row.mem?.region === 'hits'), { mem: { region: 'hits', offset: 0, size: 8, value: '0x1' } }],
    [
      update,
      { patches: [{ step: rows[update]!.step, map: 'seen', key: '0600000000000000', value: '0700000000000000' }] },
    ],
    [last((row) => row.mem?.region === 'stack'), { mem: { region: 'stack', offset: -16, size: 8, value: '0x1' } }],
  ];
  for (const [index, change] of changes) {
    assert.ok(index > 0);
    const changed = rows.with(index, { ...rows[index]!, ...change });
    assert.throws(() => assertApplied(start, changed, [state], shape), assert.AssertionError, JSON.stringify(change));
  }
  assert.throws(() => assertApplied(start, rows.toSpliced(100, 1), [state], shape), assert.AssertionError);
});
