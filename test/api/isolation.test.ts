/**
 * What belongs to one tenant does not exist for another one: each route that names something is asked for what another tenant owns and for
 * what nobody has, and must answer both alike. A route that has no row here fails the test.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PROGRAM_EXAMPLES } from '../../src/api/examples.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { API_KEYS, keyOf, type Tenant } from '../support/keys.ts';
import { CHAIN, PACKET, sandboxService } from '../support/sandbox-service.ts';
import { scripted } from '../support/service.ts';
import { greeted, listening } from '../support/trace-service.ts';

const KEYED = { config: { apiKeys: API_KEYS } };

/** What can belong to somebody; an id that nobody has, for each. */
const NOBODYS = {
  run: '11111111-2222-4333-8444-555555555555',
  batch: '11111111-2222-4333-8444-555555555555',
  sandbox: '11111111-2222-4333-8444-555555555555',
  snapshot: '11111111-2222-4333-8444-555555555555',
  program: `sha256:${'1'.repeat(64)}`,
} as const;

type Thing = keyof typeof NOBODYS;

interface Row {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** The pattern of the OpenAPI document, or an address of one's own when the id stands in the body. */
  readonly route: string;
  readonly thing: Thing;
  /** What stands in the path for the other parameters. */
  readonly path?: Readonly<Record<string, string>>;
  readonly body?: (id: string) => unknown;
  /** For an id in the path: 404. */
  readonly status?: number;
  /** It ends what it names: asked by its owner last. */
  readonly ends?: true;
}

const run = { entry: 'entry', input: PACKET };
const chain = { map: 'chain', index: '0' };
const hits = { map: 'hits', key: '00000000' };

const ROWS: readonly Row[] = [
  { method: 'GET', route: '/v1/runs/{id}', thing: 'run' },
  { method: 'GET', route: '/v1/runs/{id}/steps', thing: 'run' },
  { method: 'GET', route: '/v1/runs/{id}/state', thing: 'run' },
  { method: 'GET', route: '/v1/runs/{id}/events', thing: 'run' },
  { method: 'GET', route: '/v1/runs/{id}/trace.perfetto', thing: 'run' },
  { method: 'DELETE', route: '/v1/runs/{id}', thing: 'run', ends: true },
  { method: 'GET', route: '/v1/batches/{id}', thing: 'batch' },
  { method: 'DELETE', route: '/v1/batches/{id}', thing: 'batch', ends: true },
  { method: 'GET', route: '/v1/programs/{id}', thing: 'program' },
  { method: 'GET', route: '/v1/programs/{id}/disassembly', thing: 'program' },
  { method: 'GET', route: '/v1/programs/{id}/cfg', thing: 'program' },
  { method: 'GET', route: '/v1/programs/{id}/verification', thing: 'program' },
  { method: 'GET', route: '/v1/sandboxes/{id}', thing: 'sandbox' },
  { method: 'PATCH', route: '/v1/sandboxes/{id}', thing: 'sandbox', body: () => ({ ttl: 600 }) },
  { method: 'GET', route: '/v1/sandboxes/{id}/graph', thing: 'sandbox' },
  { method: 'POST', route: '/v1/sandboxes/{id}/runs', thing: 'sandbox', body: () => run },
  {
    method: 'POST',
    route: '/v1/sandboxes/{id}/programs',
    thing: 'sandbox',
    body: () => ({ name: 'late', type: 'xdp', asm: 'r0 = 2\nexit' }),
  },
  { method: 'POST', route: '/v1/sandboxes/{id}/fork', thing: 'sandbox', body: () => ({}) },
  { method: 'POST', route: '/v1/sandboxes/{id}/snapshot', thing: 'sandbox', body: () => ({}) },
  { method: 'GET', route: '/v1/sandboxes/{id}/maps', thing: 'sandbox' },
  { method: 'GET', route: '/v1/sandboxes/{id}/maps/{map}/entries', thing: 'sandbox', path: hits },
  { method: 'GET', route: '/v1/sandboxes/{id}/maps/{map}/entries/{key}', thing: 'sandbox', path: hits },
  {
    method: 'PUT',
    route: '/v1/sandboxes/{id}/maps/{map}/entries/{key}',
    thing: 'sandbox',
    path: hits,
    body: () => ({ value: { hex: '0100000000000000' } }),
  },
  { method: 'DELETE', route: '/v1/sandboxes/{id}/maps/{map}/entries/{key}', thing: 'sandbox', path: hits },
  { method: 'GET', route: '/v1/sandboxes/{id}/maps/{map}/slots', thing: 'sandbox', path: chain },
  { method: 'GET', route: '/v1/sandboxes/{id}/maps/{map}/slots/{index}', thing: 'sandbox', path: chain },
  {
    method: 'PUT',
    route: '/v1/sandboxes/{id}/maps/{map}/slots/{index}',
    thing: 'sandbox',
    path: chain,
    body: () => ({ program: 'drop' }),
  },
  {
    method: 'POST',
    route: '/v1/sandboxes/{id}/maps/{map}/slots/swap',
    thing: 'sandbox',
    path: chain,
    body: () => ({ slots: { '0': 'pass' } }),
  },
  { method: 'DELETE', route: '/v1/sandboxes/{id}/maps/{map}/slots/{index}', thing: 'sandbox', path: chain },
  { method: 'DELETE', route: '/v1/sandboxes/{id}', thing: 'sandbox', ends: true },
  { method: 'DELETE', route: '/v1/snapshots/{id}', thing: 'snapshot', ends: true },
  // The id stands in the body.
  { method: 'POST', route: '/v1/sandboxes', thing: 'snapshot', body: (id) => ({ snapshot: id }) },
  {
    method: 'POST',
    route: '/v1/runs',
    thing: 'program',
    body: (id) => ({ programs: [{ name: 'p', id }], entry: 'p', input: PACKET }),
    status: 422,
  },
  {
    method: 'POST',
    route: '/v1/sandboxes',
    thing: 'program',
    body: (id) => ({ programs: [{ name: 'p', id }] }),
    status: 422,
  },
];

