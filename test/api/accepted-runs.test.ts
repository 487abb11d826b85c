/** Prefer: respond-async: what is accepted ends exactly once, whatever becomes of the process, and a request can be repeated. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { MAX_STARTS } from '../../src/api/execute-accepted.ts';
import { MAX_IDEMPOTENCY_KEY_LENGTH } from '../../src/api/preferences.ts';
import type { BatchLine } from '../../src/contract/batch.ts';
import { StoreFailure } from '../../src/store/store.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { lastingStore } from '../support/lasting-store.ts';
import { type BuildOptions, type BuiltService, build, scripted } from '../support/service.ts';

const ASYNC = { prefer: 'respond-async' };

async function accept(service: BuiltService, body: unknown, headers: Record<string, string> = {}) {
  const { status, headers: told, body: answer } = await service.post(body, { ...ASYNC, ...headers });
  assert.equal(status, 202, JSON.stringify(answer));
  assert.deepEqual(answer, { id: answer.id, state: 'running' });
  assert.equal(told.location, `/v1/runs/${answer.id}`);
  assert.equal(told['preference-applied'], 'respond-async');
  return answer.id;
}

const get = (service: BuiltService, id: string, query = '?wait=10s') => service.api.inject(`/v1/runs/${id}${query}`);

async function result(service: BuiltService, id: string) {
  const response = await get(service, id);
  assert.equal(response.statusCode, 200, response.body);
  return response.json();
}

test('an accepted run is answered 202, and its result stands under the Location when it has ended', async (t) => {
  const service = await build(t);
  const id = await accept(service, scripted('slow'));
  const early = await get(service, id, '');
  assert.equal(early.statusCode, 202);
  assert.deepEqual(early.json(), { id, state: 'running' });
  assert.equal(early.headers['retry-after'], '1');
  const { outcome, id: own } = await result(service, id);
  assert.deepEqual([outcome.code, own], ['exit', id]);
  const { body } = await service.admin.inject('/metrics');
  assert.match(body, /waggle_runs_total\{outcome="exit",mode="async"\} 1\n/);
});

/** What a Prefer header may look like (RFC 7240). */
const PREFERENCES: readonly (readonly [string, number])[] = [
  ['respond-async', 202],
  ['Respond-Async', 202],
  ['respond-async, wait=10', 202],
  ['return=minimal,respond-async;x=1', 202],
  ['respond-asynchronously', 200],
  ['return=minimal', 200],
];

test('Prefer is read as RFC 7240 writes it', async (t) => {
  const service = await build(t);
  for (const [prefer, status] of PREFERENCES) {
    assert.equal((await service.post(scripted('exit'), { prefer })).status, status, prefer);
  }
});

test('what cannot be accepted is refused at once', async (t) => {
  const service = await build(t);
  assert.equal((await service.post({}, ASYNC)).body.code, 'schema_violation');
  assert.equal((await service.post({ entry: 'e', input: { packet: { hex: '0' } } }, ASYNC)).body.code, 'bad_bytes');
});

test('a run that ends with a problem is answered by it, again and again', async (t) => {
  const store = lastingStore();
  const service = await build(t, { store });
  const id = await accept(service, scripted('problem.bad_elf'));
  for (const asked of [service, await build(t, { store })]) {
    const response = await get(asked, id);
    assert.equal(response.statusCode, 422);
    assert.equal(response.json().code, 'bad_elf');
    assert.equal((await asked.api.inject({ method: 'DELETE', url: `/v1/runs/${id}` })).json().code, 'run_ended');
  }
});

test('accepted runs are not refused by a full queue and do not expire in it', async (t) => {
  const service = await build(t, { limits: { queueLimit: 1, maxQueueMs: 1 } });
  const ids = [];
  for (let n = 0; n < 5; n += 1) ids.push(await accept(service, scripted('slow')));
  for (const id of ids) assert.equal((await result(service, id)).outcome.code, 'exit');
});

test('maxAcceptedRuns bounds what has not ended', async (t) => {
  const service = await build(t, { limits: { maxAcceptedRuns: 2, maxDrainMs: 10 } });
  const first = await accept(service, scripted('wait'));
  await accept(service, scripted('wait'));
  const refused = await service.post(scripted('exit'), ASYNC);
  assert.equal(refused.status, 429);
  assert.deepEqual([refused.body.code, refused.body.limit], ['queue_full', 'maxAcceptedRuns']);
  await service.api.inject({ method: 'DELETE', url: `/v1/runs/${first}` });
  await get(service, first);
  await accept(service, scripted('exit'));
});

test('a run that waits and one that is running can be cancelled', async (t) => {
  const service = await build(t);
  const ids = [];
  for (let n = 0; n < 4; n += 1) ids.push(await accept(service, scripted('wait')));
  await service.busy(1);
  for (const id of ids.toReversed()) {
    assert.equal((await service.api.inject({ method: 'DELETE', url: `/v1/runs/${id}` })).statusCode, 202);
    assert.equal((await result(service, id)).outcome.code, 'cancelled');
  }
});

