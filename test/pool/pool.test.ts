import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { decodeRun } from '../../src/api/decode-run.ts';
import { type Limits, limitsWith } from '../../src/contract/limits.ts';
import type { RunBody } from '../../src/contract/run.ts';
import { type RecycleReason, RunPool } from '../../src/pool/pool.ts';
import type { RunAnswer } from '../../src/pool/run-job.ts';
import { SCRIPTED_WORKER, scripted } from '../support/service.ts';

interface Built {
  readonly pool: RunPool;
  readonly recycled: RecycleReason[];
  readonly probes: boolean[];
  readonly start: (entry: string, principal?: string, changes?: Partial<RunBody>) => ReturnType<RunPool['submit']>;
}

function build(t: TestContext, changes: Partial<Limits> = {}, threads = 1): Built {
  const limits = limitsWith(changes);
  const recycled: RecycleReason[] = [];
  const probes: boolean[] = [];
  const observer = {
    waited() {},
    recycled: (reason: RecycleReason) => recycled.push(reason),
    probed: (passed: boolean) => probes.push(passed),
  };
  const pool = new RunPool({ worker: SCRIPTED_WORKER, threads, limits, observer });
  t.after(() => pool.close());
  let runs = 0;
  return {
    pool,
    recycled,
    probes,
    start: (entry, principal = 'p', body = {}) => {
      runs += 1;
      return pool.submit({
        id: `run${runs}`,
        spec: decodeRun(scripted(entry, body), limits, 0, 'test'),
        principal,
        listener: null,
      });
    },
  };
}

const codeOf = (answer: RunAnswer): string =>
  answer.kind === 'result' ? answer.result.outcome.code : answer.problem.code;

test('a worker that spins in JavaScript is killed, and the next run is served', async (t) => {
  const { start, recycled, probes } = build(t, { maxAnswerGraceMs: 100 });
  // The thread starts with its first run, and a busy machine takes its time for that.
  assert.equal(codeOf(await start('exit', 'p', { budgets: { wallMs: 30_000 } }).answer), 'exit');
  const lost = await start('spin', 'p', { budgets: { wallMs: 50 } }).answer;
  assert.equal(codeOf(lost), 'worker_lost');
  assert.ok(lost.kind === 'result' && lost.defect !== null && lost.result.id === 'run2');
  assert.equal(codeOf(await start('exit').answer), 'exit');
  assert.deepEqual(recycled, ['worker_lost']);
  assert.deepEqual(probes, [true]);
});

test('a worker that dies is lost, one that throws is a defect, and both are replaced', async (t) => {
  const { start, recycled } = build(t);
  for (const [entry, code, reason] of [
    ['die', 'worker_lost', 'worker_lost'],
    ['throw', 'internal', 'internal'],
    ['internal', 'internal', 'internal'],
  ] as const) {
    assert.equal(codeOf(await start(entry).answer), code);
    assert.equal(recycled.at(-1), reason);
    assert.equal(codeOf(await start('exit').answer), 'exit');
  }
  assert.equal(recycled.length, 3);
});

test('past its limit the queue refuses; past its deadline a run expires in it', async (t) => {
  const { pool, start } = build(t, { queueLimit: 3, maxQueueMs: 50 });
  const running = start('wait');
  const waiting = [start('exit'), start('exit')];
  const refused = await start('exit').answer;
  assert.ok(refused.kind === 'problem');
  assert.equal(refused.problem.code, 'queue_full');
  assert.equal(refused.problem.limit, 'queueLimit');
  const gauges = pool.gauges();
  assert.deepEqual([gauges.threads, gauges.busy, gauges.queued], [1, 1, 2]);
  assert.ok(gauges.oldestSeconds >= 0);
  for (const { answer } of waiting) {
    const expired = await answer;
    assert.equal(codeOf(expired), 'expired_in_queue');
    assert.ok(expired.kind === 'result' && expired.result.timing.queueUs > 0 && expired.result.runKey === null);
  }
  running.cancel();
  assert.equal(codeOf(await running.answer), 'cancelled');
});

test('principals are served in turn', async (t) => {
  const { start } = build(t);
  const running = start('wait');
  const order: string[] = [];
  const all = (['a', 'a', 'a', 'b'] as const).map((principal) =>
    start('exit', principal).answer.then(() => order.push(principal)),
  );
  running.cancel();
  await Promise.all(all);
  assert.deepEqual(order, ['a', 'b', 'a', 'a']);
});

test('a run that is cancelled while it waits never runs', async (t) => {
  const { start } = build(t);
  const running = start('wait');
  const waiting = start('spin');
  waiting.cancel();
  assert.equal(codeOf(await waiting.answer), 'cancelled');
  running.cancel();
  await running.answer;
});

test('an answer without the end mark of its trace is given all the same', async (t) => {
  const { pool } = build(t);
  const heard: string[] = [];
  const spec = decodeRun(scripted('endless'), limitsWith(), 0, 'test');
  const { answer } = pool.submit({ id: 'x', spec, principal: 'p', listener: ({ type }) => heard.push(type) });
  assert.equal(codeOf(await answer), 'exit');
  assert.deepEqual(heard, ['started', 'map', 'print']);
});

test('the object stays with who asked, since a replay needs it', async (t) => {
  const { pool } = build(t);
  const spec = decodeRun(scripted('exit', { object: { elf: { hex: '7f454c46' } } }), limitsWith(), 0, 'test');
  await pool.submit({ id: 'x', spec, principal: 'p', listener: null }).answer;
  assert.equal(spec.object!.length, 4);
});

test('a closing pool answers everything that it admitted', async (t) => {
  const { pool, start } = build(t);
  const answers = [start('wait'), start('exit')].map((run) => run.answer);
  await pool.close();
  assert.deepEqual((await Promise.all(answers)).map(codeOf), ['cancelled', 'cancelled']);
  assert.equal(codeOf(await start('exit').answer), 'draining');
});
