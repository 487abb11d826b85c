/** A thousand slow and half-open connections at once: all end by limits with names, nobody else notices. */

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { scripted } from '../support/service.ts';
import { openSlowly, SLOW_KINDS } from '../support/slow-connections.ts';
import { listening } from '../support/trace-service.ts';

const CONNECTIONS = 1_000;
const MOST_GROWTH_BYTES = 256 * 1024 * 1024;
const LIMITS = {
  maxHeadersMs: 1_500,
  maxRequestMs: 2_000,
  keepAliveMs: 1_000,
  maxTraceHelloMs: 1_000,
  maxTraceSockets: 10_000,
};

test('slow and half-open connections end by limits, and other clients are served meanwhile', {
  timeout: 120_000,
}, async (t) => {
  const service = await listening(t, { limits: LIMITS });
  const run = async (): Promise<number> => {
    const body = JSON.stringify(scripted('exit'));
    const headers = { 'content-type': 'application/json' };
    return (await fetch(`${service.url}/v1/runs`, { method: 'POST', headers, body })).status;
  };
  assert.equal(await run(), 200);
  const before = process.memoryUsage.rss();
  const slow = Array.from({ length: CONNECTIONS }, (_, n) =>
    openSlowly(service.url, SLOW_KINDS[n % SLOW_KINDS.length]!),
  );
  await Promise.all(slow.map(({ opened }) => opened));
  let ended = 0;
  for (const { closed } of slow) void closed.then(() => (ended += 1));
  let served = 0;
  while (ended < CONNECTIONS) {
    assert.equal(await run(), 200);
    served += 1;
  }
  t.diagnostic(`${served} runs of another client while ${CONNECTIONS} connections were slow`);
  assert.ok(served >= 10, String(served));
  const growth = process.memoryUsage.rss() - before;
  assert.ok(growth < MOST_GROWTH_BYTES, `${growth} bytes`);
  assert.deepEqual(
    service.lines.filter(({ level }) => Number(level) >= 50),
    [],
    'no defects in the log',
  );
});

test('what is refused for its slowness is told so, when it listens', async (t) => {
  const { url } = await listening(t, { limits: LIMITS });
  const kind = SLOW_KINDS.find(({ name }) => name === 'a body that does not come')!;
  const { socket, closed } = openSlowly(url, kind);
  let heard = '';
  socket.on('data', (chunk) => {
    heard += String(chunk);
  });
  await closed;
  assert.match(heard, /^HTTP\/1\.1 408 Request Timeout\r\n/);
  assert.match(heard, /"code":"request_timeout".*"limit":"maxRequestMs"/);
});

test('past maxConnections a connection is closed at once, and there is room again when one leaves', async (t) => {
  const { url, api } = await listening(t, { limits: { maxConnections: 3, keepAliveMs: 60_000 } });
  const { hostname, port } = new URL(url);
  const open = async () => {
    const socket = connect(Number(port), hostname).on('error', () => {});
    const answer = new Promise<boolean>((resolve) => {
      socket.once('data', () => resolve(true));
      socket.once('close', () => resolve(false));
    });
    socket.write('GET /livez HTTP/1.1\r\nHost: waggle\r\n\r\n');
    return { socket, served: await answer };
  };
  const first = [await open(), await open(), await open()];
  assert.deepEqual(
    first.map(({ served }) => served),
    [true, true, true],
  );
  assert.equal((await open()).served, false);
  first[0]!.socket.destroy();
  const connections = () =>
    new Promise<number>((resolve, reject) => {
      api.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    });
  while ((await connections()) >= 3) await delay(10);
  const again = await open();
  assert.equal(again.served, true);
  for (const { socket } of [...first, again]) socket.destroy();
});
