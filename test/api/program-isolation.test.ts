/** What one tenant stores tells another one nothing: neither that it is there, nor that it has run. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROGRAM_EXAMPLES } from '../../src/api/examples.ts';
import { API_KEYS, keyOf, type Tenant } from '../support/keys.ts';
import { build } from '../support/service.ts';

const [ENTRY] = PROGRAM_EXAMPLES;
const INPUT = { packet: { hex: '00'.repeat(64) } };

test('a hash that another tenant uploaded and ran is answered like one that nobody knows', async (t) => {
  const service = await build(t, { worker: null, config: { apiKeys: API_KEYS } });
  const ask = async (tenant: Tenant, method: 'GET' | 'POST', url: string, payload?: object) => {
    const response = await service.api.inject({
      method,
      url,
      headers: { authorization: keyOf(tenant) },
      ...(payload === undefined ? {} : { payload }),
    });
    return { status: response.statusCode, headers: response.headers, body: response.json() };
  };
  const store = (tenant: Tenant) => ask(tenant, 'POST', '/v1/programs', ENTRY);
  const byId = (tenant: Tenant, id: string) =>
    ask(tenant, 'POST', '/v1/runs', { programs: [{ name: 'p', id }], entry: 'p', input: INPUT });
  /** All that a tenant sees of a program, without what differs from request to request. */
  const seen = async (tenant: Tenant, id: string) => {
    const answers = await Promise.all(
      ['', '/disassembly', '/cfg', '/verification'].map((view) => ask(tenant, 'GET', `/v1/programs/${id}${view}`)),
    );
    const run = await byId(tenant, id);
    return [...answers, run].map(({ status, headers, body }) => {
      return [status, headers.etag, JSON.stringify({ ...body, requestId: null })];
    });
  };

  const first = await store('alice');
  assert.equal(first.status, 201);
  const { id } = first.body.programs[0];
  const cacheOf = async (tenant: Tenant) => [
    (await byId(tenant, id)).body.cache?.programs,
    (await byId(tenant, id)).body.cache?.programs,
  ];
  assert.deepEqual(await cacheOf('alice'), ['miss', 'hit']);
  assert.equal((await ask('alice', 'GET', `/v1/programs/${id}/cfg`)).status, 200);

  // Bob, who guesses the hash, sees what he sees of a hash that nobody has.
  const unknown = `sha256:${'0'.repeat(64)}`;
  assert.deepEqual(await seen('bob', id), await seen('bob', unknown));
  assert.deepEqual(
    (await seen('bob', id)).map(([status]) => status),
    [404, 404, 404, 404, 422],
  );
  // Bob uploads it himself: it is new to him, and so is all that is made of it.
  assert.equal((await store('bob')).status, 201);
  assert.deepEqual(await cacheOf('bob'), ['miss', 'hit']);
  assert.deepEqual([(await store('alice')).status, (await store('bob')).status], [200, 200]);
});

test('inline programs of one tenant are unknown to another one', async (t) => {
  const service = await build(t, { worker: null, config: { apiKeys: API_KEYS } });
  const cacheOf = async (tenant: Tenant, asm: string) => {
    const { body } = await service.post(
      { programs: [{ name: 'p', type: 'xdp', asm }], entry: 'p', input: INPUT },
      { authorization: keyOf(tenant) },
    );
    return body.cache.programs;
  };
  const asked: string[] = [];
  for (const tenant of ['alice', 'alice', 'bob', 'bob', 'alice'] as const)
    asked.push(await cacheOf(tenant, 'r0 = 2\nexit'));
  assert.deepEqual(asked, ['miss', 'hit', 'miss', 'hit', 'hit']);
});
