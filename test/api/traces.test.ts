import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type BuildOptions, type BuiltService, build, scripted } from '../support/service.ts';
import { connectTrace, type TraceClient } from '../support/trace-client.ts';

async function listening(t: TestContext, options: BuildOptions = {}): Promise<BuiltService & { url: string }> {
  const service = await build(t, options);
  const url = await service.api.listen({ host: '127.0.0.1', port: 0 });
  return { ...service, url };
}

async function greeted(url: string): Promise<TraceClient> {
  const client = await connectTrace(url);
  client.say({ type: 'hello', client: 'test', encoding: 'json' });
  await client.wait('welcome');
  return client;
}

const closes = async (service: BuiltService, code: number): Promise<string | undefined> =>
  new RegExp(`trace_closes_total\\{code="${code}"\\} (\\d+)`).exec((await service.admin.inject('/metrics')).body)?.[1];

test('a subscriber hears started, chain rows in messages of at most 256, prints, the result and end', async (t) => {
  const service = await listening(t);
  const client = await greeted(service.url);
  const welcome = await client.wait('welcome');
  assert.equal(welcome.limits.maxTraceSubscriptions, 4);
  assert.equal(welcome.heartbeatMs, 25_000);
  client.say({ type: 'subscribe', id: 'a', spec: scripted('many'), detail: 'chain', credit: 1024 });
  await client.wait('end', 'a');
  const mine = client.heard.filter((message) => message.id === 'a');
  assert.deepEqual([...new Set(mine.map((message) => message.type))], ['started', 'chain', 'print', 'result', 'end']);
  const chains = mine.filter((message) => message.type === 'chain');
  assert.deepEqual(
    chains.map((message) => message.rows.length),
    [256, 256, 168],
  );
  const { run, handle, programs, budgets } = await client.wait('started', 'a');
  assert.equal(handle, 0);
  assert.deepEqual(programs, [{ index: 0, name: 'many', insns: 5 }]);
  assert.equal(budgets.instructions, 1_000_000);
  const { result } = await client.wait('result', 'a');
  assert.equal(result.id, run);
  assert.equal(result.outcome.code, 'exit');
  assert.match((await service.admin.inject('/metrics')).body, /waggle_runs_total\{outcome="exit",mode="trace"\} 1/);
  client.end();
  assert.equal((await client.closed).code, 1000);
  assert.equal(await closes(service, 1000), '1');
});

test('no message is lost between result and end, run after run', async (t) => {
  const { url } = await listening(t, { limits: { maxTraceMessageBurst: 1000 } });
  const client = await greeted(url);
  for (let n = 0; n < 50; n += 1) {
    client.say({ type: 'subscribe', id: `run${n}`, spec: scripted('again') });
    await client.wait('end', `run${n}`);
  }
  assert.equal(client.heard.filter((message) => message.type === 'chain').length, 50);
  assert.equal(client.heard.filter((message) => message.type === 'print').length, 50);
  client.end();
});

test('cancel ends a run, unsubscribe only the telling, ping is answered', async (t) => {
  const { url } = await listening(t);
  const client = await greeted(url);
  client.say({ type: 'subscribe', id: 'w', spec: scripted('wait') });
  await client.wait('started', 'w');
  client.say({ type: 'ping', id: 'p' });
  await client.wait('pong', 'p');
  client.say({ type: 'cancel', id: 'w' });
  assert.equal((await client.wait('result', 'w')).result.outcome.code, 'cancelled');
  client.say({ type: 'subscribe', id: 'u', spec: scripted('slow') });
  client.say({ type: 'unsubscribe', id: 'u' });
  client.say({ type: 'subscribe', id: 'after', spec: scripted('exit') });
  await client.wait('end', 'after');
  assert.equal(
    client.heard.some((message) => message.id === 'u' && message.type === 'result'),
    false,
  );
  client.end();
});

test('a refused subscription is a problem, and the socket lives on', async (t) => {
  const { url } = await listening(t, { limits: { maxTraceSubscriptions: 1 } });
  const client = await greeted(url);
  const rows = [
    [{ id: 'run', run: 'x' }, 'not_implemented'],
    [{ id: 'sandbox', sandbox: 's', spec: scripted('exit') }, 'not_implemented'],
    [{ id: 'steps', detail: 'steps', spec: scripted('exit') }, 'not_implemented'],
    [{ id: 'nothing' }, 'bad_request'],
    [{ id: 'schema', spec: { entry: 5 } }, 'schema_violation'],
    [{ id: 'bytes', spec: { entry: 'a', input: { packet: { hex: '0' } } } }, 'bad_bytes'],
    [{ id: 'worker', spec: scripted('problem.bad_elf') }, 'bad_elf'],
  ] as const;
  for (const [fields, code] of rows) {
    client.say({ type: 'subscribe', ...fields });
    assert.equal((await client.wait('error', fields.id)).problem.code, code);
  }
  client.say({ type: 'seek', id: 'seek', step: '0', count: 1 });
  assert.equal((await client.wait('error', 'seek')).problem.code, 'not_implemented');
  client.say({ type: 'credit', id: 'x', bytes: 10 });
  client.say({ type: 'subscribe', id: 'first', spec: scripted('wait') });
  client.say({ type: 'subscribe', id: 'second', spec: scripted('exit') });
  assert.equal((await client.wait('error', 'second')).problem.limit, 'maxTraceSubscriptions');
  client.say({ type: 'cancel', id: 'first' });
  await client.wait('end', 'first');
  client.end();
});

