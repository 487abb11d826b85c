/** The page of the trace protocol tells the truth: its client messages are sent, and what the server says to them is what stands there. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BATCH_FLAGS } from '../../src/contract/step-batch.ts';
import { CLIENT_MESSAGES, CLOSE_CODES, type ServerMessage } from '../../src/contract/trace.ts';
import { assertSays } from '../support/says.ts';
import { connectTrace, type TraceClient } from '../support/trace-client.ts';
import { listening } from '../support/trace-service.ts';

const PAGE = readFileSync('docs/trace-protocol.md', 'utf8');
const BLOCKS = [...PAGE.matchAll(/```(json|hex) (client|server)\n([\s\S]*?)\n```/g)].map(
  ([, kind, side, text]) => ({ kind, side, text: text! }) as const,
);

/** Every type that the server may say: one without an example does not compile. */
const SERVER_TYPES: Readonly<Record<ServerMessage['type'], boolean>> = {
  welcome: true,
  started: true,
  chain: true,
  print: true,
  map: true,
  regions: true,
  code: true,
  steps: true,
  bookmark: true,
  gap: true,
  state: true,
  inspected: true,
  found: true,
  result: true,
  end: true,
  error: true,
  pong: true,
  goaway: true,
  // The server pings by the WebSocket's own frames.
  ping: false,
};

test('the page has an example of every message, and every close code', () => {
  const typesOf = (side: string) =>
    new Set(
      BLOCKS.filter((block) => block.side === side && block.kind === 'json').map(({ text }) => JSON.parse(text).type),
    );
  assert.deepEqual(
    Object.keys(CLIENT_MESSAGES).filter((type) => !typesOf('client').has(type)),
    [],
  );
  assert.deepEqual(
    Object.entries(SERVER_TYPES).filter(([type, shown]) => shown !== typesOf('server').has(type)),
    [],
  );
  const codes = [...PAGE.matchAll(/^\| (\d{4}) \|/gm)].map(([, code]) => Number(code));
  assert.deepEqual(codes, Object.values(CLOSE_CODES));
});

async function makeSandbox(url: string): Promise<string> {
  const answer = await fetch(`${url}/v1/sandboxes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: readFileSync('examples/live-swap.sandbox.json'),
  });
  assert.equal(answer.status, 201);
  return ((await answer.json()) as { id: string }).id;
}

test('what the page says is what happens', async (t) => {
  const service = await listening(t, { worker: null });
  let client: TraceClient | null = null;
  let closed: Promise<void> | null = null;
  let read = 0;
  const opened: TraceClient[] = [];
  for (const { kind, side, text } of BLOCKS) {
    if (kind === 'hex') {
      const whole = () => client!.frames.find((frame) => (frame.readUInt16LE(14) & BATCH_FLAGS.PARTIAL) === 0);
      while (whole() === undefined) await client!.next();
      assert.equal(whole()!.toString('hex', 0, text.length / 2), text);
      continue;
    }
    const message = JSON.parse(text);
    if (side === 'client') {
      if (message.type === 'hello') {
        client = await connectTrace(service.url);
        opened.push(client);
        read = 0;
      }
      // The page cannot know the id of a sandbox; its own is the one of the guide.
      if (message.sandbox !== undefined) message.sandbox = await makeSandbox(service.url);
      client!.say(message);
      continue;
    }
    if (message.type === 'goaway') closed = service.close();
    // The next one of its kind; what stands between has its example elsewhere on the page, and when a batch is told in part is a matter of time.
    const isNext = (one: TraceClient['heard'][number], place: number) =>
      place >= read && one.type === message.type && one.id === message.id && !('partial' in one);
    const next = () => client!.heard.findIndex(isNext);
    while (next() < 0) await client!.next();
    assertSays(message, client!.heard[next()], `${message.type} ${message.id ?? ''}`);
    read = next() + 1;
  }
  assert.notEqual(closed, null);
  await closed;
  for (const one of opened) assert.equal((await one.closed).code, CLOSE_CODES.draining);
});
