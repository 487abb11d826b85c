import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREFLIGHT_LIFE_SECONDS } from '../../src/api/cors.ts';
import { API_KEYS, keyOf } from '../support/keys.ts';
import { build, scripted } from '../support/service.ts';

const LISTED = 'https://playground.example';
const FOREIGN = 'https://evil.example';
const BUILT = { config: { allowedOrigins: [LISTED], apiKeys: API_KEYS } };

/** A preflight as a browser sends it: without a key. */
const preflight = (origin: string, method = 'POST') => ({
  method: 'OPTIONS' as const,
  url: '/v1/runs',
  headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': 'authorization' },
});

test('a preflight of a listed origin says what its page may do', async (t) => {
  const { api } = await build(t, BUILT);
  for (const url of ['/v1/runs', '/v1/runs/some-id', '/nothing/here']) {
    const { statusCode, headers, body } = await api.inject({ ...preflight(LISTED), url });
    assert.deepEqual([statusCode, body], [204, ''], url);
    assert.equal(headers['access-control-allow-origin'], LISTED);
    assert.match(String(headers['access-control-allow-methods']), /\bPOST\b.*\bDELETE\b/);
    for (const name of ['Authorization', 'Content-Type', 'Idempotency-Key', 'Prefer', 'Traceparent']) {
      assert.ok(String(headers['access-control-allow-headers']).split(', ').includes(name), name);
    }
    assert.equal(headers['access-control-max-age'], String(PREFLIGHT_LIFE_SECONDS));
    assert.equal(headers.vary, 'Origin');
    assert.equal(headers['access-control-allow-credentials'], undefined);
  }
});

test('a listed page reads answers and refusals, and the header fields that matter', async (t) => {
  const service = await build(t, BUILT);
  const answers = [
    await service.post(scripted('exit'), { origin: LISTED, authorization: keyOf('alice') }),
    await service.post('{', { origin: LISTED, authorization: keyOf('alice') }),
    await service.post(scripted('exit'), { origin: LISTED }),
  ];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 400, 401],
  );
  for (const { headers } of answers) {
    assert.equal(headers['access-control-allow-origin'], LISTED);
    assert.equal(headers.vary, 'Origin');
    const exposed = String(headers['access-control-expose-headers']).split(', ');
    for (const name of ['RateLimit', 'Retry-After', 'Location', 'ETag', 'X-Request-Id', 'Traceparent']) {
      assert.ok(exposed.includes(name), name);
    }
  }
});

test('another page can neither read nor do anything', async (t) => {
  const service = await build(t, BUILT);
  const asked = await service.api.inject(preflight(FOREIGN));
  assert.deepEqual([asked.statusCode, asked.json().code], [403, 'forbidden']);
  const posted = await service.post(scripted('exit'), { origin: FOREIGN, authorization: keyOf('alice') });
  assert.deepEqual([posted.status, posted.body.code], [403, 'forbidden']);
  const opaque = await service.post(scripted('exit'), { origin: 'null', authorization: keyOf('alice') });
  assert.equal(opaque.status, 403);
  const read = await service.api.inject({ url: '/v1/info', headers: { origin: FOREIGN } });
  assert.equal(read.statusCode, 200);
  for (const headers of [asked.headers, posted.headers, read.headers]) {
    assert.equal(headers['access-control-allow-origin'], undefined);
    assert.equal(headers.vary, 'Origin');
  }
});

test("the service's own pages, and clients that are no browsers, need no list", async (t) => {
  const service = await build(t);
  assert.equal((await service.post(scripted('exit'))).status, 200);
  const own = await service.post(scripted('exit'), { host: '127.0.0.1:8080', origin: 'http://127.0.0.1:8080' });
  assert.equal(own.status, 200);
  const other = await service.post(scripted('exit'), { host: '127.0.0.1:8080', origin: 'http://127.0.0.1:3000' });
  assert.equal(other.status, 403);
});

test('OPTIONS that is no preflight is a method like others', async (t) => {
  const { api } = await build(t, BUILT);
  const headers = { origin: LISTED, authorization: keyOf('alice') };
  const { statusCode } = await api.inject({ method: 'OPTIONS', url: '/v1/runs', headers });
  assert.equal(statusCode, 405);
});
