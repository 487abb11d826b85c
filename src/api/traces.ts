/** GET /v1/traces: the door of the trace socket. What a client can read as an HTTP answer is one; the rest closes with its code. */

// For the `websocket` routes that this plugin adds.
import type { WebSocket } from '@fastify/websocket';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { type CloseReason, TRACE_SUBPROTOCOL } from '../contract/trace.ts';
import type { Principal } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import type { Api, Services } from './services.ts';
import { TraceOutbox } from './trace-outbox.ts';
import { TraceSession } from './trace-session.ts';
import { registerTraceTickets, TraceTickets } from './trace-tickets.ts';

/** What else stands in the query is left alone. */
const TicketQuery = Type.Object({
  ticket: Type.Optional(Type.String({ description: 'From POST /v1/trace-tickets, in place of a key' })),
});

/** The subprotocols that a client offers. */
function offeredProtocols(request: FastifyRequest): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
}

/** What is wrong before there is a socket. Throws ProblemError. */
function checkUpgrade(request: FastifyRequest): void {
  if (!request.ws) {
    throw new ProblemError({ code: 'bad_request', detail: 'This address is a WebSocket; connect with an upgrade.' });
  }
  if (!offeredProtocols(request).includes(TRACE_SUBPROTOCOL)) {
    throw new ProblemError({ code: 'bad_request', detail: `Offer the subprotocol ${TRACE_SUBPROTOCOL}.` });
  }
}

/**
 * An error on an open socket. The peer's own (too large a frame, bytes that are no frame, a cut) carries a code of ws or of the system: its
 * close tells it, and it is no defect of ours.
 */
export function handleSocketError(error: Error, socket: WebSocket, request: FastifyRequest): void {
  if ('code' in error) {
    request.log.debug({ err: error }, 'a trace socket broke off');
    return;
  }
  request.log.error({ err: error }, 'a trace socket failed by a defect');
  socket.terminate();
}

interface Guest {
  readonly principal: Principal;
}
interface Turned {
  readonly reason: CloseReason;
  readonly problem: ProblemError['problem'];
}

/** Who comes in, or why not. A browser cannot read the HTTP status of a refused upgrade, so it is told by the close. */
function admit(request: FastifyRequest, allowedOrigins: readonly string[], tickets: TraceTickets): Guest | Turned {
  // Browsers always send Origin; other clients need none.
  const { origin } = request.headers;
  if (origin !== undefined && !allowedOrigins.includes(origin)) {
    const detail = 'WAGGLE_ALLOWED_ORIGINS does not list this origin.';
    return { reason: 'forbidden', problem: { code: 'forbidden', detail } };
  }
  const { principal: keyed } = request;
  const ticket = new URL(request.url, 'http://localhost').searchParams.get('ticket');
  if (ticket === null && keyed !== null) return { principal: keyed };
  if (ticket === null) {
    const detail =
      'This server needs a key: send Authorization: Bearer <id>.<secret>, or a ticket of POST /v1/trace-tickets.';
    return { reason: 'not_authenticated', problem: { code: 'not_authenticated', detail } };
  }
  const principal = tickets.redeem(ticket);
  if (principal !== null) return { principal };
  const detail = 'This ticket is unknown, used or expired; get one with POST /v1/trace-tickets.';
  return { reason: 'not_authenticated', problem: { code: 'not_authenticated', detail } };
}

export function registerTraces(app: Api, services: Services): void {
  const { limits, lifecycle, allowedOrigins, metrics } = services;
  const open = new Map<string, number>();
  const sessions = new Map<TraceSession, Promise<void>>();
  const tickets = new TraceTickets();
  registerTraceTickets(app, tickets);

  lifecycle.onDrain.add(async (deadlineMs) => {
    const closed = [...sessions.values()];
    for (const session of sessions.keys()) session.drain(deadlineMs);
    await Promise.all(closed);
  });

  function welcome(socket: WebSocket, request: FastifyRequest): void {
    const log = request.log.child({ client: request.ip });
    const outbox = new TraceOutbox(socket, { limits, metrics, log, requestId: request.id });
    const guest = admit(request, allowedOrigins, tickets);
    if ('reason' in guest) {
      outbox.refuse(guest.reason, guest.problem);
      return;
    }
    const { principal } = guest;
    const sockets = open.get(principal.bucket) ?? 0;
    if (sockets >= limits.maxTraceSockets) {
      outbox.close('overloaded', `more than maxTraceSockets (${limits.maxTraceSockets})`);
      return;
    }
    open.set(principal.bucket, sockets + 1);
    const closed = Promise.withResolvers<void>();
    const session = new TraceSession({ socket, outbox, request, services, principal });
    sessions.set(session, closed.promise);
    socket.once('close', () => {
      const left = open.get(principal.bucket)! - 1;
      if (left === 0) open.delete(principal.bucket);
      else open.set(principal.bucket, left);
      sessions.delete(session);
      closed.resolve();
    });
  }

  app.route({
    method: 'GET',
    url: '/v1/traces',
    schema: {
      operationId: 'openTraceSocket',
      summary: 'The trace socket (a WebSocket)',
      description: `Subprotocol ${TRACE_SUBPROTOCOL}: every step of runs while they go on, with questions about them; see docs/trace-protocol.md.`,
      tags: ['traces'],
      querystring: TicketQuery,
      response: { 101: Type.Null({ description: 'The socket is open' }) },
    },
    config: { problems: ['draining'] },
    onRequest: async (request) => {
      checkUpgrade(request);
      if (lifecycle.draining) throw new ProblemError({ code: 'draining', detail: 'The server is shutting down.' });
    },
    handler: async () => undefined,
    wsHandler: welcome,
  });
}
