/** Single-use tickets for the trace socket: a browser cannot send headers with an upgrade, but it can put a ticket into the address. */

import { randomBytes } from 'node:crypto';
import { Type } from 'typebox';
import { closed } from '../contract/schema.ts';
import { TICKET_LIFE_MS } from '../contract/trace.ts';
import { type Principal, principalOf } from './principal.ts';
import type { Api } from './services.ts';

/** Unused tickets that one principal may have, and all together; with one more the oldest is forgotten. */
export const MAX_TICKETS_PER_PRINCIPAL = 32;
export const MAX_TICKETS = 8192;
const TICKET_BYTES = 32;

interface Ticket {
  readonly principal: Principal;
  /** performance.now(), ms. */
  readonly until: number;
}

export class TraceTickets {
  /** In the order of their issue, so the first ones expire first. */
  readonly #tickets = new Map<string, Ticket>();
  /** The tickets of each bucket, in the same order. */
  readonly #own = new Map<string, Set<string>>();
  readonly #now: () => number;

  /** @param now milliseconds, as performance.now() */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Tickets that have not been used, expired ones that nobody has asked for included. */
  get size(): number {
    return this.#tickets.size;
  }

  issue(principal: Principal): string {
    const now = this.#now();
    for (const [text, { until }] of this.#tickets) {
      if (until > now && this.#tickets.size < MAX_TICKETS) break;
      this.#take(text);
    }
    const own = this.#own.get(principal.bucket);
    if (own !== undefined && own.size >= MAX_TICKETS_PER_PRINCIPAL) this.#take(own.values().next().value!);
    const text = randomBytes(TICKET_BYTES).toString('base64url');
    this.#tickets.set(text, { principal, until: now + TICKET_LIFE_MS });
    this.#own.set(principal.bucket, (this.#own.get(principal.bucket) ?? new Set()).add(text));
    return text;
  }

  /** Uses a ticket up: whose it was, or null when it is unknown, used or expired. */
  redeem(text: string): Principal | null {
    const ticket = this.#take(text);
    return ticket !== undefined && ticket.until > this.#now() ? ticket.principal : null;
  }

  #take(text: string): Ticket | undefined {
    const ticket = this.#tickets.get(text);
    if (ticket === undefined) return undefined;
    this.#tickets.delete(text);
    const own = this.#own.get(ticket.principal.bucket);
    own?.delete(text);
    if (own?.size === 0) this.#own.delete(ticket.principal.bucket);
    return ticket;
  }
}

const IssuedTicket = Type.Object(
  {
    ticket: Type.String({ description: 'For /v1/traces?ticket=…, once' }),
    expiresInMs: Type.Integer(),
  },
  closed,
);

export function registerTraceTickets(app: Api, tickets: TraceTickets): void {
  app.post(
    '/v1/trace-tickets',
    {
      schema: {
        operationId: 'createTraceTicket',
        summary: 'A ticket that opens the trace socket once',
        tags: ['traces'],
        response: { 201: IssuedTicket },
      },
    },
    async (request, reply) =>
      reply.code(201).send({ ticket: tickets.issue(principalOf(request)), expiresInMs: TICKET_LIFE_MS }),
  );
}
