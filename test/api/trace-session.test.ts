import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { WebSocket } from '@fastify/websocket';
import type { FastifyRequest } from 'fastify';
import type { Services } from '../../src/api/services.ts';
import { TraceOutbox } from '../../src/api/trace-outbox.ts';
import { TraceSession } from '../../src/api/trace-session.ts';
import { type Limits, limitsWith } from '../../src/contract/limits.ts';
import { CLOSE_CODES, CLOSE_TIMEOUT_MS, HEARTBEAT_MS, MISSED_PINGS } from '../../src/contract/trace.ts';
import { Metrics } from '../../src/metrics/metrics.ts';

/** A socket whose peer never answers: no write gets done, no pong comes. */
class DeafSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  readonly closed = Promise.withResolvers<number>();
  sent = 0;
  pings = 0;
  terminated = false;

  send(): void {
    this.sent += 1;
  }

  ping(): void {
    this.pings += 1;
  }

  close(code: number): void {
    this.readyState = 2;
    this.closed.resolve(code);
  }

  terminate(): void {
    this.terminated = true;
  }
}

function session(t: TestContext, limits: Partial<Limits> = {}): DeafSocket {
  const socket = new DeafSocket();
  const request = { id: 'r', ip: '127.0.0.1', getValidationFunction: () => () => true };
  const services: Pick<Services, 'limits' | 'metrics'> = { limits: limitsWith(limits), metrics: new Metrics() };
  const outbox = new TraceOutbox(socket as unknown as WebSocket, {
    ...services,
    requestId: request.id,
    log: { info: () => {} },
  });
  new TraceSession({
    socket: socket as unknown as WebSocket,
    outbox,
    request: request as unknown as FastifyRequest,
    services: services as Services,
    principal: { tenant: 'anonymous', bucket: request.ip },
  });
  t.after(() => socket.emit('close', 1006));
  return socket;
}

test('a peer that takes no write is a slow consumer', async (t) => {
  const socket = session(t, { maxTraceStallMs: 20 });
  socket.emit('message', Buffer.from('{"type":"hello"}'), false);
  assert.equal(await socket.closed.promise, CLOSE_CODES.slow_consumer);
});

test('a peer that misses two pings is cut off', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const socket = session(t);
  t.mock.timers.tick(HEARTBEAT_MS * MISSED_PINGS);
  assert.deepEqual([socket.pings, socket.terminated], [MISSED_PINGS, false]);
  socket.emit('pong');
  t.mock.timers.tick(HEARTBEAT_MS * MISSED_PINGS);
  assert.equal(socket.terminated, false);
  t.mock.timers.tick(HEARTBEAT_MS);
  assert.equal(socket.terminated, true);
});

test('a peer that does not answer the close is cut off, and one that closes is not', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const deaf = session(t, { maxTraceSessionMs: 100 });
  const polite = session(t, { maxTraceSessionMs: 100 });
  t.mock.timers.tick(100);
  assert.deepEqual([deaf.readyState, polite.readyState], [2, 2]);
  polite.emit('close', CLOSE_CODES.session_limit);
  t.mock.timers.tick(CLOSE_TIMEOUT_MS);
  assert.deepEqual([deaf.terminated, polite.terminated], [true, false]);
});
