/** What one tenant uses up, he uses up for himself: each thing is asked for until it is refused, then another tenant asks for it once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { NO_ENGINE } from '../support/engine.ts';
import { API_KEYS, keyOf, type Tenant } from '../support/keys.ts';
import { CHAIN } from '../support/sandbox-service.ts';
import { type BuildOptions, scripted } from '../support/service.ts';
import { type ListeningService, listening } from '../support/trace-service.ts';

/** What was answered; null: nothing yet, since it waits for its turn. */
type Asked = { readonly status: number; readonly limit?: string } | null;

interface Row {
  readonly name: string;
  readonly limit: keyof NonNullable<BuildOptions['limits']>;
  readonly value: number;
  readonly ask: (service: ListeningService, tenant: Tenant) => Promise<Asked>;
  /** It takes the real engine. */
  readonly engine?: true;
}

/** Who waits this long has not been refused, ms. */
const PATIENCE_MS = 500;
/** Nobody needs more than this to use any of it up. */
const MANY = 30;

const headersOf = (tenant: Tenant) => ({ authorization: keyOf(tenant), 'content-type': 'application/json' });

const post =
  (path: string, body: unknown, headers: Record<string, string> = {}) =>
  async ({ url }: ListeningService, tenant: Tenant): Promise<Asked> => {
    const answer = await fetch(url + path, {
      method: 'POST',
      headers: { ...headersOf(tenant), ...headers },
      body: JSON.stringify(body),
    });
    return { status: answer.status, ...((await answer.json()) as object) };
  };

/** Asks, and leaves when there is no answer for a while. */
const postAndWait =
  (path: string, body: unknown) =>
  (service: ListeningService, tenant: Tenant): Promise<Asked> =>
    Promise.race([post(path, body)(service, tenant).catch(() => null), delay(PATIENCE_MS, null)]);

/** Keeps the events of a run that goes on open. */
async function openEvents(service: ListeningService, tenant: Tenant): Promise<Asked> {
  const accepted = await service.api.inject({
    method: 'POST',
    url: '/v1/runs',
    headers: { ...headersOf(tenant), prefer: 'respond-async' },
    payload: scripted('wait', LONG),
  });
  const answer = await fetch(`${service.url}/v1/runs/${accepted.json().id}/events`, { headers: headersOf(tenant) });
  return answer.ok ? { status: answer.status } : { status: answer.status, ...((await answer.json()) as object) };
}

const LONG = { budgets: { wallMs: 60_000 } };

const ROWS: readonly Row[] = [
  { name: 'requests', limit: 'maxRequestsPerMinute', value: 3, ask: post('/v1/runs', scripted('exit')) },
  { name: 'instructions', limit: 'maxInstructionsPerMinute', value: 10, ask: post('/v1/runs', scripted('again')) },
  { name: 'places in the queue', limit: 'queueLimit', value: 8, ask: postAndWait('/v1/runs', scripted('wait', LONG)) },
  {
    name: 'asynchronous runs',
    limit: 'maxAcceptedRuns',
    value: 2,
    ask: post('/v1/runs', scripted('wait', LONG), { prefer: 'respond-async' }),
  },
  { name: 'stored things', limit: 'maxStoredItems', value: 2, ask: post('/v1/shares', { spec: scripted('exit') }) },
  { name: 'streams', limit: 'maxTraceSockets', value: 1, ask: openEvents },
  { name: 'sandboxes', limit: 'maxSandboxes', value: 2, ask: post('/v1/sandboxes', CHAIN), engine: true },
];

for (const { name, limit, value, ask, engine } of ROWS) {
  test(`one tenant uses up his ${name}, and another is served`, { skip: engine ? NO_ENGINE : false }, async (t) => {
    const service = await listening(t, {
      limits: { maxDrainMs: 10, [limit]: value },
      config: { apiKeys: API_KEYS },
      ...(engine ? { worker: null } : {}),
    });
    let refused: Asked = null;
    for (let n = 0; n < MANY; n += 1) {
      refused = await ask(service, 'alice');
      if (refused !== null && refused.status >= 400) break;
    }
    assert.equal(refused?.limit, limit, JSON.stringify(refused));
    const other = await ask(service, 'bob');
    assert.ok(other === null || other.status < 300, JSON.stringify(other));
    // And is not told of the other's need.
    assert.equal(other?.limit, undefined);
  });
}
