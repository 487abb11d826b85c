/** Good manners of the client's requests: aborts, requests that are sent again, streams that are left, addresses with a path. */

import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { WaggleClient } from '../../src/client/client.ts';
import type { BatchLine } from '../../src/contract/batch.ts';
import type { ProblemCode } from '../../src/contract/problem.ts';
import { problemDocument } from '../../src/contract/problem-document.ts';
import { build, scripted } from '../support/service.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** A server that answers by a script, and its address. `count` of the first request is 1. */
async function serverOf(t: TestContext, handle: Handler): Promise<string> {
  let count = 0;
  const server = createServer((request, response) => {
    count += 1;
    handle(request, response, count);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

function refuse(response: ServerResponse, code: ProblemCode, retryAfter?: string): void {
  const document = problemDocument({ code, detail: 'not now' }, 'r');
  const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
  response.writeHead(document.status, { 'content-type': 'application/problem+json', ...headers });
  response.end(JSON.stringify(document));
}

const answer = (response: ServerResponse, body: unknown, status = 200) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

async function linesOf(batch: AsyncIterable<BatchLine>): Promise<BatchLine[]> {
  const lines: BatchLine[] = [];
  for await (const line of batch) lines.push(line);
  return lines;
}

test('a refusal is not tried again, unless the client was asked to', async (t) => {
  const seen: number[] = [];
  const url = await serverOf(t, (_, response, count) => {
    seen.push(count);
    if (count % 3 === 0) answer(response, { id: 's' });
    else refuse(response, 'rate_limited', '0');
  });
  await assert.rejects(new WaggleClient(url).sandboxes.get('s'), { name: 'WaggleError', status: 429 });
  assert.equal((await new WaggleClient(url, { retries: 1 }).sandboxes.get('s')).id, 's');
  await assert.rejects(new WaggleClient(url, { retries: 9 }).sandboxes.get('s', { retries: 1 }), { status: 429 });
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
});

test('bodies are sent again too', async (t) => {
  const bodies: string[] = [];
  const url = await serverOf(t, async (request, response, count) => {
    bodies.push(Buffer.concat(await request.toArray()).toString());
    if (count === 2) response.writeHead(200, { 'content-type': 'application/x-ndjson' }).end('{"index":0}\n');
    else refuse(response, 'overloaded', '0');
  });
  const lines = await linesOf(new WaggleClient(url, { retries: 1 }).batches.run([{ entry: 'e' }]));
  assert.deepEqual([lines, bodies], [[{ index: 0 }], ['{"entry":"e"}', '{"entry":"e"}']]);
});

for (const code of ['not_found', 'answer_timeout', 'internal'] as const) {
  test(`${code} is not tried again: it would be refused again, or happen twice`, async (t) => {
    const seen: number[] = [];
    const url = await serverOf(t, (_, response, count) => {
      seen.push(count);
      refuse(response, code, '0');
    });
    await assert.rejects(new WaggleClient(url, { retries: 3 }).runs.create({ entry: 'e' }), {
      message: `${code}: not now`,
    });
    assert.deepEqual(seen, [1]);
  });
}

test('an abort ends a wait for Retry-After, with its reason', async (t) => {
  const asked = Promise.withResolvers<void>();
  const url = await serverOf(t, (_, response) => {
    refuse(response, 'overloaded', '3600');
    asked.resolve();
  });
  const stop = new AbortController();
  const call = new WaggleClient(url, { retries: 1 }).info.get({ signal: stop.signal });
  void asked.promise.then(() => setTimeout(() => stop.abort(new Error('enough')), 20));
  await assert.rejects(call, { message: 'enough' });
  await assert.rejects(new WaggleClient(url).info.get({ signal: AbortSignal.abort(new Error('at once')) }), {
    message: 'at once',
  });
});

test('an abort ends a run that goes on', async (t) => {
  const service = await build(t);
  await service.api.listen({ host: '127.0.0.1', port: 0 });
  const client = new WaggleClient(service.urls().api);
  const stop = new AbortController();
  const run = client.runs.create(scripted('wait'), { signal: stop.signal });
  const refused = assert.rejects(run, { message: 'enough' });
  await service.busy(1);
  stop.abort(new Error('enough'));
  await refused;
  await service.busy(0);
});

test('who stops reading a batch cancels the rest', async (t) => {
  const service = await build(t, { config: { workers: 2 } });
  await service.api.listen({ host: '127.0.0.1', port: 0 });
  const client = new WaggleClient(service.urls().api);
  for await (const { index } of client.batches.run([scripted('wait'), scripted('exit')])) {
    assert.equal(index, 1);
    break;
  }
  await service.busy(0);
});

test('wait asks until the run has ended, and ends with its signal', async (t) => {
  const urls: (string | undefined)[] = [];
  const url = await serverOf(t, (request, response, count) => {
    urls.push(request.url);
    if (count < 3) answer(response, { id: 'r', state: 'running' }, 202);
    else answer(response, { id: 'r' });
  });
  const client = new WaggleClient(url);
  assert.equal((await client.runs.wait('r')).id, 'r');
  assert.deepEqual(urls, Array(3).fill('/v1/runs/r?wait=30s'));
  assert.equal((await client.runs.get('r', { wait: 2 }))?.id, 'r');
  assert.equal(urls.at(-1), '/v1/runs/r?wait=2s');
  await assert.rejects(client.runs.wait('r', { signal: AbortSignal.abort(new Error('no')) }), { message: 'no' });
});

test('lines are cut where they end, not where chunks end; the last one needs no end', async (t) => {
  const bytes = Buffer.from('{"index":0,"é":1}\n\n{"index":1}');
  const url = await serverOf(t, async (_, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    // One byte a chunk: also letters of two bytes are cut.
    for (const byte of bytes) {
      response.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  });
  const lines = await linesOf(new WaggleClient(url).batches.run([]));
  assert.deepEqual(lines, [{ index: 0, é: 1 }, { index: 1 }]);
});

test('a batch that breaks off is an error, and not a short one', async (t) => {
  const url = await serverOf(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.write('{"index":0}\n', () => response.destroy());
  });
  const indexes: number[] = [];
  await assert.rejects(async () => {
    for await (const { index } of new WaggleClient(url).batches.run([])) indexes.push(index);
  });
  assert.deepEqual(indexes, [0]);
});

test('an address may have a path, ids are escaped, headers go with every request', async (t) => {
  const seen: unknown[] = [];
  const url = await serverOf(t, ({ url: path, headers }, response) => {
    seen.push([path, headers.authorization]);
    answer(response, {});
  });
  const client = new WaggleClient(`${url}/under/`, { headers: { authorization: 'Bearer a.b' } });
  await client.runs.get('a/b?c');
  await client.maps.put('s', 'm', { key: '00', value: '01' }, { mode: 'any' });
  assert.deepEqual(seen, [
    ['/under/v1/runs/a%2Fb%3Fc', 'Bearer a.b'],
    ['/under/v1/sandboxes/s/maps/m/entries/00?mode=any', 'Bearer a.b'],
  ]);
});
