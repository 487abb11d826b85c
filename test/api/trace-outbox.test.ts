/** What waits for a socket: parts, order, room, the two guards against who does not read, and how a close is counted and logged. */

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { WebSocket } from '@fastify/websocket';
import { FRAGMENT_BYTES, STALL_LOOKS, TraceOutbox, WINDOW_BYTES } from '../../src/api/trace-outbox.ts';
import { type Limits, limitsWith } from '../../src/contract/limits.ts';
import { CLOSE_CODES } from '../../src/contract/trace.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { greeted, heardOf, kindsOf, listening } from '../support/trace-service.ts';

interface Part {
  readonly data: string | Uint8Array;
  readonly fin: boolean;
  readonly done: () => void;
}

/** A socket that writes when the test says so. */
class SlowSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  closedWith: number | null = null;
  readonly parts: Part[] = [];
  /** Whole messages, by their length. */
  readonly written: number[] = [];
  #length = 0;

  send(data: string | Uint8Array, { fin }: { fin: boolean }, done: () => void): void {
    this.parts.push({ data, fin, done });
  }

  write(): void {
    const { data, fin, done } = this.parts.shift()!;
    this.#length += data.length;
    if (fin) {
      this.written.push(this.#length);
      this.#length = 0;
    }
    done();
  }

  close(code: number): void {
    this.readyState = 2;
    this.closedWith = code;
  }

  terminate(): void {}
}

function slow(t: TestContext, limits: Partial<Limits> = {}) {
  const socket = new SlowSocket();
  const metrics = new Metrics();
  const lines: unknown[] = [];
  const log = { info: (line: unknown) => void lines.push(line) };
  const options = { limits: limitsWith(limits), metrics, log, requestId: 'r' };
  const outbox = new TraceOutbox(socket as unknown as WebSocket, options);
  t.after(() => socket.emit('close', 1006));
  return { socket, outbox, metrics, lines };
}

const LIMIT = 4 * 1024 * 1024;
const LARGE = new Uint8Array(3 * LIMIT);

test('behind a large message others wait, in their order, and nobody is closed', async (t) => {
  const { socket, outbox } = slow(t, { maxTraceBufferedBytes: LIMIT });
  outbox.sendFrame(LARGE);
  for (let n = 0; n < 100; n += 1) outbox.sendFrame(new Uint8Array(LIMIT / 200));
  assert.equal(socket.closedWith, null);
  assert.equal(socket.parts.length, WINDOW_BYTES / FRAGMENT_BYTES, 'the socket has a window of it');
  while (socket.parts.length > 0) socket.write();
  const others = Array.from({ length: 100 }, () => Math.trunc(LIMIT / 200));
  assert.deepEqual(socket.written, [LARGE.length, ...others]);
});

/** What waits when one more is sent, and whether that is too much. */
const BURDENS: readonly (readonly [string, readonly number[], boolean])[] = [
  ['nothing', [], false],
  ['the limit', [LIMIT / 2, LIMIT / 2], false],
  ['one large message', [3 * LIMIT], false],
  ['a large message and the limit', [3 * LIMIT, LIMIT], false],
  ['a large message and more than the limit', [3 * LIMIT, LIMIT, 1], true],
  ['two large messages', [3 * LIMIT, 3 * LIMIT], true],
];

for (const [name, sizes, isTooMuch] of BURDENS) {
  test(`behind ${name} one more message ${isTooMuch ? 'closes the socket' : 'waits'}`, (t) => {
    const { socket, outbox } = slow(t, { maxTraceBufferedBytes: LIMIT });
    for (const size of sizes) outbox.sendFrame(new Uint8Array(size));
    outbox.send({ type: 'pong' });
    assert.equal(socket.closedWith, isTooMuch ? CLOSE_CODES.slow_consumer : null);
  });
}

