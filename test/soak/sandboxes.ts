/**
 * Idle sandboxes of one process: `npm run soak:sandboxes [-- COUNT]` makes COUNT small ones (default 10,000) over HTTP, half of them with
 * a run, and prints the memory of the process. It fails above MOST_BYTES.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { buildService } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { CHAIN, PACKET } from '../support/sandbox-service.ts';

const MOST_BYTES = 1e9;
const AT_ONCE = 32;

const count = Number(process.argv[2] ?? 10_000);
const config = readConfig({
  WAGGLE_PORT: '0',
  WAGGLE_ADMIN_PORT: '0',
  WAGGLE_LOG_LEVEL: 'silent',
  WAGGLE_MAX_REQUESTS_PER_MINUTE: '1000000',
  WAGGLE_QUEUE_LIMIT: '10000',
  WAGGLE_MAX_EVENT_LOOP_DELAY_MS: '60000',
});
const store = new MemoryStore({ quota: config.limits });
const service = await buildService(config, { store });

async function post(url: string, body: unknown): Promise<{ status: number; body: { id: string } }> {
  const answer = await service.api.inject({
    method: 'POST',
    url,
    payload: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  return { status: answer.statusCode, body: answer.json() };
}

async function make(number: number): Promise<void> {
  const made = await post('/v1/sandboxes', { ...CHAIN, ttl: 3600 });
  if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  if (number % 2 === 0) return;
  const ran = await post(`/v1/sandboxes/${made.body.id}/runs`, { entry: 'entry', input: PACKET });
  if (ran.status !== 200) throw new Error(JSON.stringify(ran.body));
}

const begin = performance.now();
let next = 0;
const worker = async (): Promise<void> => {
  while (next < count) await make(next++);
};
await Promise.all(Array.from({ length: AT_ONCE }, worker));
await delay(2_000);
const { rss, heapUsed } = process.memoryUsage();
const seconds = (performance.now() - begin) / 1000;
const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
console.log(
  `${count} idle sandboxes: RSS ${mebibytes(rss)} MiB, heap of the API thread ${mebibytes(heapUsed)} MiB, after ${seconds.toFixed(1)} s`,
);
await service.close();
if (rss > MOST_BYTES) {
  console.error(`more than ${mebibytes(MOST_BYTES)} MiB`);
  process.exitCode = 1;
}
