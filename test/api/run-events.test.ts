import assert from 'node:assert/strict';
import { get, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { eventText, withHeartbeat } from '../../src/api/server-sent-events.ts';
import type { StepRow } from '../../src/contract/step.ts';
import type { ServerMessage } from '../../src/contract/trace.ts';
import { type RunDescription, runSpec } from '../support/engine-run.ts';
import { replayOf } from '../support/replayed.ts';
import { runBody } from '../support/run-body.ts';
import { type BuiltService, build } from '../support/service.ts';

interface SentEvent {
  readonly id: number | null;
  readonly data: ServerMessage;
}

/** Reads an event stream as a browser does; every event is one `data` line, whose type is the event's. */
function eventsOf(text: string): SentEvent[] {
  return text
    .split('\n\n')
    .filter((block) => block !== '' && !block.startsWith(':'))
    .map((block) => {
      const fields = new Map(
        block.split('\n').map((line) => {
          const colon = line.indexOf(': ');
          return [line.slice(0, colon), line.slice(colon + 2)] as const;
        }),
      );
      const data = JSON.parse(fields.get('data') ?? '') as ServerMessage;
      assert.equal(fields.get('event'), data.type);
      const id = fields.get('id');
      return { id: id === undefined ? null : Number(id), data };
    });
}

async function listen(service: BuiltService, id: string, query = '', lastEventId?: number) {
  const headers = lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) };
  const {
    statusCode,
    headers: answered,
    body,
  } = await service.api.inject({
    url: `/v1/runs/${id}/events${query}`,
    headers,
  });
  return { status: statusCode, headers: answered, body, events: statusCode === 200 ? eventsOf(body) : [] };
}

const typesOf = (events: readonly SentEvent[]): string[] => events.map(({ data }) => data.type);

function rowsOf(events: readonly SentEvent[]): StepRow[] {
  return events.flatMap(({ data }) => (data.type === 'steps' ? data.rows : []));
}

/** A chain that prints at each hop: 33 hops and a miss. */
const CHAIN: RunDescription = {
  programs: {
    p: [
      '*(u32 *)(r10 - 4) = 10',
      'r6 = r1',
      'r1 = r10',
      'r1 += -4',
      'r2 = 4',
      'call bpf_trace_printk',
      'r1 = r6',
      'r2 = chain ll',
      'r3 = 0',
      'call bpf_tail_call',
      'r0 = 2',
      'exit',
    ].join('\n'),
  },
  maps: { chain: { slots: { 0: 'p' } } },
  verify: 'off',
};

const LOOP: RunDescription = {
  programs: { p: 'r1 = 0\nl:\nr1 += 1\nif r1 < 2000 goto l\nr0 = 2\nexit' },
  verify: 'off',
};

/** So many steps that neither the buffers of the connection nor the credit hold them. */
const HUGE: RunDescription = {
  programs: { p: 'r1 = 0\nl:\nr1 += 1\nif r1 < 100000 goto l\nr0 = 2\nexit' },
  verify: 'off',
  budgets: { traceBytes: 64 * 1024 * 1024 },
};

test('a run is told in the order of the socket, its chain and prints in the order of their steps', async (t) => {
  const service = await build(t, { worker: null });
  const { body } = await service.post(runBody(CHAIN));
  const { status, headers, events } = await listen(service, body.id);
  assert.equal(status, 200);
  assert.match(String(headers['content-type']), /^text\/event-stream/);
  assert.equal(headers['cache-control'], 'no-store');
  const types = typesOf(events);
  assert.equal(types[0], 'started');
  assert.deepEqual(types.slice(-2), ['result', 'end']);
  assert.deepEqual(
    events.flatMap(({ data }) => (data.type === 'chain' ? data.rows : [])),
    body.chain,
  );
  assert.equal(types.filter((type) => type === 'print').length, body.output.prints.length);
  assert.ok(body.output.prints.length >= 33, String(body.output.prints.length));
  const ids = events.flatMap(({ id }) => (id === null ? [] : [id]));
  assert.deepEqual(
    ids,
    ids.toSorted((a, b) => a - b),
  );
  assert.deepEqual(
    events.flatMap(({ data }) => (data.type === 'result' ? [data.result] : [])),
    [body],
  );
  assert.equal(ids.at(-1), Number(body.counters.instructions));
});