test('what a client must not say closes the socket with its code', async (t) => {
  const { url } = await listening(t, {
    limits: {
      maxTraceMessageBytes: 2048,
      maxBodyBytes: 65_536,
      maxTraceMessageBurst: 10,
      maxTraceMessagesPerSecond: 1,
      maxTraceHelloMs: 300,
    },
  });
  const rows: readonly (readonly [string, number, (client: TraceClient) => void])[] = [
    ['not JSON', 4400, (client) => client.sayRaw('{')],
    ['a binary message', 4400, (client) => client.sayRaw(Buffer.from([1]))],
    ['an unknown type', 4400, (client) => client.say({ type: 'constructor' })],
    ['a second hello', 4400, (client) => client.say({ type: 'hello' })],
    ['an unknown field', 4400, (client) => client.say({ type: 'ping', x: 1 })],
    ['too long a message', 1009, (client) => client.say({ type: 'ping', id: 'x', pad: ' '.repeat(70_000) })],
    ['too long for its type', 1009, (client) => client.sayRaw(`{"type":"ping"${' '.repeat(3000)}}`)],
    ['too many messages', 4429, (client) => Array.from({ length: 12 }, () => client.say({ type: 'ping' }))],
    [
      'one id twice',
      4409,
      (client) => {
        client.say({ type: 'subscribe', id: 'a', spec: scripted('wait') });
        client.say({ type: 'subscribe', id: 'a', spec: scripted('wait') });
      },
    ],
  ];
  for (const [name, code, misbehave] of rows) {
    const client = await greeted(url);
    misbehave(client);
    assert.equal((await client.closed).code, code, name);
  }
  const early = await connectTrace(url);
  early.say({ type: 'ping' });
  assert.equal((await early.closed).code, 4400);
  const silent = await connectTrace(url);
  assert.equal((await silent.closed).code, 4408);
});

test('idle, too long a session, too many sockets', async (t) => {
  const idle = await listening(t, { limits: { maxTraceIdleMs: 50 } });
  assert.equal((await (await greeted(idle.url)).closed).code, 4441);
  const session = await listening(t, { limits: { maxTraceSessionMs: 200 } });
  assert.equal((await (await greeted(session.url)).closed).code, 4442);
  const crowded = await listening(t, { limits: { maxTraceSockets: 1 } });
  const first = await greeted(crowded.url);
  assert.equal((await (await connectTrace(crowded.url)).closed).code, 1013);
  first.end();
  await first.closed;
});

test('a socket that goes away cancels its runs', async (t) => {
  const service = await listening(t);
  const client = await greeted(service.url);
  client.say({ type: 'subscribe', id: 'w', spec: scripted('wait') });
  await client.wait('started', 'w');
  client.end();
  await client.closed;
  assert.equal((await service.post(scripted('exit'))).status, 200);
  const runs = service.lines.filter((line) => line.msg === 'run').map((line) => line.outcome);
  assert.deepEqual(runs, ['cancelled', 'exit']);
});

test('the upgrade is refused without our subprotocol, from another origin, and by plain HTTP', async (t) => {
  const { url, api } = await listening(t, { config: { allowedOrigins: ['https://good.example'] } });
  await assert.rejects(connectTrace(url, { protocols: ['other.v1'] }), /status 400/);
  await assert.rejects(connectTrace(url, { protocols: [] }), /status 400/);
  await assert.rejects(connectTrace(url, { headers: { origin: 'https://evil.example' } }), /status 403/);
  assert.equal((await api.inject('/v1/traces')).json().code, 'bad_request');
  const good = await connectTrace(url, { headers: { origin: 'https://good.example' } });
  good.end();
  assert.equal((await good.closed).code, 1000);
});

test('draining says goaway, answers what runs, then closes with 1001', async (t) => {
  const service = await listening(t);
  const busy = await greeted(service.url);
  const quiet = await greeted(service.url);
  busy.say({ type: 'subscribe', id: 's', spec: scripted('slow') });
  const { run } = await busy.wait('started', 's');
  const closed = service.close();
  assert.deepEqual((await busy.wait('goaway')).resume, [{ id: 's', run, step: '0' }]);
  assert.equal((await busy.wait('result', 's')).result.outcome.code, 'exit');
  assert.equal((await busy.closed).code, 1001);
  assert.equal((await quiet.closed).code, 1001);
  await closed;
});
