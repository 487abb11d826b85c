/** Fairness between principals, counted in runs. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { decodeRun } from '../../src/api/decode-run.ts';
import { type Limits, limitsWith } from '../../src/contract/limits.ts';
import { RunPool } from '../../src/pool/pool.ts';
import type { RunAnswer, RunHandle } from '../../src/pool/run-job.ts';
import { SCRIPTED_WORKER, scripted } from '../support/service.ts';

const NOISY_RUNS = 10_000;
/** Nothing of these tests ends by time. */
const LONG_MS = 300_000;
const budgets = { wallMs: 60_000 };

function build(t: TestContext, threads: number, changes: Partial<Limits>) {
  const limits = limitsWith({ maxQueueMs: LONG_MS, ...changes });
  const observer = { waited() {}, recycled() {}, probed() {} };
  const pool = new RunPool({ worker: SCRIPTED_WORKER, threads, limits, observer });
  t.after(() => pool.close());
  const specs = new Map(
    ['wait', 'exit'].map((entry) => [entry, decodeRun(scripted(entry, { budgets }), limits, 0, 'test')]),
  );
  const start = (principal: string, entry: 'wait' | 'exit'): RunHandle =>
    pool.submit({ id: principal, spec: specs.get(entry)!, principal, listener: null });
  return { pool, start };
}

const codeOf = (answer: RunAnswer): string =>
  answer.kind === 'result' ? answer.result.outcome.code : answer.problem.code;

for (const threads of [1, 2]) {
  test(`behind 10,000 runs of one, another's run waits for two a thread at most (${threads})`, {
    timeout: LONG_MS,
  }, async (t) => {
    const { pool, start } = build(t, threads, { queueLimit: 3 * NOISY_RUNS });
    const noisy = Array.from({ length: NOISY_RUNS + threads }, () => start('noisy', 'wait'));
    assert.deepEqual([pool.gauges().busy, pool.gauges().queued], [threads, NOISY_RUNS]);
    const quiet = start('quiet', 'exit');
    // Each ends when it is told to, and the next one takes its thread.
    for (const { cancel, answer } of noisy.slice(0, 2 * threads)) {
      cancel();
      assert.equal(codeOf(await answer), 'cancelled');
    }
    assert.equal(codeOf(await quiet.answer), 'exit');
    const { queued } = pool.gauges();
    assert.ok(queued >= NOISY_RUNS - 2 * threads, `${queued} of ${NOISY_RUNS} still wait`);
  });
}

test('nobody fills the queue alone: each may have as many waiting as places are free', async (t) => {
  const { pool, start } = build(t, 1, { queueLimit: 12 });
  start('first', 'wait');
  /** How many of a principal are taken until one is refused. */
  const fill = async (principal: string): Promise<number> => {
    const before = pool.gauges().queued;
    for (;;) {
      const handle = start(principal, 'exit');
      const refused = pool.refusal(principal);
      if (refused === null) continue;
      const taken = pool.gauges().queued - before;
      const last = start(principal, 'exit');
      const answer = await last.answer;
      assert.ok(answer.kind === 'problem' && answer.problem.code === 'queue_full');
      assert.equal(answer.problem.limit, 'queueLimit');
      assert.equal(pool.gauges().queued - before, taken);
      void handle;
      return taken;
    }
  };
  assert.deepEqual([await fill('a'), await fill('b'), await fill('c'), await fill('d')], [6, 3, 2, 1]);
  const full = await start('e', 'exit').answer;
  assert.ok(full.kind === 'problem');
  assert.match(full.problem.detail, /12 runs wait already/);
  const own = pool.refusal('a');
  assert.match(own?.detail ?? '', /12 runs wait already/);
});
