/** The log is read by operators: no secret stands in it, and nothing that a guest wrote. Many strange requests, then a search. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { NO_ENGINE } from '../support/engine.ts';
import { ALL_SECRETS, API_KEYS, keyOf } from '../support/keys.ts';
import { CHAIN, PACKET } from '../support/sandbox-service.ts';
import { scripted } from '../support/service.ts';
import { connectTrace } from '../support/trace-client.ts';
import { greeted, type ListeningService, listening } from '../support/trace-service.ts';

/** Stands in everything that a guest can write; no log line may hold it. */
const MARK = 'gUeSt7f3a';
const MARK_HEX = Buffer.from(MARK).toString('hex');

const marked = {
  programs: [{ name: MARK, type: 'xdp', asm: `r0 = 2 // ${MARK}\nexit` }],
  maps: [{ name: `${MARK}map`, type: 'array', keySize: 4, valueSize: 12, maxEntries: 1, entries: [] }],
  entry: MARK,
  input: { packet: { text: `${MARK}${'.'.repeat(64)}` } },
};

interface Strange {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

const REQUESTS: readonly Strange[] = [
  { body: marked },
  { body: { ...marked, entry: `${MARK}2` } },
  { body: { ...marked, [MARK]: 1 } },
  { body: { ...marked, programs: [{ name: MARK, type: 'xdp', asm: `r0 = = ${MARK}` }] } },
  { body: { ...marked, programs: [{ name: MARK, type: 'xdp', asm: `call ${MARK}\nexit` }] } },
  { body: { ...marked, programs: [{ name: MARK, type: 'xdp', asm: 'r0 = *(u8 *)(r1 + 4000)\nexit' }], verify: 'off' } },
  { body: { ...marked, object: { elf: { text: `${MARK} is no ELF` } } } },
  { body: `{"${MARK}": ` },
  { body: `{"__proto__": "${MARK}"}` },
  { body: { items: [marked, { entry: MARK }] }, path: '/v1/batches' },
  { body: marked, headers: { prefer: 'respond-async', 'idempotency-key': MARK } },
  {
    body: { ...CHAIN, programs: [{ name: MARK, type: 'xdp', asm: `r0 = 1 // ${MARK}\nexit` }] },
    path: '/v1/sandboxes',
  },
  { body: { spec: marked }, path: '/v1/shares' },
  { body: { name: MARK, type: 'xdp', asm: `r0 = 2 // ${MARK}\nexit` }, path: '/v1/programs' },
  { method: 'GET', path: `/v1/runs/${MARK}` },
  { method: 'GET', path: `/v1/runs/${MARK}/steps?from=${MARK}` },
  { method: 'GET', path: `/v1/sandboxes/${MARK}/maps/${MARK}/entries/${MARK_HEX}` },
  { method: 'DELETE', path: `/v1/shares/${MARK}` },
  { method: 'GET', path: `/${MARK}?${MARK}=${MARK}` },
  { method: 'PUT', path: '/v1/info', body: { [MARK]: MARK } },
  { body: marked, headers: { 'content-type': `text/${MARK}` } },
  { body: marked, headers: { 'content-encoding': MARK } },
  { body: marked, headers: { origin: `https://${MARK}.example` } },
  { body: marked, headers: { 'user-agent': MARK, referer: MARK, cookie: MARK, tracestate: MARK, traceparent: MARK } },
  { body: marked, headers: { 'x-request-id': `${MARK} ${MARK}` } },
  { body: marked, headers: { authorization: `Bearer ${MARK}.${MARK.repeat(5)}` } },
  { body: marked, headers: { authorization: `Bearer alice.${MARK.repeat(5)}` } },
  { body: marked, headers: { authorization: `Basic ${MARK}` } },
];

/** Runs that fail by defects of ours, which are logged with their errors: the scripted worker does as it is told. */
const DEFECTS = ['throw', 'malformed', 'die'];

function searched(lines: readonly Record<string, unknown>[], more: readonly string[]): void {
  const text = lines.map((line) => JSON.stringify(line)).join('\n');
  const hashes = API_KEYS.flatMap(({ hashes: own }) => own.map((hash) => Buffer.from(hash).toString('hex')));
  for (const forbidden of [...ALL_SECRETS, ...hashes, ...more]) {
    const place = text.toLowerCase().indexOf(forbidden.toLowerCase());
    assert.equal(place, -1, `${forbidden}: ${text.slice(Math.max(0, place - 300), place + 100)}`);
  }
}

async function send(
  { url }: ListeningService,
  { method = 'POST', path = '/v1/runs', headers = {}, body }: Strange,
): Promise<number> {
  const answer = await fetch(url + path, {
    method,
    headers: { authorization: keyOf('alice'), 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (answer.status >= 500) assert.match(text, /"code":"(internal|not_implemented)"/);
  return answer.status;
}

async function quarrel(t: TestContext, worker: { readonly worker?: null }) {
  const service = await listening(t, { ...worker, config: { apiKeys: API_KEYS, logLevel: 'trace' } });
  assert.equal(await send(service, REQUESTS[0]!), 200);
  for (const request of REQUESTS.slice(1)) await send(service, request);
  const headers = { authorization: keyOf('alice') };
  const issued = await service.api.inject({ method: 'POST', url: '/v1/trace-tickets', headers });
  const { ticket } = issued.json();
  const client = await greeted(service.url, { encoding: 'json' }, { ticket });
  client.say({ type: 'subscribe', id: MARK, spec: marked });
  client.say({ type: 'subscribe', id: `${MARK}2`, run: MARK });
  client.say({ type: MARK });
  client.sayRaw(MARK);
  await client.closed;
  const refused = await connectTrace(service.url, { ticket: MARK });
  await refused.closed;
  return { service, ticket };
}

test('no secret and no guest text is logged, whatever is asked', { skip: NO_ENGINE }, async (t) => {
  const { service, ticket } = await quarrel(t, { worker: null });
  // The log does speak: of the runs, at the level that tells most.
  assert.ok(service.lines.filter(({ msg }) => msg === 'run').length >= 3, 'runs are logged');
  await service.close();
  searched(service.lines, [MARK, MARK_HEX, ticket]);
});

test('defects are logged with their errors, without what the guest or the client sent', async (t) => {
  const { service, ticket } = await quarrel(t, {});
  for (const entry of DEFECTS) {
    await send(service, { body: scripted(entry, { input: PACKET, maps: [{ name: MARK, type: 'array' }] as never }) });
    await send(service, { body: scripted(entry, { input: { packet: { text: MARK } } }) });
  }
  assert.ok(service.lines.filter(({ err }) => err !== undefined).length >= DEFECTS.length, 'defects are logged');
  searched(service.lines, [MARK, MARK_HEX, ticket]);
});
