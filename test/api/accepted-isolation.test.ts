/** Two tenants with asynchronous runs, batches and remembered results: nothing of one can be seen, used or guessed by the other. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { BatchLine } from '../../src/contract/batch.ts';
import { API_KEYS, keyOf, type Tenant } from '../support/keys.ts';
import { type BuiltService, build, scripted } from '../support/service.ts';

const service = (t: TestContext) => build(t, { config: { apiKeys: API_KEYS }, limits: { maxMemoBytes: 1024 * 1024 } });

const ask = (to: BuiltService, tenant: Tenant, method: 'GET' | 'DELETE', url: string) =>
  to.api.inject({ method, url, headers: { authorization: keyOf(tenant) } });

async function send(
  to: BuiltService,
  tenant: Tenant,
  url: string,
  payload: object,
  headers: Record<string, string> = {},
) {
  const all = { authorization: keyOf(tenant), 'content-type': 'application/json', ...headers };
  return to.api.inject({ method: 'POST', url, headers: all, payload: JSON.stringify(payload) });
}

const ASYNC = { prefer: 'respond-async' };
const UNKNOWN = '00000000-0000-4000-8000-000000000000';

test("another tenant's asynchronous run or batch answers like one that never was", async (t) => {
  const built = await service(t);
  const run = await send(built, 'alice', '/v1/runs', scripted('exit'), ASYNC);
  const batch = await send(built, 'alice', '/v1/batches', { items: [scripted('exit')] }, ASYNC);
  for (const { headers } of [run, batch]) {
    const url = String(headers.location);
    const never = `${url.slice(0, url.lastIndexOf('/'))}/${UNKNOWN}`;
    for (const method of ['GET', 'DELETE'] as const) {
      const { requestId: _, ...theirs } = (await ask(built, 'bob', method, url)).json();
      const { requestId: __, ...unknown } = (await ask(built, 'bob', method, never)).json();
      assert.equal(theirs.code, 'not_found', `${method} ${url}`);
      assert.deepEqual(theirs, unknown);
    }
    assert.equal((await ask(built, 'alice', 'GET', `${url}?wait=10s`)).statusCode, 200);
    assert.equal((await ask(built, 'bob', 'GET', url)).statusCode, 404, 'after its end too');
  }
});

test('an Idempotency-Key is each tenant its own', async (t) => {
  const built = await service(t);
  const post = (tenant: Tenant, entry: string) =>
    send(built, tenant, '/v1/runs', scripted(entry), { ...ASYNC, 'idempotency-key': 'same' });
  const first = (await post('alice', 'exit')).json().id;
  const second = await post('bob', 'oob_read');
  assert.equal(second.statusCode, 202);
  assert.notEqual(second.json().id, first);
  assert.equal((await post('alice', 'exit')).json().id, first);
});

test("a result that one tenant's run has left is not remembered for another", async (t) => {
  const built = await service(t);
  const post = async (tenant: Tenant) => (await send(built, tenant, '/v1/runs', scripted('exit'))).json().cache.run;
  assert.deepEqual([await post('alice'), await post('bob'), await post('alice')], [undefined, undefined, 'hit']);
  const batch = async (tenant: Tenant) => {
    const { body } = await send(built, tenant, '/v1/batches', { items: [scripted('null_deref')] });
    return (JSON.parse(body) as BatchLine).result?.cache.run;
  };
  assert.deepEqual([await batch('alice'), await batch('bob'), await batch('alice')], [undefined, undefined, 'hit']);
});

test("items of one tenant's batch stand under their ids for him alone", async (t) => {
  const built = await service(t);
  const { body } = await send(built, 'alice', '/v1/batches', { items: [scripted('exit')] });
  const { result } = JSON.parse(body) as BatchLine;
  assert.equal((await ask(built, 'alice', 'GET', `/v1/runs/${result!.id}`)).statusCode, 200);
  assert.equal((await ask(built, 'bob', 'GET', `/v1/runs/${result!.id}`)).statusCode, 404);
});

test('the asynchronous runs of one tenant leave room for those of another', async (t) => {
  const built = await build(t, { config: { apiKeys: API_KEYS }, limits: { maxAcceptedRuns: 1, maxDrainMs: 10 } });
  const post = (tenant: Tenant) => send(built, tenant, '/v1/runs', scripted('wait'), ASYNC);
  assert.deepEqual(
    [(await post('alice')).statusCode, (await post('alice')).statusCode, (await post('bob')).statusCode],
    [202, 429, 202],
  );
});
