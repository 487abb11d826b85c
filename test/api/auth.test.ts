import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { KeyRing } from '../../src/api/key-ring.ts';
import { bucketOfAddress } from '../../src/api/principal.ts';
import type { ApiKey } from '../../src/api-keys.ts';
import { readApiKeys } from '../../src/api-keys.ts';
import { API_KEYS, keyOf } from '../support/keys.ts';
import { type BuiltService, build, scripted } from '../support/service.ts';
import { connectTrace } from '../support/trace-client.ts';
import { greeted, listening } from '../support/trace-service.ts';

const withKeys = (t: TestContext) => build(t, { config: { apiKeys: API_KEYS } });

const ID = '00000000-0000-4000-8000-000000000000';

/** Every documented route with a path of it. */
async function documentedRoutes(service: BuiltService): Promise<{ method: string; url: string; isGuarded: boolean }[]> {
  const { paths, components } = (await service.api.inject('/openapi.json')).json();
  assert.equal(components.securitySchemes.bearer.scheme, 'bearer');
  return Object.entries(paths as Record<string, Record<string, { security?: readonly object[] }>>).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, { security }]) => ({
        method: method.toUpperCase(),
        url: path.replaceAll(/\{[a-zA-Z]+\}/g, ID),
        // An empty alternative means that a key may be left out.
        isGuarded: security?.length !== undefined && security.length > 0 && security.every((one) => 'bearer' in one),
      })),
  );
}

test('without a key every route under /v1 is 401, but those that tell what the server is', async (t) => {
  const service = await withKeys(t);
  const routes = await documentedRoutes(service);
  assert.ok(routes.length >= 12, String(routes.length));
  const open: string[] = [];
  for (const { method, url, isGuarded } of routes) {
    const { statusCode, headers, body } = await service.api.inject({ method: method as 'GET', url });
    if (statusCode !== 401) open.push(`${method} ${url}`);
    assert.equal(statusCode === 401, isGuarded, `${method} ${url}: ${statusCode}`);
    if (isGuarded) {
      assert.equal(headers['www-authenticate'], 'Bearer realm="waggle"');
      assert.equal(JSON.parse(body).code, 'not_authenticated');
    }
  }
  // Whoever has the id of a share may read it, and whoever has its token may delete it.
  assert.deepEqual(open.toSorted(), [
    `DELETE /v1/shares/${ID}`,
    'GET /livez',
    'GET /openapi.json',
    `GET /problems/${ID}`,
    'GET /readyz',
    'GET /v1/info',
    'GET /v1/limits',
    'GET /v1/outcomes',
    `GET /v1/shares/${ID}`,
  ]);
});

const NO_WAY_AROUND = [
  '/v1/runs/',
  '/v1/%72uns',
  '/%76%31/runs',
  '/v1/runs?x=/v1/info',

  '//v1/runs',
];

test('no spelling of a path comes past the door', async (t) => {
  const service = await withKeys(t);
  for (const url of NO_WAY_AROUND) {
    const { statusCode } = await service.api.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify(scripted('exit')),
    });
    assert.ok([401, 404].includes(statusCode), `${url}: ${statusCode}`);
  }
});

const HEADERS: readonly (readonly [name: string, header: string, status: number, detail?: RegExp])[] = [
  ['a good key', keyOf('alice'), 200],
  ['the scheme in any case', keyOf('alice').replace('Bearer', 'bEARER'), 200],
  ['no scheme', keyOf('alice').slice('Bearer '.length), 401, /not of the form/],
  ['another scheme', keyOf('alice').replace('Bearer', 'Basic'), 401, /not of the form/],
  ['no secret', 'Bearer alice', 401, /not of the form/],
  ['an empty secret', 'Bearer alice.', 401, /not of the form/],
  ['a secret cut short', keyOf('alice').slice(0, -1), 401, /No key of this server/],
  ['a secret too long', `${keyOf('alice')}${'1'.repeat(300)}`, 401, /not of the form/],
  ["another's secret", keyOf('bob').replace('bob.', 'alice.'), 401, /No key of this server/],
  ['an unknown id', keyOf('bob').replace('bob.', 'carol.'), 401, /No key of this server/],
  ['the name of a property', keyOf('bob').replace('bob.', '__proto__.'), 401, /No key of this server/],
];

test('keys, good and bad', async (t) => {
  const service = await withKeys(t);
  for (const [name, authorization, status, detail] of HEADERS) {
    const answer = await service.post(scripted('exit'), { authorization });
    assert.equal(answer.status, status, name);
    if (detail === undefined) continue;
    assert.match(answer.body.detail, detail, name);
    assert.equal(answer.headers['www-authenticate'], 'Bearer realm="waggle", error="invalid_token"');
  }
});

test('an unknown id and a wrong secret are answered alike', async (t) => {
  const service = await withKeys(t);
  const bodies = [];
  for (const id of ['alice', 'nobody']) {
    const authorization = `Bearer ${id}.${'x'.repeat(40)}`;
    bodies.push({ ...(await service.post(scripted('exit'), { authorization })).body, requestId: '' });
  }
  assert.deepEqual(bodies[0], bodies[1]);
});

test('each of the two secrets of an id is good', () => {
  const [old, next] = ['o'.repeat(32), 'n'.repeat(32)];
  const keys: readonly ApiKey[] = readApiKeys(`a:${old},a:${next}`);
  const ring = new KeyRing(keys);
  assert.deepEqual(ring.look(`Bearer a.${old}`), { kind: 'known', id: 'a' });
  assert.deepEqual(ring.look(`Bearer a.${next}`), { kind: 'known', id: 'a' });
  assert.deepEqual(ring.look(`Bearer a.${'x'.repeat(32)}`), { kind: 'unknown' });
  assert.deepEqual([ring.isRequired, new KeyRing([]).isRequired], [true, false]);
});

test('the socket takes a key in its header, or a ticket of who has one, whose runs it then sees', async (t) => {
  const { url, api } = await listening(t, { config: { apiKeys: API_KEYS } });
  const headers = { authorization: keyOf('alice') };
  const keyed = await greeted(url, {}, { headers });
  const issued = await api.inject({ method: 'POST', url: '/v1/trace-tickets', headers });
  const ticketed = await greeted(url, {}, { ticket: issued.json().ticket });
  const refused = await connectTrace(url, {});
  assert.deepEqual(await refused.closed, { code: 4401, reason: 'not_authenticated' });
  assert.match((await refused.wait('error')).problem.detail, /needs a key/);
  await assert.rejects(connectTrace(url, { headers: { authorization: 'Bearer a.b' } }), /401/);
  keyed.end();
  ticketed.end();
});

test('a bucket without a key is an IPv4 address, or the network of an IPv6 address', () => {
  for (const [address, bucket] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ] as const) {
    assert.equal(bucketOfAddress(address), bucket);
  }
});
