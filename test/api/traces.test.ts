import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RESERVE_BYTES, TRACE_FEATURES } from '../../src/contract/trace.ts';
import { type BuiltService, scripted } from '../support/service.ts';
import { connectTrace } from '../support/trace-client.ts';
import { greeted, heardOf, kindsOf, listening } from '../support/trace-service.ts';

const closes = async (service: BuiltService, code: number): Promise<string | undefined> =>
  new RegExp(`trace_closes_total\\{code="${code}"\\} (\\d+)`).exec((await service.admin.inject('/metrics')).body)?.[1];

test('a subscriber hears started, chain rows in messages of at most 256, prints, the result and end', async (t) => {
  const service = await listening(t);
  const client = await greeted(service.url);
  const welcome = await client.wait('welcome');
  assert.equal(welcome.limits.maxTraceSubscriptions, 4);
  assert.equal(welcome.heartbeatMs, 25_000);
  assert.deepEqual(welcome.features, TRACE_FEATURES);
  client.say({ type: 'subscribe', id: 'a', spec: scripted('many'), detail: 'chain', credit: 1024 });
  await client.wait('end', 'a');
  const mine = heardOf(client, 'a');
  assert.deepEqual(kindsOf(client, 'a'), ['started', 'chain', 'map', 'print', 'result', 'end']);
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
  const rows: readonly (readonly [Record<string, unknown> & { id: string }, string, string?])[] = [
    [{ id: 'both', run: 'x', spec: scripted('exit') }, 'bad_request'],
    [{ id: 'sandbox', sandbox: 's' }, 'bad_request'],
    [{ id: 'unknown', sandbox: 's', spec: { entry: 'p' } }, 'not_found'],
    [{ id: 'nothing' }, 'bad_request'],
    [{ id: 'schema', spec: { entry: 5 } }, 'schema_violation', '/spec/entry'],
    [{ id: 'bytes', spec: { entry: 'a', input: { packet: { hex: '0' } } } }, 'bad_bytes', '/spec/input/packet'],
    [{ id: 'worker', spec: scripted('problem.bad_elf') }, 'bad_elf'],
  ];
  for (const [fields, code, pointer] of rows) {
    client.say({ type: 'subscribe', ...fields });
    await client.wait('end', fields.id);
    assert.deepEqual(kindsOf(client, fields.id).slice(-2), ['error', 'end']);
    const { problem } = await client.wait('error', fields.id);
    assert.equal(problem.code, code);
    if (pointer !== undefined) assert.equal(problem.errors?.[0]?.pointer, pointer);
  }
  client.say({ type: 'seek', id: 'seek', step: '0', count: 1 });
  assert.equal((await client.wait('error', 'seek')).problem.code, 'not_found');
  for (const message of [{ type: 'credit', bytes: 10 }, { type: 'cancel' }, { type: 'unsubscribe' }]) {
    client.say({ ...message, id: message.type });
    assert.equal((await client.wait('error', message.type)).problem.code, 'not_found');
  }
  client.say({ type: 'subscribe', id: 'first', spec: scripted('wait') });
  client.say({ type: 'subscribe', id: 'second', spec: scripted('exit') });
  assert.equal((await client.wait('error', 'second')).problem.limit, 'maxTraceSubscriptions');
  client.say({ type: 'cancel', id: 'first' });
  await client.wait('end', 'first');
  client.end();
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

test('a socket that goes away leaves its run running, and another one finds it', async (t) => {
  const service = await listening(t);
  const client = await greeted(service.url);
  client.say({ type: 'subscribe', id: 'w', spec: scripted('wait') });
  const { run } = await client.wait('started', 'w');
  client.end();
  await client.closed;
  const other = await greeted(service.url);
  other.say({ type: 'subscribe', id: 'again', run });
  other.say({ type: 'ping' });
  await other.wait('pong');
  assert.deepEqual(heardOf(other, 'again'), []);
  other.say({ type: 'cancel', id: 'again' });
  const { result } = await other.wait('result', 'again');
  assert.deepEqual([result.id, result.outcome.code], [run, 'cancelled']);
  await other.wait('end', 'again');
  other.end();
});

test('a run that has ended is told from what is kept: started, chain, prints, result', async (t) => {
  const service = await listening(t);
  const { id: run } = (await service.post(scripted('many'))).body;
  const client = await greeted(service.url);
  client.say({ type: 'subscribe', id: 'a', run, credit: 0 });
  await client.wait('end', 'a');
  assert.deepEqual(kindsOf(client, 'a'), ['started', 'chain', 'result', 'end']);
  const started = await client.wait('started', 'a');
  assert.deepEqual([started.run, started.maps], [run, ['chain']]);
  const { result } = await client.wait('result', 'a');
  const rows = heardOf(client, 'a').flatMap((message) => (message.type === 'chain' ? message.rows : []));
  assert.deepEqual(rows, result.chain);
  client.end();
});

test('a subscription that has ended gives its id free, and keeps its handle to itself', async (t) => {
  const { url } = await listening(t);
  const client = await greeted(url);
  for (let handle = 0; handle < 3; handle += 1) {
    client.say({ type: 'subscribe', id: 'a', spec: scripted('exit') });
    await client.wait('end', 'a');
    assert.equal((await client.wait('started', 'a')).handle, handle);
    client.heard.length = 0;
  }
  client.end();
});

test('lines go as long as the reserve lasts; then a gap tells of the rest, and the result comes', async (t) => {
  const { url } = await listening(t);
  const client = await greeted(url);
  client.say({ type: 'subscribe', id: 'a', spec: scripted('talkative'), credit: 0 });
  await client.wait('end', 'a');
  assert.deepEqual(kindsOf(client, 'a'), ['started', 'chain', 'print', 'gap', 'result', 'end']);
  const lines = heardOf(client, 'a').filter(({ type }) => type === 'print');
  const bytes = lines.reduce((sum, line) => sum + JSON.stringify(line).length, 0);
  assert.ok(bytes <= RESERVE_BYTES && bytes > RESERVE_BYTES - 1000, `${bytes} bytes`);
  const { from, reason } = await client.wait('gap', 'a');
  // The last line of all, which had no room either, is of step 1.
  assert.deepEqual([from, reason], ['1', 'credit']);
  client.end();
});

test('the upgrade is refused without our subprotocol and by plain HTTP; an allowed origin comes in', async (t) => {
  const { url, api } = await listening(t, { config: { allowedOrigins: ['https://good.example'] } });
  await assert.rejects(connectTrace(url, { protocols: ['other.v1'] }), /status 400/);
  await assert.rejects(connectTrace(url, { protocols: [] }), /status 400/);
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
