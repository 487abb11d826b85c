/** Rates and load as clients meet them, with a clock and readings that the test sets. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MEMORY_SHARE } from '../../src/api/load.ts';
import { API_KEYS, keyOf, type Tenant } from '../support/keys.ts';
import { type BuildOptions, build, scripted } from '../support/service.ts';
import { greeted, listening } from '../support/trace-service.ts';

const HOUR_MS = 3_600_000;

/** Two tenants and a clock. */
function options(limits: BuildOptions['limits'] = {}) {
  const time = { ms: 0 };
  return { time, options: { limits, config: { apiKeys: API_KEYS }, now: () => time.ms } satisfies BuildOptions };
}

const as = (tenant: Tenant) => ({ authorization: keyOf(tenant) });

test('requests a minute: one client is refused with the time to wait, the other is served', async (t) => {
  const { time, options: built } = options({ maxRequestsPerMinute: 2 });
  const service = await build(t, built);
  for (const left of [1, 0]) {
    const { status, headers } = await service.post(scripted('exit'), as('alice'));
    assert.equal(status, 200);
    assert.equal(headers['ratelimit-policy'], '"requests";q=2;w=60');
    assert.equal(headers.ratelimit, `"requests";r=${left};t=30`);
  }
  const refused = await service.post(scripted('exit'), as('alice'));
  assert.equal(refused.status, 429);
  assert.deepEqual([refused.body.code, refused.body.limit], ['rate_limited', 'maxRequestsPerMinute']);
  assert.deepEqual([refused.headers['retry-after'], refused.headers.ratelimit], ['30', '"requests";r=0;t=30']);
  const polled = await service.api.inject({ url: '/v1/runs/none', headers: as('alice') });
  assert.equal(polled.statusCode, 429);
  assert.equal((await service.post(scripted('exit'), as('bob'))).status, 200);
  for (const url of ['/v1/limits', '/livez', '/readyz', '/openapi.json']) {
    const open = await service.api.inject({ url, headers: as('alice') });
    assert.equal(open.statusCode, 200, url);
    assert.equal(open.headers.ratelimit, undefined);
  }
  assert.match((await service.admin.inject('/metrics')).body, /waggle_ratelimited_total\{policy="requests"\} 2\n/);
  time.ms = 30_000;
  assert.equal((await service.post(scripted('exit'), as('alice'))).status, 200);
});

test('a request without a key costs nobody anything', async (t) => {
  const { options: built } = options({ maxRequestsPerMinute: 1 });
  const service = await build(t, built);
  for (let n = 0; n < 3; n += 1) {
    const { status, headers } = await service.post(scripted('exit'), {
      authorization: `Bearer alice.${'x'.repeat(40)}`,
    });
    assert.deepEqual([status, headers.ratelimit], [401, undefined]);
  }
  assert.equal((await service.post(scripted('exit'), as('alice'))).status, 200);
});

test('instructions a minute: what was executed is charged, and who owes may only read', async (t) => {
  const { time, options: built } = options({ maxInstructionsPerMinute: 6 });
  const service = await build(t, built);
  const run = await service.post(scripted('again'), as('alice'));
  const instructions = Number(run.body.counters.instructions);
  assert.ok(instructions >= 6, String(instructions));
  const seconds = Math.max(1, Math.ceil((1 - (6 - instructions)) * 10));
  const refused = await service.post(scripted('exit'), as('alice'));
  assert.equal(refused.status, 429, JSON.stringify(refused.body));
  assert.deepEqual([refused.body.limit, refused.headers['retry-after']], ['maxInstructionsPerMinute', String(seconds)]);
  const read = await service.api.inject({ url: `/v1/runs/${run.body.id}`, headers: as('alice') });
  assert.equal(read.statusCode, 200);
  const ticket = await service.api.inject({ method: 'POST', url: '/v1/trace-tickets', headers: as('alice') });
  assert.equal(ticket.statusCode, 201);
  assert.equal((await service.post(scripted('exit'), as('bob'))).status, 200);
  time.ms += seconds * 1000;
  assert.equal((await service.post(scripted('exit'), as('alice'))).status, 200);
});

test('a run that a socket asks for is counted as one that a request asks for', async (t) => {
  const { options: built } = options({ maxRequestsPerMinute: 2 });
  const { url, metric } = await listening(t, built);
  const client = await greeted(url, {}, { headers: as('alice') });
  for (const id of ['a', 'b']) {
    client.say({ type: 'subscribe', id, spec: scripted('exit') });
  }
  const { problem } = await client.wait('error');
  assert.deepEqual([problem.code, problem.limit], ['rate_limited', 'maxRequestsPerMinute']);
  assert.equal(await metric('ratelimited_total{policy="requests"}'), 1);
  client.end();
});

test('without keys an address is a client', async (t) => {
  const service = await build(t, { limits: { maxRequestsPerMinute: 1 }, now: () => 0 });
  const from = async (remoteAddress: string): Promise<number> =>
    (await service.api.inject({ url: '/v1/runs/none', remoteAddress })).statusCode;
  assert.deepEqual([await from('192.0.2.1'), await from('::ffff:192.0.2.1'), await from('192.0.2.2')], [404, 429, 404]);
  assert.deepEqual(
    [await from('2001:db8::1'), await from('2001:db8::2'), await from('2001:db8:1::1')],
    [404, 429, 404],
  );
});

test('a process without room refuses new work, and answers the rest', async (t) => {
  const readings = { memory: 0, delay: 0 };
  let now = 0;
  const service = await build(t, {
    limits: { maxProcessBytes: 1000, maxEventLoopDelayMs: 100 },
    now: () => now,
    readings: { memoryBytes: () => readings.memory, eventLoopDelayMs: () => readings.delay },
  });
  const run = await service.post(scripted('exit'));
  const look = async (memory: number, delay: number) => {
    readings.memory = memory;
    readings.delay = delay;
    now += HOUR_MS;
    return service.post(scripted('exit'));
  };
  const share = MEMORY_SHARE * 1000;
  const rows = [
    { memory: share - 1, delay: 99, limit: undefined },
    { memory: share, delay: 0, limit: 'maxProcessBytes' },
    { memory: 0, delay: 100, limit: 'maxEventLoopDelayMs' },
  ];
  for (const { memory, delay, limit } of rows) {
    const { status, body, headers } = await look(memory, delay);
    assert.equal(status, limit === undefined ? 200 : 503);
    assert.equal(body.limit, limit);
    assert.equal(headers['retry-after'], limit === undefined ? undefined : '5');
    for (const url of ['/livez', '/readyz', '/v1/limits', `/v1/runs/${run.body.id}`]) {
      assert.equal((await service.api.inject({ url })).statusCode, 200, url);
    }
    const deleted = await service.api.inject({ method: 'DELETE', url: `/v1/runs/${run.body.id}` });
    assert.equal(deleted.statusCode, 409);
  }
  const { body } = await service.admin.inject('/metrics');
  assert.match(body, /waggle_shed_total\{reason="memory"\} 1\n/);
  assert.match(body, /waggle_shed_total\{reason="event_loop"\} 1\n/);
});

test('every answer that says "later" says when', async (t) => {
  const service = await build(t, { limits: { queueLimit: 1, maxDrainMs: 500 } });
  void service.post(scripted('wait'));
  await service.busy(1);
  void service.post(scripted('exit'));
  await service.queued(1);
  const full = await service.post(scripted('exit'));
  assert.deepEqual([full.status, full.headers['retry-after']], [429, '1']);
  void service.close();
  const draining = await service.post(scripted('exit'));
  assert.deepEqual([draining.status, draining.headers['retry-after']], [503, '1']);
});
