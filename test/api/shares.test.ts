import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { EXAMPLES } from '../../src/api/examples.ts';
import { readApiKeys } from '../../src/api-keys.ts';
import { limitsWith } from '../../src/contract/limits.ts';
import type { CreatedShare, ShareBody } from '../../src/contract/share.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import { type BuildOptions, type BuiltService, build } from '../support/service.ts';
import { AMPLE, temporaryFolder } from '../support/store-drivers.ts';

const SPEC = EXAMPLES[0].body;
const DAY_SECONDS = 86_400;

const post = (service: BuiltService, body: unknown, headers: Record<string, string> = {}) =>
  service.api.inject({ method: 'POST', url: '/v1/shares', payload: body as object, headers });
const remove = (service: BuiltService, url: string, headers: Record<string, string> = {}) =>
  service.api.inject({ method: 'DELETE', url, headers });

async function shared(t: TestContext, body: Partial<ShareBody> = {}, options: BuildOptions = {}) {
  const service = await build(t, options);
  const response = await post(service, { spec: SPEC, ...body });
  assert.equal(response.statusCode, 201, response.body);
  return { service, response, share: response.json<CreatedShare>() };
}

test('a share is read as it was stored, by whoever has its id', async (t) => {
  const before = Date.now();
  const { service, response, share } = await shared(t, { step: 12, expiresIn: 60 });
  assert.match(share.id, /^[A-Za-z0-9_-]{22}$/);
  assert.equal(share.url, `/v1/shares/${share.id}`);
  assert.equal(response.headers.location, share.url);
  assert.equal(response.headers['cache-control'], 'no-store');
  const read = await service.api.inject(share.url);
  assert.equal(read.statusCode, 200);
  assert.match(String(read.headers['content-type']), /^application\/json/);
  const { createdAt, ...rest } = read.json();
  assert.deepEqual(rest, { id: share.id, url: share.url, expiresAt: share.expiresAt, step: '12', spec: SPEC });
  assert.ok(Date.parse(createdAt) >= before);
  assert.equal(Date.parse(share.expiresAt) - Date.parse(createdAt), 60_000);
  assert.ok(!read.body.includes(share.deleteToken));
});

test('what a share holds runs as it is', async (t) => {
  const { service, share } = await shared(t);
  const { spec } = (await service.api.inject(share.url)).json();
  assert.equal((await service.post(spec)).status, 200);
});

test('a step is any 64-bit number, and none is null', async (t) => {
  const service = await build(t);
  for (const [step, told] of [
    ['0xffffffffffffffff', '18446744073709551615'],
    [0, '0'],
    [undefined, null],
  ] as const) {
    const { url } = (await post(service, { spec: SPEC, step })).json<CreatedShare>();
    assert.equal((await service.api.inject(url)).json().step, told);
  }
});

test('ids and tokens are new each time, and only a hash of the token is stored', async (t) => {
  const store = new MemoryStore({ quota: AMPLE });
  const { service, share } = await shared(t, {}, { store });
  const other = (await post(service, { spec: SPEC })).json<CreatedShare>();
  assert.notEqual(other.id, share.id);
  assert.notEqual(other.deleteToken, share.deleteToken);
  const stored = await store.shares.get(share.id);
  assert.equal(stored?.deleteTokenHash, createHash('sha256').update(share.deleteToken).digest('hex'));
  assert.ok(!JSON.stringify(stored).includes(share.deleteToken));
});

test('only its own token deletes a share; then it is like one that never was', async (t) => {
  const { service, share } = await shared(t);
  const other = (await post(service, { spec: SPEC })).json<CreatedShare>();
  for (const [headers, said] of [
    [{}, /Send the token .* delete-token/],
    [{ 'delete-token': other.deleteToken }, /is not the one/],
    [{ 'delete-token': '' }, /is not the one/],
    [{ authorization: `Bearer ${share.deleteToken}` }, /Send the token/],
  ] as const) {
    const refused = await remove(service, share.url, headers);
    assert.equal(refused.statusCode, 403);
    assert.equal(refused.json().code, 'bad_delete_token');
    assert.match(refused.json().detail, said);
  }
  assert.equal((await service.api.inject(share.url)).statusCode, 200);
  const done = await remove(service, share.url, { 'delete-token': share.deleteToken });
  assert.deepEqual([done.statusCode, done.body], [204, '']);
  const gone = await service.api.inject(share.url);
  const never = await service.api.inject(`/v1/shares/${'A'.repeat(22)}`);
  const told = ({ requestId, ...problem }: Record<string, unknown>) => ({ ...problem, requestId: typeof requestId });
  assert.equal(gone.statusCode, 404);
  assert.deepEqual(told(gone.json()), told(never.json()));
  assert.match(gone.json().detail, /never was, has expired, or was deleted/);
  const again = await remove(service, share.url, { 'delete-token': share.deleteToken });
  assert.equal(again.statusCode, 404);
});

test('an expired share is gone, with its token', async (t) => {
  const clock = { now: Date.now() };
  const store = new MemoryStore({ quota: AMPLE, now: () => clock.now });
  const { service, share } = await shared(t, { expiresIn: 10 }, { store });
  clock.now = Date.parse(share.expiresAt) - 1;
  assert.equal((await service.api.inject(share.url)).statusCode, 200);
  clock.now = Date.parse(share.expiresAt);
  assert.equal((await service.api.inject(share.url)).statusCode, 404);
  assert.equal((await remove(service, share.url, { 'delete-token': share.deleteToken })).statusCode, 404);
});

