/** Whatever a client sends, its socket answers or closes with one of the stated codes, and the service goes on. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CLOSE_CODES } from '../../src/contract/trace.ts';
import { scripted } from '../support/service.ts';
import { connectTrace } from '../support/trace-client.ts';
import { listening } from '../support/trace-service.ts';

const HELLO = { type: 'hello', encoding: 'json', maxBatchBytes: 100_000 };
const VALID = [
  HELLO,
  { type: 'subscribe', id: 'a', spec: scripted('again'), detail: 'steps', from: 3, credit: 5000, programs: ['again'] },
  { type: 'subscribe', id: 'b', run: 'x', detail: 'chain' },
  { type: 'credit', id: 'a', bytes: 1000 },
  { type: 'seek', id: 'a', step: '5', count: 3 },
  { type: 'inspect', id: 'a', step: 5, what: 'map:hits', start: 0, count: 2 },
  { type: 'runTo', id: 'a', from: 0, until: { tailCall: true }, direction: 'back' },
  { type: 'cancel', id: 'a' },
  { type: 'unsubscribe', id: 'a' },
  { type: 'ping', id: 'p' },
  { type: 'pong' },
] as const;

const anyJson = fc.jsonValue({ maxDepth: 3 });
/** A message that is right, or has one field that is not. */
const nearMessage = fc.constantFrom(...VALID).chain((message) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(message as Record<string, unknown>) },
    fc
      .tuple(fc.constantFrom(...Object.keys(message), 'extra'), anyJson)
      .map(([field, value]) => ({ ...message, [field]: value })),
    fc
      .constantFrom(...Object.keys(message))
      .map((field) => Object.fromEntries(Object.entries(message).filter(([name]) => name !== field))),
  ),
);
const frame = fc.oneof(
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  fc.string({ maxLength: 64 }),
  anyJson.map((value) => JSON.stringify(value)),
  { weight: 6, arbitrary: nearMessage.map((value) => JSON.stringify(value)) },
);
/** Most begin as they must. */
const conversation = fc
  .tuple(fc.boolean(), fc.array(frame, { minLength: 1, maxLength: 12 }))
  .map(([polite, frames]) => (polite ? [JSON.stringify(HELLO), ...frames] : frames));

const said = (...messages: readonly object[]): [string[]] => [
  [HELLO, ...messages].map((message) => JSON.stringify(message)),
];
/** One conversation for each way to end, beside the random ones. */
const KNOWN: [(string | Buffer)[]][] = [
  said(),
  said({ type: 'nothing' }),
  said({ type: 'subscribe', id: 'b', run: 'x' }),
  said(...Array.from({ length: 2 }, () => ({ type: 'subscribe', id: 'a', spec: scripted('slow') }))),
];

test('fuzzed frames: an answer or a stated close code, and nothing left', async (t) => {
  const service = await listening(t, { limits: { maxTraceSockets: 100, maxTraceHelloMs: 500 } });
  const stated = new Set<number>(Object.values(CLOSE_CODES));
  const seen = new Set<number>();
  await fc.assert(
    fc.asyncProperty(conversation, async (frames) => {
      const client = await connectTrace(service.url);
      for (const one of frames) client.sayRaw(one);
      client.say({ type: 'ping', id: 'last' });
      await Promise.race([client.wait('pong', 'last').catch(() => undefined), client.closed]);
      client.end();
      const { code } = await client.closed;
      seen.add(code);
      assert.ok(stated.has(code), `closed with ${code}`);
      assert.notEqual(code, CLOSE_CODES.internal, JSON.stringify(client.heard));
    }),
    { numRuns: 300, examples: KNOWN },
  );
  for (const code of [1000, 4400, 4404, 4409]) assert.ok(seen.has(code), `none was closed with ${code}`);
  await service.reaches('trace_connections', 0);
  await service.reaches('pool_busy_threads', 0);
  await service.reaches('pool_queue_size', 0);
  assert.deepEqual(
    service.lines.filter(({ level }) => Number(level) >= 50),
    [],
  );
  assert.equal((await service.post(scripted('exit'))).status, 200);
});