test('behind any event a client goes on without a loss and without a repetition', async (t) => {
  const service = await build(t, { worker: null });
  const { body } = await service.post(runBody(CHAIN));
  const { events } = await listen(service, body.id);
  for (const [index, { id }] of events.entries()) {
    if (id === null) continue;
    const rest = await listen(service, body.id, '', id);
    if (index === events.length - 1) assert.equal(rest.status, 204);
    else assert.deepEqual(rest.events.slice(1), events.slice(index + 1));
  }
});

test('with steps every batch is told, and after any step a client goes on behind it', async (t) => {
  const service = await build(t, { worker: null });
  const { body } = await service.post(runBody(LOOP));
  const { rows } = replayOf(runSpec(LOOP));
  const all = await listen(service, body.id, '?detail=steps');
  assert.deepEqual(rowsOf(all.events), rows);
  assert.deepEqual(
    typesOf(all.events).filter((type) => type !== 'steps'),
    ['started', 'result', 'end'],
  );
  assert.deepEqual(
    all.events.flatMap(({ id, data }) => (data.type === 'steps' ? [id! - Number(data.first) + 1] : [])),
    [512, 512, 512, 512, 512, 512, 512, rows.length - 7 * 512],
  );
  for (const after of [0, 1, 510, 511, 512, 2000, rows.length - 2, rows.length - 1]) {
    const rest = await listen(service, body.id, '?detail=steps', after);
    assert.deepEqual(rowsOf(rest.events), rows.slice(after + 1));
    assert.deepEqual(
      typesOf(rest.events).filter((type) => type !== 'steps'),
      ['started', 'end'],
    );
  }
  assert.equal((await listen(service, body.id, '?detail=steps', rows.length)).status, 204);
});

test('a Last-Event-ID that is no step is refused by its name', async (t) => {
  const service = await build(t, { worker: null });
  const { body } = await service.post(runBody(LOOP));
  const { status, body: problem } = await listen(service, body.id, '', -2);
  assert.equal(status, 400);
  assert.match(JSON.parse(problem).detail, /^Last-Event-ID: /);
});

test('steps beyond budgets.traceBytes are a gap', async (t) => {
  const service = await build(t, { worker: null });
  const { body } = await service.post(runBody({ ...LOOP, budgets: { traceBytes: 200_000 } }));
  const { events } = await listen(service, body.id, '?detail=steps');
  assert.deepEqual(typesOf(events).slice(-2), ['gap', 'end']);
  const told = rowsOf(events).length;
  assert.ok(told > 0 && told % 512 === 0, String(told));
  assert.deepEqual(events.at(-2)?.data, {
    type: 'gap',
    id: body.id,
    from: String(told),
    to: body.counters.instructions,
    reason: 'budget',
  });
});

test('a run that was refused is told by its result alone', async (t) => {
  const service = await build(t, { worker: null });
  const { body } = await service.post(runBody({ programs: { p: 'r0 = 0\nexit\nr0 = 1\nexit' } }));
  for (const detail of ['chain', 'steps']) {
    assert.deepEqual(typesOf((await listen(service, body.id, `?detail=${detail}`)).events), ['result', 'end']);
  }
});

test('a replay that is refused is the last event', async (t) => {
  const service = await build(t, { worker: null, limits: { maxQueueMs: 20, maxDrainMs: 20 } });
  const { body } = await service.post(runBody(LOOP));
  void service.post(runBody({ programs: { p: 'l:\ngoto l' }, verify: 'off', budgets: { instructions: 1e10 } }));
  await service.busy(1);
  const { events } = await listen(service, body.id, '?detail=steps');
  assert.deepEqual(typesOf(events), ['started', 'result', 'error']);
  const last = events.at(-1)?.data;
  assert.ok(last?.type === 'error' && last.problem.code === 'queue_full');
});

