/** Replays in the pool: admitted like runs, continued without a limit, and no thread is lost by one. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { decodeRun } from '../../src/api/decode-run.ts';
import { type Limits, limitsWith } from '../../src/contract/limits.ts';
import type { ReplayWork } from '../../src/contract/task.ts';
import { RunPool } from '../../src/pool/pool.ts';
import type { ReplayRequest } from '../../src/pool/replay-job.ts';
import { SCRIPTED_STEPS } from '../fixtures/workers/scripted-replay.ts';
import { SCRIPTED_WORKER, scripted } from '../support/service.ts';

const WINDOW: ReplayWork = { kind: 'window', from: 0, count: 1, state: false };
const STREAM: ReplayWork = {
  kind: 'stream',
  from: 0,
  encoding: 'binary',
  handle: 0,
  id: 's',
  programs: null,
  known: [],
  maxBatchBytes: 1 << 20,
};
const CREDIT = 1 << 20;

function build(t: TestContext, changes: Partial<Limits> = {}) {
  const limits = limitsWith(changes);
  const observer = { waited() {}, recycled() {}, probed() {} };
  const pool = new RunPool({ worker: SCRIPTED_WORKER, threads: 1, limits, observer });
  t.after(() => pool.close());
  const replay = (entry: string, work: ReplayWork = WINDOW, more: Partial<ReplayRequest> = {}) => {
    const source = { spec: decodeRun(scripted(entry), limits, 0, 'test'), slotLog: [], steps: SCRIPTED_STEPS };
    return pool.replay({ principal: 'p', source, work, listener: null, credit: CREDIT, continued: false, ...more });
  };
  return { pool, replay };
}

test('windows, searches and streams are answered, and credit can be read and added', async (t) => {
  const { replay } = build(t);
  const window = await replay('replay.ok').answer;
  assert.ok(window.kind === 'window' && window.rows.length === 1 && window.next === 1);
  const find = { kind: 'find', from: 7, until: { tailCall: true }, back: false } as const;
  assert.deepEqual(await replay('replay.ok', find).answer, { kind: 'found', step: 7 });
  const heard: string[] = [];
  const stream = replay('replay.ok', STREAM, { credit: 1, listener: ({ type }) => heard.push(type) });
  assert.deepEqual(await stream.answer, { kind: 'streamed', next: 512, ended: false });
  assert.deepEqual(heard, ['batch']);
  const left = stream.credit();
  assert.ok(left < 0);
  stream.addCredit(CREDIT);
  assert.equal(stream.credit(), left + CREDIT);
});

test('a full queue refuses a new replay and takes the rest of a stream; both wait for their turn', async (t) => {
  const { replay } = build(t, { queueLimit: 1 });
  const running = replay('replay.wait');
  const waiting = replay('replay.ok');
  const refused = await replay('replay.ok').answer;
  assert.ok(refused.kind === 'problem' && refused.problem.code === 'queue_full');
  const continued = replay('replay.ok', STREAM, { continued: true });
  running.cancel();
  assert.deepEqual(await running.answer, { kind: 'cancelled' });
  assert.equal((await waiting.answer).kind, 'window');
  assert.deepEqual(await continued.answer, { kind: 'streamed', next: SCRIPTED_STEPS, ended: true });
});

test('what waits can be cancelled, and waits no longer than maxQueueMs', async (t) => {
  const { replay } = build(t, { maxQueueMs: 50 });
  const running = replay('replay.wait');
  const left = replay('replay.ok');
  left.cancel();
  assert.deepEqual(await left.answer, { kind: 'cancelled' });
  const expired = await replay('replay.ok').answer;
  assert.ok(expired.kind === 'problem' && expired.problem.limit === 'maxQueueMs');
  running.cancel();
  await running.answer;
});

test('a lost thread is a problem, a defect rejects, and the next replay is served', async (t) => {
  const { replay } = build(t);
  const lost = await replay('replay.die').answer;
  assert.ok(lost.kind === 'problem' && lost.problem.code === 'internal');
  await assert.rejects(replay('replay.throw').answer, /scripted defect of a replay/);
  assert.equal((await replay('replay.ok').answer).kind, 'window');
});
