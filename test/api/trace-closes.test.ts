/** Everything that ends a trace socket, with its code; and that nothing of it is left behind. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { scripted } from '../support/service.ts';
import { connectTrace, type TraceClient, type TraceClientOptions } from '../support/trace-client.ts';
import { greeted, type ListeningService, listening } from '../support/trace-service.ts';

const LIMITS = {
  maxTraceMessageBytes: 2048,
  maxBodyBytes: 65_536,
  maxTraceMessageBurst: 10,
  maxTraceMessagesPerSecond: 1,
  maxTraceHelloMs: 300,
  // A run of the table and one more: the first leaves.
  maxReplayBytes: 1,
};

/** What a client does after its hello. */
type Misdeed = (client: TraceClient, service: ListeningService) => unknown;

const wait = (id: string) => ({ type: 'subscribe', id, spec: scripted('slow'), detail: 'steps' });

const credits = (client: TraceClient, times: number): void => {
  for (let n = 0; n < times; n += 1) client.say({ type: 'credit', id: 'nobody', bytes: 1 });
};

const MISDEEDS: readonly (readonly [string, number, Misdeed])[] = [
  ['not JSON', 4400, (client) => client.sayRaw('{')],
  ['JSON that is no object', 4400, (client) => client.sayRaw('null')],
  ['a binary message', 4400, (client) => client.sayRaw(Buffer.from([1]))],
  ['an unknown type', 4400, (client) => client.say({ type: 'constructor' })],
  ["one of the server's types", 4400, (client) => client.say({ type: 'result', id: 'a' })],
  ['a second hello', 4400, (client) => client.say({ type: 'hello' })],
  ['an unknown field', 4400, (client) => client.say({ type: 'ping', x: 1 })],
  ['a field of a wrong kind', 4400, (client) => client.say({ type: 'credit', id: 'a', bytes: -1 })],
  ['more credit than may be outstanding', 4400, (client) => client.say({ type: 'credit', id: 'a', bytes: 2 ** 21 })],
  ['a window that is too large', 4400, (client) => client.say({ type: 'seek', id: 'a', step: 0, count: 4097 })],
  ['a frame beyond maxPayload', 1009, (client) => client.say({ type: 'ping', id: 'x', pad: ' '.repeat(70_000) })],
  ['too long for its type', 1009, (client) => client.sayRaw(`{"type":"ping"${' '.repeat(3000)}}`)],
  ['too long, and wrong besides', 1009, (client) => client.say({ type: 'ping', id: 'x'.repeat(3000) })],
  ['credit for nothing, too often', 4429, (client) => credits(client, 12)],
  ['too many messages', 4429, (client) => Array.from({ length: 12 }, () => client.say({ type: 'ping' }))],
  ['one id twice', 4409, (client) => ['a', 'a'].map((id) => client.say(wait(id)))],
  ['an unknown run', 4404, (client) => client.say({ type: 'subscribe', id: 'a', run: 'no-such-run' })],
  [
    'a run that has left',
    4410,
    async (client, { post }) =>
      client.say({ type: 'subscribe', id: 'a', run: (await post(scripted('again'))).body.id }),
  ],
];

/** What a client does that gets no hello done. */
const ARRIVALS: readonly (readonly [string, number, TraceClientOptions, (client: TraceClient) => void])[] = [
  ['no hello', 4408, {}, () => {}],
  ['another message first', 4400, {}, (client) => client.say({ type: 'ping' })],
  ['a foreign origin', 4403, { headers: { origin: 'https://evil.example' } }, () => {}],
  ['a forged ticket', 4401, { ticket: 'forged' }, () => {}],
];

/** What the process holds for sockets and threads. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (/TCP|MessagePort|Timeout/.test(kind)) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

async function settled(service: ListeningService): Promise<void> {
  await service.reaches('trace_connections', 0);
  await service.reaches('pool_busy_threads', 0);
  await service.reaches('pool_queue_size', 0);
}

test('what a client must not do closes the socket with its code, and leaves nothing behind', async (t) => {
  const service = await listening(t, { limits: LIMITS });
  const { url } = service;
  let closed = 0;
  const expectClose = async (client: TraceClient, code: number, name: string): Promise<void> => {
    const close = await client.closed;
    assert.equal(close.code, code, name);
    assert.ok(Buffer.byteLength(close.reason) <= 123, name);
    const problems = client.heard.filter(({ type }) => type === 'error').length;
    // ws closes by itself when a frame is too large; a client without hello is told by the code.
    const expected = name === 'a frame beyond maxPayload' || code === 4408 ? 0 : 1;
    if (name.startsWith('credit')) assert.ok(problems > 1, name);
    else assert.equal(problems, expected, name);
    closed += 1;
  };
  const deeds = async (): Promise<void> => {
    for (const [name, code, misbehave] of MISDEEDS) {
      const client = await greeted(url);
      await misbehave(client, service);
      await expectClose(client, code, name);
    }
    for (const [name, code, options, act] of ARRIVALS) {
      const client = await connectTrace(url, options);
      act(client);
      await expectClose(client, code, name);
    }
    await settled(service);
  };
  await deeds();
  for (let turn = 0; turn < 3; turn += 1) await immediate();
  const before = resources();
  await deeds();
  await deeds();
  // Handles of the client's side close some turns later.
  for (let turn = 0; turn < 100 && JSON.stringify(resources()) !== JSON.stringify(before); turn += 1) await immediate();
  assert.deepEqual(resources(), before);
  assert.equal(closed, 3 * (MISDEEDS.length + ARRIVALS.length));
  const codes = [...MISDEEDS, ...ARRIVALS].map(([, code]) => code);
  for (const code of new Set(codes)) {
    const times = 3 * codes.filter((one) => one === code).length;
    assert.equal(await service.metric(`trace_closes_total{code="${code}"}`), times, `closes with ${code}`);
    const logged = service.lines.filter((line) => line.msg === 'trace socket closed' && line.code === code);
    assert.equal(logged.length, times, `lines of ${code}`);
    assert.ok(logged.every(({ reason, client }) => typeof reason === 'string' && client === '127.0.0.1'));
  }
  const errors = service.lines.filter(({ level }) => Number(level) >= 50);
  assert.deepEqual(errors, [], 'what a client does wrong is no error of the log');
});

test('a defect of ours closes with 1011 and is logged', async (t) => {
  const service = await listening(t);
  const client = await greeted(service.url);
  client.say({ type: 'subscribe', id: 'a', spec: scripted('replay.throw'), detail: 'steps' });
  assert.equal((await client.closed).code, 1011);
  assert.equal((await client.wait('error', 'a')).problem.code, 'internal');
  assert.equal((await client.wait('result', 'a')).result.outcome.code, 'exit');
  assert.equal(
    service.lines.some(({ level, msg }) => level === 50 && msg === 'a trace failed by a defect'),
    true,
  );
});

test('a socket that goes away ends its replays, waiting ones too', async (t) => {
  const service = await listening(t, { limits: { maxTraceSockets: 100 } });
  const clients = await Promise.all(Array.from({ length: 3 }, () => greeted(service.url)));
  const { id: run } = (await service.post(scripted('replay.wait'))).body;
  for (const client of clients) {
    client.say({ type: 'subscribe', id: 'a', run, detail: 'steps' });
    await client.wait('result', 'a');
    client.say({ type: 'seek', id: 'a', step: 0 });
  }
  await service.reaches('pool_busy_threads', 1);
  for (const client of clients) client.end();
  await settled(service);
  assert.equal((await service.post(scripted('exit'))).status, 200);
});
