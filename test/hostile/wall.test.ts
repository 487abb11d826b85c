/**
 * V8 ignores `terminate()` inside an optimised cycle of return_call_indirect for many seconds, so that a thread cannot be stopped from
 * outside. It must not need to be: the fuel in the code ends each run by itself, on a thread that lives on.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { THREAD_HEAP_MIB, THREAD_STACK_MIB } from '../../src/pool/run-thread.ts';
import type { VmDescription } from '../support/engine-run.ts';
import type { WallAnswer, WallTask } from './wall-worker.ts';

/** Long enough for V8 to have optimised the cycle. */
const WALL_MS = 1_000;
const MOST_LATE_MS = 50;
/** A machine that is busy with something else may be late once. */
const TRIES = 4;

function hopTo(slot: number): string {
  return `r2 = chain ll\nr3 = ${slot}\ncall bpf_tail_call\nr0 = 1\nexit`;
}

const ENDLESS: Readonly<Record<string, VmDescription>> = {
  'a program that tail-calls itself': { programs: { p: hopTo(0) }, maps: { chain: { slots: { 0: 'p' } } } },
  'two programs that tail-call each other': {
    programs: { p: hopTo(1), q: hopTo(0) },
    maps: { chain: { maxEntries: 2, slots: { 0: 'p', 1: 'q' } } },
  },
  'a tail call by a slot that is computed': {
    programs: {
      p: 'r7 = *(u32 *)(r1 + 0)\nr2 = chain ll\nr3 = r7\nr3 &= 1\ncall bpf_tail_call\nr0 = 1\nexit',
      q: hopTo(0),
    },
    maps: { chain: { maxEntries: 2, slots: { 0: 'p', 1: 'q' } } },
  },
  'tail calls that miss': {
    programs: { p: 'r6 = r1\nagain:\nr1 = r6\nr2 = chain ll\nr3 = 0\ncall bpf_tail_call\ngoto again' },
    maps: { chain: { slots: {} } },
  },
  'a loop': { programs: { p: 'again:\nr7 += 1\ngoto again' }, maps: {} },
};

async function answerOf(description: VmDescription): Promise<WallAnswer> {
  const worker = new Worker(new URL('wall-worker.ts', import.meta.url), {
    workerData: { description, wallMs: WALL_MS } satisfies WallTask,
    resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MIB, stackSizeMb: THREAD_STACK_MIB },
  });
  const [answer] = (await once(worker, 'message')) as [WallAnswer];
  assert.deepEqual(await once(worker, 'exit'), [0], 'the thread ends by itself');
  return answer;
}

for (const [name, description] of Object.entries(ENDLESS)) {
  test(`${name}: ends by itself when its wall budget is used up`, async (t) => {
    let lateMs = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < TRIES && lateMs > MOST_LATE_MS; tries++) {
      const answer = await answerOf(description);
      assert.equal(answer.code, 'wall_budget');
      assert.ok(answer.instructions > 1_000_000, `${answer.instructions} instructions: the cycle is hot`);
      lateMs = Math.min(lateMs, answer.lateMs);
    }
    t.diagnostic(`${name}: ${lateMs.toFixed(1)} ms past its wall budget`);
    assert.ok(lateMs >= 0 && lateMs <= MOST_LATE_MS, `${lateMs} ms late in each of ${TRIES} tries`);
  });
}
