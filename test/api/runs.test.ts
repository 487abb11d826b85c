import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build, scripted } from '../support/service.ts';

test('a run is answered 200 with its whole result, and logged in one line', async (t) => {
  const service = await build(t);
  const { status, body, headers } = await service.post(scripted('again'), { 'x-request-id': 'mine-1' });
  assert.equal(status, 200);
  assert.equal(headers['x-request-id'], 'mine-1');
  assert.deepEqual(body.outcome, { kind: 'exit', code: 'exit' });
  assert.equal(body.counters.tailCalls, 33);
  assert.equal(body.chain.length, 34);
  assert.equal(body.chain[33]?.to, null);
  const runs = service.lines.filter((line) => line.msg === 'run');
  assert.equal(runs.length, 1);
  assert.equal(runs[0]!.requestId, 'mine-1');
  assert.equal(runs[0]!.outcome, 'exit');
  assert.equal((runs[0]!.counters as { tailCalls: number }).tailCalls, 33);
});

test('a client that goes away cancels its run', async (t) => {
  const service = await build(t);
  const url = await service.api.listen({ host: '127.0.0.1', port: 0 });
  const gone = new AbortController();
  const answer = fetch(`${url}/v1/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(scripted('wait', { budgets: { wallMs: 60_000 } })),
    signal: gone.signal,
  });
  await service.busy(1);
  gone.abort();
  await assert.rejects(answer, { name: 'AbortError' });
  await service.busy(0);
  assert.deepEqual(
    service.lines.filter((line) => line.msg === 'run').map((line) => line.outcome),
    ['cancelled'],
  );
});

test('a full queue is answered 429 with Retry-After', async (t) => {
  const service = await build(t, { limits: { queueLimit: 1, maxDrainMs: 20 } });
  const waiting = [service.post(scripted('wait'))];
  await service.busy(1);
  waiting.push(service.post(scripted('exit')));
  await service.queued(1);
  const { status, body, headers } = await service.post(scripted('exit'));
  assert.deepEqual([status, body.code, body.limit, body.retryable], [429, 'queue_full', 'queueLimit', true]);
  assert.equal(headers['retry-after'], '1');
  await service.close();
  assert.deepEqual(
    (await Promise.all(waiting)).map((answer) => answer.body.outcome.code),
    ['cancelled', 'cancelled'],
  );
});

test('no text of a guest reaches the log', async (t) => {
  const service = await build(t);
  const secret = 'guestTextMark';
  const programs = [{ name: secret, type: secret, asm: `; ${secret}`, license: secret }];
  for (const entry of ['exit', 'again', 'throw', 'die', 'problem.bad_elf', 'malformed', secret]) {
    await service.post({ programs, entry, input: { packet: { text: secret } } });
  }
  await service.post(`{"${secret}`);
  await service.post({ [secret]: secret });
  assert.ok(service.lines.length >= 6);
  assert.doesNotMatch(JSON.stringify(service.lines), new RegExp(secret));
});

test('a defect is 500 with nothing of it in the answer, and logged with its request', async (t) => {
  const service = await build(t);
  const { status, body } = await service.post(scripted('malformed'), { 'x-request-id': 'broken' });
  assert.deepEqual([status, body.code, body.requestId], [500, 'internal', 'broken']);
  assert.doesNotMatch(JSON.stringify(body), /TypeError|undefined|counters/);
  const line = service.lines.find((one) => one.msg === 'a request failed by a defect');
  assert.equal(line?.requestId, 'broken');
  assert.equal((await service.post(scripted('exit'))).status, 200);
});
