/** The end of the service, seen from open trace sockets: goaway with where to go on, then 1001. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BATCH_STEPS } from '../../src/contract/step.ts';
import { scripted } from '../support/service.ts';
import { greeted, heardOf, kindsOf, listening } from '../support/trace-service.ts';

test('goaway says where each subscription stands; what runs is answered, streams stop', async (t) => {
  const service = await listening(t, { config: { workers: 1 } });
  const client = await greeted(service.url);
  const quiet = await greeted(service.url);
  client.say({ type: 'subscribe', id: 'ended', spec: scripted('again'), detail: 'chain' });
  await client.wait('end', 'ended');
  // Its first batch uses the credit up.
  client.say({ type: 'subscribe', id: 'stream', spec: scripted('again'), detail: 'steps', credit: 1 });
  await client.wait('steps', 'stream');
  client.say({ type: 'subscribe', id: 'runs', spec: scripted('replay.slow'), detail: 'steps', from: 7 });
  const place = async (id: string, step: number) => {
    const { run } = await client.wait('started', id);
    return { id, run, step: String(step) };
  };
  const expected = [await place('stream', BATCH_STEPS), await place('runs', 7)];
  const closed = service.close();
  const { resume, deadlineMs } = await client.wait('goaway');
  assert.deepEqual(resume, expected);
  assert.equal(deadlineMs, 10_000);
  client.say({ type: 'subscribe', id: 'late', spec: scripted('again') });
  assert.equal((await client.wait('error', 'late')).problem.code, 'draining');
  client.say({ type: 'credit', id: 'stream', bytes: 100_000 });
  assert.equal((await client.wait('result', 'runs')).result.outcome.code, 'exit');
  assert.equal((await client.closed).code, 1001);
  assert.deepEqual((await quiet.wait('goaway')).resume, []);
  assert.equal((await quiet.closed).code, 1001);
  assert.equal(heardOf(client, 'stream').filter(({ type }) => type === 'steps').length, 1);
  assert.equal(kindsOf(client, 'runs').at(-1), 'result');
  await closed;
});

test('a stream in the middle of a slice is stopped by the drain', async (t) => {
  const service = await listening(t);
  const client = await greeted(service.url);
  client.say({ type: 'subscribe', id: 'a', spec: scripted('replay.wait'), detail: 'steps' });
  const { result } = await client.wait('result', 'a');
  client.say({ type: 'ping' });
  await client.wait('pong');
  const closed = service.close();
  assert.deepEqual((await client.wait('goaway')).resume, [{ id: 'a', run: result.id, step: '0' }]);
  assert.equal((await client.closed).code, 1001);
  await closed;
});