/** Asks, and reads nothing of the answer's body. */
function askUnread(service: BuiltService, path: string): Promise<IncomingMessage> {
  const { port } = service.api.server.address() as { port: number };
  return new Promise((resolve, reject) => {
    const asked = get({ host: '127.0.0.1', port, path, agent: false }, resolve);
    asked.on('error', reject);
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  return Buffer.concat(await answer.toArray()).toString();
}

test('clients that read nothing hold no thread, and get everything when they do', async (t) => {
  const service = await build(t, { worker: null });
  await service.api.listen({ host: '127.0.0.1', port: 0 });
  const { body } = await service.post(runBody(HUGE));
  const path = `/v1/runs/${body.id}/events?detail=steps`;
  const slow = [await askUnread(service, path), await askUnread(service, path), await askUnread(service, path)];
  await service.busy(0);
  // The only thread is free: another run is served while the three wait.
  assert.equal((await service.post(runBody(LOOP))).body.outcome.code, 'exit');
  const [first, ...others] = slow;
  for (const one of others) one.destroy();
  const rows = rowsOf(eventsOf(await textOf(first!)));
  assert.equal(String(rows.length), body.counters.instructions);
  assert.ok(rows.every((row, index) => Number(row.step) === index));
});

test('a client that reads nothing for too long is cut off', async (t) => {
  const service = await build(t, { worker: null, limits: { maxTraceStallMs: 50 } });
  await service.api.listen({ host: '127.0.0.1', port: 0 });
  const { body } = await service.post(runBody(HUGE));
  const answer = await askUnread(service, `/v1/runs/${body.id}/events?detail=steps`);
  const { server } = service.api;
  const connections = () =>
    new Promise<number>((resolve, reject) => {
      server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    });
  while ((await connections()) > 0) await immediate();
  await assert.rejects(textOf(answer), /aborted/);
});

test('one client may have so many streams, and gets its places back', async (t) => {
  const service = await build(t, { worker: null, limits: { maxTraceSockets: 2 } });
  await service.api.listen({ host: '127.0.0.1', port: 0 });
  const { body } = await service.post(runBody(HUGE));
  const path = `/v1/runs/${body.id}/events?detail=steps`;
  const open = [await askUnread(service, path), await askUnread(service, path)];
  for (const refused of [path, `/v1/runs/${body.id}/trace.perfetto`]) {
    const answer = await askUnread(service, refused);
    assert.equal(answer.statusCode, 429);
    assert.equal(answer.headers['retry-after'], '1');
    const { code, limit, retryable } = JSON.parse(await textOf(answer));
    assert.deepEqual([code, limit, retryable], ['too_many_streams', 'maxTraceSockets', true]);
  }
  for (const one of open) one.destroy();
  let status: number | undefined;
  while (status !== 200) {
    const again = await askUnread(service, path);
    status = again.statusCode;
    again.destroy();
  }
  const file = await askUnread(service, `/v1/runs/${body.id}/trace.perfetto`);
  file.destroy();
  await service.close();
  assert.deepEqual(
    service.lines.filter((line) => Number(line.level) >= 40),
    [],
  );
});

test('a drain ends the events, of clients that read and of one that does not', async (t) => {
  const service = await build(t, { worker: null });
  await service.api.listen({ host: '127.0.0.1', port: 0 });
  const { body } = await service.post(runBody(HUGE));
  const path = `/v1/runs/${body.id}/events?detail=steps`;
  const [reading, stuck] = [await askUnread(service, path), await askUnread(service, path)];
  const closed = service.close();
  const events = eventsOf(await textOf(reading));
  assert.ok(!typesOf(events).includes('end'));
  await closed;
  // What the connection held when it was cut may still be read.
  const rest = await textOf(stuck).catch(() => '');
  assert.doesNotMatch(rest, /^event: end$/m);
});

test('silence is filled with comments, and nothing is lost or told twice', async () => {
  const go = Promise.withResolvers<void>();
  async function* slowly(): AsyncGenerator<string> {
    yield eventText('a', '{}');
    await go.promise;
    yield eventText('b', '{}', 7);
  }
  const told: string[] = [];
  for await (const text of withHeartbeat(slowly(), 5)) {
    told.push(text);
    if (told.filter((one) => one.startsWith(':')).length === 3) go.resolve();
  }
  assert.deepEqual(
    told.filter((one) => !one.startsWith(':')),
    ['event: a\ndata: {}\n\n', 'event: b\nid: 7\ndata: {}\n\n'],
  );
  assert.ok(told.length >= 5);
});

test('events that fail, fail for who hears them', async () => {
  async function* failing(): AsyncGenerator<string> {
    yield 'a';
    throw new Error('broken');
  }
  await assert.rejects(async () => {
    for await (const text of withHeartbeat(failing(), 1000)) assert.equal(text, 'a');
  }, /broken/);
});