test('the life of a share has a default and a ceiling, both of them limits', async (t) => {
  for (const [limits, expiresIn, seconds] of [
    [{}, undefined, 30 * DAY_SECONDS],
    [{ defaultShareTtl: 100 }, undefined, 100],
    [{ defaultShareTtl: 100, maxShareTtl: 50 }, undefined, 50],
    [{ maxShareTtl: 50 }, 50, 50],
  ] as const) {
    const { service, share } = await shared(t, expiresIn === undefined ? {} : { expiresIn }, { limits });
    const { createdAt } = (await service.api.inject(share.url)).json();
    assert.equal(Date.parse(share.expiresAt) - Date.parse(createdAt), 1000 * seconds);
  }
});

const REFUSED: readonly {
  readonly name: string;
  readonly body: unknown;
  readonly code: string;
  readonly pointer?: string;
  readonly limit?: string;
  readonly options?: BuildOptions;
}[] = [
  { name: 'no run', body: {}, code: 'schema_violation', pointer: '/spec' },
  { name: 'an unknown field', body: { spec: SPEC, title: 'x' }, code: 'schema_violation', pointer: '/title' },
  {
    name: 'an unknown field of the run',
    body: { spec: { ...SPEC, entri: 'x' } },
    code: 'schema_violation',
    pointer: '/spec/entri',
  },
  {
    name: 'bytes that cannot be decoded',
    body: { spec: { ...SPEC, input: { packet: { hex: '0' } } } },
    code: 'bad_bytes',
    pointer: '/spec/input/packet',
  },
  {
    name: 'a run beyond a limit',
    body: { spec: { ...SPEC, repeat: 1e6 } },
    code: 'limit_exceeded',
    pointer: '/spec/repeat',
    limit: 'maxRepeat',
  },
  {
    name: 'a stored program',
    body: { spec: { programs: [{ name: 'p', id: `sha256:${'0'.repeat(64)}` }], entry: 'p' } },
    code: 'bad_reference',
    pointer: '/spec/programs/0/id',
  },
  {
    name: 'a longer life than the ceiling',
    body: { spec: SPEC, expiresIn: 366 * DAY_SECONDS },
    code: 'limit_exceeded',
    pointer: '/expiresIn',
    limit: 'maxShareTtl',
  },
  { name: 'no life at all', body: { spec: SPEC, expiresIn: 0 }, code: 'schema_violation', pointer: '/expiresIn' },
  { name: 'a step that is no number', body: { spec: SPEC, step: 'x' }, code: 'schema_violation', pointer: '/step' },
  {
    name: 'a step beyond 64 bits',
    body: { spec: SPEC, step: '18446744073709551616' },
    code: 'schema_violation',
    pointer: '/step',
  },
  {
    name: 'one share more than the quota',
    body: { spec: SPEC },
    code: 'limit_exceeded',
    limit: 'maxStoredItems',
    options: { store: new MemoryStore({ quota: { ...AMPLE, maxStoredItems: 0 } }), limits: { maxStoredItems: 0 } },
  },
  {
    name: 'one byte more than the quota',
    body: { spec: SPEC },
    code: 'limit_exceeded',
    limit: 'maxStoredBytes',
    options: { store: new MemoryStore({ quota: { ...AMPLE, maxStoredBytes: 10 } }), limits: { maxStoredBytes: 10 } },
  },
];

test('what is refused, and by which words', async (t) => {
  const usual = await build(t);
  for (const { name, body, code, pointer, limit, options } of REFUSED) {
    await t.test(name, async (own) => {
      const service = options === undefined ? usual : await build(own, options);
      const response = await post(service, body);
      const problem = response.json();
      assert.equal(problem.code, code, response.body);
      assert.equal(problem.errors?.[0]?.pointer, pointer);
      assert.equal(problem.limit, limit);
      if (limit !== undefined) assert.ok(problem.detail.includes(limit));
    });
  }
});

test('an id that cannot be one is not looked for, and answered the same', async (t) => {
  const store = new MemoryStore({ quota: limitsWith() });
  const asked: string[] = [];
  const get = async (id: string) => {
    asked.push(id);
    return null;
  };
  Object.assign(store, { shares: { ...store.shares, get } });
  const { api } = await build(t, { store });
  for (const id of ['x', '..%2f..%2fetc', 'A'.repeat(23), '%00'.repeat(22)]) {
    assert.equal((await api.inject(`/v1/shares/${id}`)).statusCode, 404, id);
  }
  assert.deepEqual(asked, []);
});

test('with keys only storing needs one: the id opens a share, and the token deletes it', async (t) => {
  const id = 'ann';
  const secret = 's'.repeat(43);
  const service = await build(t, { config: { apiKeys: readApiKeys(`${id}:${secret}`) } });
  assert.equal((await post(service, { spec: SPEC })).statusCode, 401);
  const created = await post(service, { spec: SPEC }, { authorization: `Bearer ${id}.${secret}` });
  const share = created.json<CreatedShare>();
  assert.equal(created.statusCode, 201, created.body);
  assert.equal((await service.api.inject(share.url)).statusCode, 200);
  assert.equal((await remove(service, share.url)).json().code, 'bad_delete_token');
  assert.equal((await remove(service, share.url, { 'delete-token': share.deleteToken })).statusCode, 204);
});

test('a share outlives the service', async (t) => {
  const folder = await temporaryFolder(t);
  const first = await shared(t, {}, { store: await openSqliteStore(folder, { quota: AMPLE }) });
  await first.service.close();
  const service = await build(t, { store: await openSqliteStore(folder, { quota: AMPLE }) });
  const read = await service.api.inject(first.share.url);
  assert.deepEqual(read.json().spec, SPEC);
  const done = await remove(service, first.share.url, { 'delete-token': first.share.deleteToken });
  assert.equal(done.statusCode, 204);
});