test('without a quota left nothing is accepted', async (t) => {
  const store = lastingStore(() => ({ accept: async () => ({ kind: 'full', limit: 'maxStoredItems' }) }));
  const { status, body } = await (await build(t, { store })).post(scripted('exit'), ASYNC);
  assert.equal(status, 422);
  assert.deepEqual([body.code, body.limit], ['limit_exceeded', 'maxStoredItems']);
});

test('an end that cannot be stored is told to nobody until it is', async (t) => {
  let failures = 2;
  const store = lastingStore((runs) => ({
    finish: async (id, ending) => {
      failures -= 1;
      if (failures >= 0) throw new StoreFailure('the disk is full');
      return runs.finish(id, ending);
    },
  }));
  const service = await build(t, { store });
  const id = await accept(service, scripted('exit'));
  while (failures > 1) await immediate();
  assert.equal((await get(service, id, '')).statusCode, 202);
  assert.equal((await result(service, id)).outcome.code, 'exit');
  assert.equal(failures, -1);
});

test('what a process has not ended is run by the next one, and the result stays the same after another restart', async (t) => {
  const store = lastingStore();
  const first = await build(t, { store, limits: { maxDrainMs: 10 } });
  const ids = [];
  for (let n = 0; n < 8; n += 1) ids.push(await accept(first, scripted('wait')));
  const waiting = get(first, ids[0]!, '?wait=30s');
  await first.busy(1);
  await first.close();
  // Who waits hears that the server shuts down, and nothing was ended by the shutdown.
  assert.equal((await waiting).json().code, 'draining');
  for (const id of ids) assert.equal((await store.runs.get('anonymous', id))?.ending, null);

  const second = await build(t, { store, worker: new URL('../fixtures/workers/at-once.ts', import.meta.url).href });
  const told = await Promise.all(ids.map((id) => result(second, id)));
  for (const [index, { id, outcome }] of told.entries()) assert.deepEqual([id, outcome.code], [ids[index], 'exit']);
  await second.close();
  const third = await build(t, { store });
  for (const [index, id] of ids.entries()) assert.deepEqual(await result(third, id), told[index]);
});

test('what is running when the server stops may end in time', async (t) => {
  const store = lastingStore();
  const service = await build(t, { store });
  const id = await accept(service, scripted('slow'));
  await service.busy(1);
  await service.close();
  assert.notEqual((await store.runs.get('anonymous', id))?.ending, null);
});

test('a run that ends the process at each start is given up', async (t) => {
  const store = lastingStore();
  const service = await build(t, { store, limits: { maxDrainMs: 1 } });
  const id = await accept(service, scripted('wait'));
  await service.close();
  for (let n = 0; n < MAX_STARTS; n += 1) await store.runs.noteStart();
  assert.equal((await result(await build(t, { store }), id)).outcome.code, 'worker_lost');
});

test('steps of a stored run can be asked for after a restart', { skip: NO_ENGINE }, async (t) => {
  const store = lastingStore();
  const body = {
    programs: [{ name: 'p', type: 'xdp', asm: 'r0 = 1\nr0 += 1\nexit' }],
    entry: 'p',
    input: { packet: { hex: '00'.repeat(64) } },
  };
  const first = await build(t, { store, worker: null });
  const id = await accept(first, body);
  const steps = async (service: BuiltService) => {
    await result(service, id);
    return (await service.api.inject(`/v1/runs/${id}/steps`)).json();
  };
  const before = await steps(first);
  assert.equal(before.steps.length, 3);
  await first.close();
  assert.deepEqual(await steps(await build(t, { store, worker: null })), before);
});

async function keyed(t: TestContext, options: BuildOptions = {}) {
  const service = await build(t, options);
  const post = (body: unknown, key = 'one') => service.post(body, { ...ASYNC, 'idempotency-key': key });
  return { service, post };
}

test('the same key and the same body are the same run', async (t) => {
  const store = lastingStore();
  const { service, post } = await keyed(t, { store });
  const first = await post(scripted('exit'));
  await result(service, first.body.id);
  // Another spelling of the same: defaults that are written down, other encodings, a quoted key.
  const same = { ...scripted('exit'), repeat: 1, seed: '0x1', maps: [] };
  assert.equal((await post(same)).body.id, first.body.id);
  assert.equal((await post(same, '"one"')).body.id, first.body.id);
  assert.notEqual((await post(scripted('exit'), 'two')).body.id, first.body.id);
  await service.close();
  const { post: later } = await keyed(t, { store });
  const again = await later(scripted('exit'));
  assert.equal(again.status, 202);
  assert.equal(again.body.id, first.body.id);
});

test('the same key with another body is refused, on runs and batches alike', async (t) => {
  const { service, post } = await keyed(t);
  await post(scripted('exit'));
  for (const answer of [
    await post(scripted('oob_read')),
    await post({ ...scripted('exit'), seed: 2 }),
    await batch(service, [scripted('exit')], { 'idempotency-key': 'one' }),
  ]) {
    assert.equal(answer.status, 422);
    assert.equal(answer.body.code, 'idempotency_mismatch');
  }
});