/** Public by design: a share is read by whoever has its id and deleted by whoever has its token; a code of problems is nobody's. */
const PUBLIC_ROUTES = ['GET /v1/shares/{id}', 'DELETE /v1/shares/{id}', 'GET /problems/{code}'];

const pathOf = ({ route, path = {} }: Row, id: string): string =>
  route.replaceAll(/\{([a-z]+)\}/g, (_, name: string) => (name === 'id' ? id : path[name]!));

test("another tenant's things are answered like nobody's, on every route", { skip: NO_ENGINE }, async (t) => {
  const { ask, api } = await sandboxService(t, KEYED);
  const as = (tenant: Tenant, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    ask(method, path, body, { authorization: keyOf(tenant), ...headers });

  const sandbox = (await as('alice', 'POST', '/v1/sandboxes', CHAIN)).body.id;
  const snapshot = (await as('alice', 'POST', `/v1/sandboxes/${sandbox}/snapshot`, {})).body.id;
  const program = (await as('alice', 'POST', '/v1/programs', PROGRAM_EXAMPLES[0])).body.programs[0].id;
  const inline = { programs: [{ name: 'p', type: 'xdp', asm: 'r0 = 2\nexit' }], entry: 'p', input: PACKET };
  const finished = (await as('alice', 'POST', '/v1/runs', inline)).body.id;
  const accepted = await as('alice', 'POST', '/v1/batches', { items: [inline] }, { prefer: 'respond-async' });
  assert.equal(accepted.status, 202, JSON.stringify(accepted.body));
  const own: Record<Thing, string> = { run: finished, batch: accepted.body.id, sandbox, snapshot, program };
  while ((await as('alice', 'GET', `/v1/batches/${own.batch}`)).status === 202) await delay(20);

  const request = async (tenant: Tenant, row: Row, id: string) => {
    const payload = row.body?.(id);
    const response = await api.inject({
      method: row.method,
      url: pathOf(row, id),
      headers: { authorization: keyOf(tenant), 'x-request-id': 'asked' },
      ...(payload === undefined ? {} : { payload: payload as object }),
    });
    return { status: response.statusCode, body: response.body, type: response.headers['content-type'] };
  };
  for (const row of ROWS) {
    const name = `${row.method} ${row.route} (${row.thing})`;
    const others = await request('bob', row, own[row.thing]);
    const nobodys = await request('bob', row, NOBODYS[row.thing]);
    assert.equal(others.status, row.status ?? 404, `${name}: ${others.body}`);
    assert.deepEqual([others.status, others.type], [nobodys.status, nobodys.type], name);
    // Byte for byte, but for the id where an answer repeats it.
    assert.equal(others.body.replaceAll(own[row.thing], 'ID'), nobodys.body.replaceAll(NOBODYS[row.thing], 'ID'), name);
  }
  // The rows are about what there is: its owner is never told that there is nothing.
  for (const row of [...ROWS.filter(({ ends }) => ends !== true), ...ROWS.filter(({ ends }) => ends === true)]) {
    const { status, body } = await request('alice', row, own[row.thing]);
    assert.ok(status !== (row.status ?? 404), `${row.method} ${row.route}: ${status} ${body.slice(0, 300)}`);
  }

  const { paths } = (await api.inject('/openapi.json')).json();
  const named = Object.entries(paths as Record<string, object>)
    .filter(([path]) => path.includes('{'))
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
  const asked = [...ROWS.map(({ method, route }) => `${method} ${route}`), ...PUBLIC_ROUTES];
  assert.deepEqual(
    named.filter((route) => !asked.includes(route)),
    [],
    'routes that no row asks',
  );
});

test("another tenant's running run can be neither seen nor cancelled", async (t) => {
  const { api, url } = await listening(t, KEYED);
  const ask = (tenant: Tenant, method: 'GET' | 'DELETE', path: string) =>
    api.inject({ method, url: path, headers: { authorization: keyOf(tenant) } });
  const accepted = await api.inject({
    method: 'POST',
    url: '/v1/runs',
    headers: { authorization: keyOf('alice'), prefer: 'respond-async' },
    payload: scripted('wait'),
  });
  assert.equal(accepted.statusCode, 202, accepted.body);
  const id: string = accepted.json().id;
  for (const path of [`/v1/runs/${id}`, `/v1/runs/${id}?wait=1s`, `/v1/runs/${id}/steps`, `/v1/runs/${id}/events`]) {
    assert.equal((await ask('bob', 'GET', path)).statusCode, 404, path);
  }
  assert.equal((await ask('bob', 'DELETE', `/v1/runs/${id}`)).statusCode, 404);
  const client = await greeted(url, { encoding: 'json' }, { headers: { authorization: keyOf('bob') } });
  client.say({ type: 'subscribe', id: 'guess', run: id });
  assert.equal((await client.wait('error')).problem.code, 'not_found');
  client.end();
  assert.equal((await ask('alice', 'GET', `/v1/runs/${id}`)).statusCode, 202);
  assert.equal((await ask('alice', 'DELETE', `/v1/runs/${id}`)).statusCode, 202);
});
