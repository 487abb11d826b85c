/** How a thread goes through the runs of a batch: where a piece ends, and that each run is answered as alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runOfForm } from '../../src/contract/finished-run.ts';
import { limitsWith } from '../../src/contract/limits.ts';
import type { RunResult } from '../../src/contract/result.ts';
import { REPLAY_CONTROL, type RunTask, type TaskAnswer, THREAD_WANTED } from '../../src/contract/task.ts';
import { NOTHING_OBSERVED, unrunResult } from '../../src/contract/unrun-result.ts';
import { BATCH_ANSWER_BYTES, BATCH_SLICE_MS, runBatchTask } from '../../src/pipeline/batch-task.ts';
import { runSpec } from '../support/engine-run.ts';

const spec = runSpec({ programs: { p: 'r0 = 2\nexit' }, packet: new Uint8Array(64) });
const runs = Array.from({ length: 8 }, (_, n) => ({ id: `run ${n}`, spec }));

interface Script {
  /** Of each run, on the clock of the task, ms. */
  readonly lasts?: number;
  /** Bytes of each result beside the rest. */
  readonly bytes?: number;
  /** Called in front of each run, with the control cells. */
  readonly before?: (n: number, control: Int32Array) => void;
}

function scriptedBatch({ lasts = 0, bytes = 0, before = () => {} }: Script) {
  const control = new Int32Array(new SharedArrayBuffer(REPLAY_CONTROL.COUNT * Int32Array.BYTES_PER_ELEMENT));
  let now = 0;
  let made = 0;
  const run = (task: RunTask): TaskAnswer => {
    before(made, control);
    made += 1;
    now += lasts;
    assert.equal(task.cancel, control);
    const result: RunResult = unrunResult(task.id, task.spec, 'exit', task.queueUs);
    const packet = { hex: '0'.repeat(bytes) };
    return {
      kind: 'result',
      result: { ...result, output: { ...result.output, packet } },
      observations: NOTHING_OBSERVED,
      replay: { slotLog: [], steps: 2, programs: [], maps: [] },
    };
  };
  return runBatchTask({ run }, { kind: 'batch', runs, limits: limitsWith(), queueUs: 3, control }, () => now);
}

/** How many runs a piece makes. */
const PIECES: readonly (readonly [string, Script, number])[] = [
  ['all of them when nobody waits', {}, 8],
  ['one when another principal waits', { before: (_, control) => want(control, THREAD_WANTED.BY_ANOTHER) }, 1],
  [
    'all of the slice when the same principal waits',
    { before: (_, control) => want(control, THREAD_WANTED.BY_SAME) },
    8,
  ],
  ['those that begin in the slice', { lasts: BATCH_SLICE_MS / 2 }, 2],
  ['one that lasts longer than the slice', { lasts: 10 * BATCH_SLICE_MS }, 1],
  ['up to the one that was cancelled', { before: (n, control) => n === 2 && Atomics.store(control, 0, 1) }, 3],
  ['as many as an answer holds', { bytes: BATCH_ANSWER_BYTES / 2 }, 2],
];

function want(control: Int32Array, who: number): void {
  Atomics.store(control, REPLAY_CONTROL.YIELD, who);
}

for (const [name, script, expected] of PIECES) {
  test(`a piece of a batch makes ${name}`, () => {
    assert.equal(scriptedBatch(script).answers.length, expected);
  });
}

test('the text, the facts and the rest of a run tell the same result', () => {
  for (const [n, answer] of scriptedBatch({}).answers.entries()) {
    assert.equal(answer.kind, 'result');
    if (answer.kind !== 'result') continue;
    const result = JSON.parse(answer.text);
    assert.equal(result.id, `run ${n}`);
    assert.equal(result.timing.queueUs, 3);
    for (const [field, value] of Object.entries(answer.facts)) assert.deepEqual(result[field], value, field);
    const { result: kept, source } = runOfForm({ result: answer.text, rest: answer.rest, spec, sandbox: null });
    assert.deepEqual(kept, result);
    assert.deepEqual(source, { spec, slotLog: [], steps: 2 });
  }
});

test('a refusal is the answer of its run alone', () => {
  const problem = { code: 'bad_elf', detail: 'no' } as const;
  const control = new Int32Array(new SharedArrayBuffer(12));
  const task = { kind: 'batch', runs, limits: limitsWith(), queueUs: 0, control } as const;
  const { answers } = runBatchTask({ run: () => ({ kind: 'problem', problem }) }, task);
  assert.deepEqual(
    answers,
    Array.from({ length: 8 }, () => ({ kind: 'problem', problem })),
  );
});