test('a key whose request is being answered is refused', async (t) => {
  const gate = Promise.withResolvers<void>();
  const store = lastingStore((runs) => ({
    accept: async (run, claim) => {
      await gate.promise;
      return runs.accept(run, claim);
    },
  }));
  const { post } = await keyed(t, { store });
  const first = post(scripted('exit'));
  const second = await post(scripted('exit'));
  assert.equal(second.status, 409);
  assert.deepEqual([second.body.code, second.body.retryable], ['idempotency_in_flight', true]);
  gate.resolve();
  assert.equal((await first).status, 202);
  assert.equal((await post(scripted('exit'))).body.id, (await first).body.id);
});

test('a key has visible characters, and not too many', async (t) => {
  const { post } = await keyed(t);
  for (const key of ['', 'a b', 'x'.repeat(MAX_IDEMPOTENCY_KEY_LENGTH + 1)]) {
    const { status, body } = await post(scripted('exit'), key);
    assert.deepEqual([status, body.code], [400, 'bad_request'], key);
  }
  assert.equal((await post(scripted('exit'), 'x'.repeat(MAX_IDEMPOTENCY_KEY_LENGTH))).status, 202);
});

async function batch(service: BuiltService, items: readonly unknown[], headers: Record<string, string> = {}) {
  const response = await service.api.inject({
    method: 'POST',
    url: '/v1/batches',
    headers: { 'content-type': 'application/json', ...ASYNC, ...headers },
    payload: JSON.stringify({ items }),
  });
  return { status: response.statusCode, location: String(response.headers.location), body: response.json() };
}

const codesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as BatchLine)
    .map(({ index, result: ended, problem }) => [index, ended?.outcome.code ?? problem?.code]);

test('an accepted batch has its lines in the order of its items, whatever becomes of the process', async (t) => {
  const store = lastingStore();
  const items = [scripted('slow'), scripted('exit'), {}, scripted('oob_read')];
  const expected = [
    [0, 'exit'],
    [1, 'exit'],
    [2, 'schema_violation'],
    [3, 'oob_read'],
  ];
  const first = await build(t, { store, limits: { maxDrainMs: 1 } });
  const { status, location } = await batch(first, items);
  assert.equal(status, 202);
  assert.match(location, /^\/v1\/batches\//);
  assert.equal((await first.api.inject(location)).statusCode, 202);
  await first.close();
  const second = await build(t, { store, config: { workers: 2 } });
  const lines = await second.api.inject(`${location}?wait=10s`);
  assert.equal(lines.headers['content-type'], 'application/x-ndjson');
  assert.deepEqual(codesOf(lines.body), expected);
  const third = await build(t, { store });
  assert.equal((await third.api.inject(location)).body, lines.body);
});

test('an accepted batch can be cancelled while it runs, and not afterwards', async (t) => {
  const service = await build(t);
  const { location } = await batch(service, [scripted('wait'), scripted('exit')]);
  await service.busy(1);
  assert.equal((await service.api.inject({ method: 'DELETE', url: location })).statusCode, 202);
  const lines = await service.api.inject(`${location}?wait=10s`);
  assert.deepEqual(codesOf(lines.body), [
    [0, 'cancelled'],
    [1, 'cancelled'],
  ]);
  assert.equal((await service.api.inject({ method: 'DELETE', url: location })).json().code, 'run_ended');
});

test('lines beyond maxBatchResultBytes are answered limit_exceeded', async (t) => {
  const service = await build(t, { limits: { maxBatchResultBytes: 1_000 } });
  const { location } = await batch(service, [scripted('exit'), scripted('exit'), scripted('exit')]);
  const lines = await service.api.inject(`${location}?wait=10s`);
  assert.deepEqual(
    codesOf(lines.body).map(([, code]) => code),
    ['exit', 'limit_exceeded', 'limit_exceeded'],
  );
});

test('the same key and items are the same batch', async (t) => {
  const service = await build(t);
  const key = { 'idempotency-key': 'b' };
  const first = await batch(service, [scripted('exit'), {}], key);
  assert.equal((await batch(service, [scripted('exit'), {}], key)).location, first.location);
  assert.equal((await batch(service, [scripted('exit')], key)).body.code, 'idempotency_mismatch');
});

test('the id of a run is the id of no batch, and the other way round', async (t) => {
  const service = await build(t);
  const run = await accept(service, scripted('exit'));
  const { body } = await batch(service, [scripted('exit')]);
  await result(service, run);
  for (const url of [`/v1/batches/${run}`, `/v1/runs/${body.id}`, '/v1/batches/1']) {
    assert.equal((await service.api.inject(url)).statusCode, 404, url);
    assert.equal((await service.api.inject({ method: 'DELETE', url })).statusCode, 404, url);
  }
});
