/** Pieces of batches in the pool: they give their thread back to others, and are neither refused nor expire. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { decodeRun } from '../../src/api/decode-run.ts';
import { type Limits, limitsWith } from '../../src/contract/limits.ts';
import type { BatchPieceAnswer } from '../../src/pool/batch-job.ts';
import { RunPool } from '../../src/pool/pool.ts';
import { SCRIPTED_WORKER, scripted } from '../support/service.ts';

const OBSERVER = { waited() {}, recycled() {}, probed() {} };

function build(t: TestContext, changes: Partial<Limits> = {}) {
  const limits = limitsWith(changes);
  const pool = new RunPool({ worker: SCRIPTED_WORKER, threads: 1, limits, observer: OBSERVER });
  t.after(() => pool.close());
  const spec = (entry: string, wallMs = 30_000) =>
    decodeRun(scripted(entry, { budgets: { wallMs } }), limits, 0, 'test');
  const batch = (entries: readonly string[], principal = 'a', wallMs?: number) =>
    pool.batch({ runs: entries.map((entry, n) => ({ id: `${n}`, spec: spec(entry, wallMs) })), principal });
  const run = (entry: string, principal: string) =>
    pool.submit({ id: entry, spec: spec(entry), principal, listener: null });
  return { pool, batch, run };
}

const codes = (answer: BatchPieceAnswer) =>
  answer.kind === 'answered'
    ? answer.answers.map((one) => (one.kind === 'result' ? one.facts.outcome.code : one.problem.code))
    : answer.kind;

test('the thread goes to another principal behind the run that is going on', async (t) => {
  const { batch, run } = build(t);
  const order: string[] = [];
  const piece = batch(['slow', 'slow', 'slow']).answer.then((answer) => {
    order.push('piece');
    return answer;
  });
  const other = run('exit', 'b').answer.then(() => order.push('other'));
  assert.deepEqual(codes(await piece), ['exit']);
  await other;
  assert.deepEqual(order, ['piece', 'other']);
});

test('what the same principal has waiting does not cut a piece short at once', async (t) => {
  const { batch, run } = build(t);
  const piece = batch(['slow', 'exit', 'exit']).answer;
  const own = run('exit', 'a').answer;
  assert.deepEqual(codes(await piece), ['exit', 'exit', 'exit']);
  await own;
});

test('a piece is not refused by a full queue, and does not expire in it', async (t) => {
  const { batch, pool } = build(t, { queueLimit: 1, maxQueueMs: 1 });
  const answers = Array.from({ length: 4 }, () => batch(['slow']).answer);
  assert.equal(pool.refusal('a')?.code, 'queue_full');
  for (const answer of answers) assert.deepEqual(codes(await answer), ['exit']);
});

test('a piece that waits is cancelled whole, one on a thread behind its run', async (t) => {
  const { batch } = build(t);
  const running = batch(['wait', 'exit']);
  const waiting = batch(['exit']);
  waiting.cancel();
  assert.equal(codes(await waiting.answer), 'cancelled');
  running.cancel();
  assert.deepEqual(codes(await running.answer), ['cancelled']);
});

test('a piece whose thread is lost says so', async (t) => {
  const { batch } = build(t, { maxAnswerGraceMs: 50 });
  const answer = await batch(['exit', 'die']).answer;
  assert.deepEqual([answer.kind, 'code' in answer && answer.code], ['failed', 'worker_lost']);
  const thrown = await batch(['throw']).answer;
  assert.deepEqual([thrown.kind, 'code' in thrown && thrown.code], ['failed', 'internal']);
});