test('what is much waits for room, one after the other; who leaves is not waited for', async (t) => {
  const { socket, outbox } = slow(t, { maxTraceBufferedBytes: LIMIT });
  const told: string[] = [];
  const job = (name: string) => () => {
    told.push(name);
    outbox.sendFrame(LARGE);
  };
  const left = new AbortController();
  await outbox.whenRoom(job('a'));
  const jobs = [outbox.whenRoom(job('b')), outbox.whenRoom(job('c'), left.signal), outbox.whenRoom(job('d'))];
  assert.deepEqual(told, ['a']);
  left.abort();
  await jobs[1];
  while (told.length < 2) socket.write();
  assert.deepEqual(told, ['a', 'b']);
  await jobs[0];
  while (socket.parts.length > 0) socket.write();
  await jobs[2];
  assert.deepEqual(told, ['a', 'b', 'd']);
  const forever = outbox.whenRoom(job('e'));
  socket.emit('close', 1006);
  await forever;
  assert.equal(socket.closedWith, null);
});

test('a large message that moves is no stall; a stall is found within a part of its time', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let now = 1000;
  t.mock.method(performance, 'now', () => now);
  const { socket, outbox } = slow(t, { maxTraceStallMs: 800 });
  const pass = (ms: number): void => {
    now += ms;
    t.mock.timers.tick(ms);
  };
  outbox.sendFrame(LARGE);
  for (let part = 0; part < 10; part += 1) {
    pass(700);
    socket.write();
  }
  assert.equal(socket.closedWith, null);
  for (let look = 0; look < STALL_LOOKS; look += 1) {
    assert.equal(socket.closedWith, null);
    pass(800 / STALL_LOOKS);
  }
  pass(800 / STALL_LOOKS);
  assert.equal(socket.closedWith, CLOSE_CODES.slow_consumer);
});

test('a close comes behind what waits; it is counted by our code whatever the peer says, and logged once', async (t) => {
  const { socket, outbox, metrics, lines } = slow(t);
  outbox.sendFrame(LARGE);
  outbox.refuse('bad_message', { code: 'bad_request', detail: 'text of a guest' });
  outbox.close('idle', 'too late');
  while (socket.parts.length > 0) socket.write();
  assert.equal(socket.written.length, 2);
  socket.emit('close', 1006);
  assert.deepEqual(lines, [{ code: 4400, reason: 'bad_message' }]);
  const text = await metrics.scrape({
    threads: 0,
    busy: 0,
    queued: 0,
    oldestSeconds: 0,
    sandboxes: { idle: 0, running: 0, stored: 0 },
  });
  assert.match(text, /trace_closes_total\{code="4400"\} 1/);
  assert.match(text, /trace_closes_total\{code="other"\} 0/);
});

/** A result of 16 MB of hex. */
const MUCH = {
  programs: [{ name: 'e', type: 'raw', asm: 'r1 = a ll\nr0 = 2\nexit' }],
  maps: [{ name: 'a', type: 'array', keySize: 4, valueSize: 1_000_000, maxEntries: 8 }],
  entry: 'e',
  budgets: { memoryBytes: 268_435_456 },
  return: { maps: ['a'] },
};

test('who reads gets results that are larger than what may be unsent, and answers behind them', {
  skip: NO_ENGINE,
}, async (t) => {
  const { url } = await listening(t, { worker: null });
  const client = await greeted(url);
  for (const id of ['a', 'b', 'c']) client.say({ type: 'subscribe', id, spec: MUCH, detail: 'steps' });
  client.say({ type: 'ping', id: 'p' });
  for (const id of ['a', 'b', 'c']) {
    await client.wait('end', id);
    client.say({ type: 'ping', id });
    await client.wait('pong', id);
    const [result] = heardOf(client, id).filter(({ type }) => type === 'result');
    assert.ok(JSON.stringify(result).length > 2 * LIMIT);
    assert.deepEqual(kindsOf(client, id), ['started', 'result', 'steps', 'end', 'pong']);
  }
  client.end();
  assert.equal((await client.closed).code, CLOSE_CODES.done);
});
