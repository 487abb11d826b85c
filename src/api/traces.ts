/** GET /v1/traces: the door of the trace socket. What is wrong before the upgrade is an HTTP problem. */

// For the `websocket` routes that this plugin adds.
import type {} from '@fastify/websocket';
import type { FastifyRequest } from 'fastify';
import { CLOSE_CODES, TRACE_SUBPROTOCOL } from '../contract/trace.ts';
import { ProblemError } from './problem-error.ts';
import type { Api, Services } from './services.ts';
import { TraceSession } from './trace-session.ts';

/** The subprotocols that a client offers. */
function offeredProtocols(request: FastifyRequest): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
}

function checkUpgrade(request: FastifyRequest, allowedOrigins: readonly string[]): void {
  if (!request.ws)
    throw new ProblemError({ code: 'bad_request', detail: 'This address is a WebSocket; connect with an upgrade.' });
  if (!offeredProtocols(request).includes(TRACE_SUBPROTOCOL)) {
    throw new ProblemError({ code: 'bad_request', detail: `Offer the subprotocol ${TRACE_SUBPROTOCOL}.` });
  }
  // Browsers always send Origin; other clients need none.
  const { origin } = request.headers;
  if (origin !== undefined && !allowedOrigins.includes(origin)) {
    throw new ProblemError({ code: 'forbidden', detail: 'WAGGLE_ALLOWED_ORIGINS does not list this origin.' });
  }
}

export function registerTraces(app: Api, services: Services): void {
  const { limits, lifecycle, allowedOrigins } = services;
  const open = new Map<string, number>();
  const sessions = new Map<TraceSession, Promise<void>>();

  lifecycle.onDrain.add(async (deadlineMs) => {
    const closed = [...sessions.values()];
    for (const session of sessions.keys()) session.drain(deadlineMs);
    await Promise.all(closed);
  });

  app.route({
    method: 'GET',
    url: '/v1/traces',
    schema: { hide: true },
    onRequest: async (request) => {
      checkUpgrade(request, allowedOrigins);
      if (lifecycle.draining) throw new ProblemError({ code: 'draining', detail: 'The server is shutting down.' });
    },
    handler: async () => undefined,
    wsHandler: (socket, request) => {
      const principal = request.ip;
      const sockets = open.get(principal) ?? 0;
      if (sockets >= limits.maxTraceSockets) {
        socket.close(CLOSE_CODES.overloaded, `more than maxTraceSockets (${limits.maxTraceSockets})`);
        return;
      }
      open.set(principal, sockets + 1);
      const closed = Promise.withResolvers<void>();
      const session = new TraceSession(socket, request, services);
      sessions.set(session, closed.promise);
      socket.once('close', () => {
        const left = open.get(principal)! - 1;
        if (left === 0) open.delete(principal);
        else open.set(principal, left);
        sessions.delete(session);
        closed.resolve();
      });
    },
  });
}
