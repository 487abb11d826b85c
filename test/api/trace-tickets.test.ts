import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_TICKETS, MAX_TICKETS_PER_PRINCIPAL, TraceTickets } from '../../src/api/trace-tickets.ts';
import { TICKET_LIFE_MS } from '../../src/contract/trace.ts';
import { connectTrace } from '../support/trace-client.ts';
import { greeted, listening } from '../support/trace-service.ts';

const ONE = { tenant: 'one', bucket: 'one' };
const OTHER = { tenant: 'other', bucket: 'other' };

test('a ticket opens one socket, once', async (t) => {
  const { url, api } = await listening(t);
  const answer = await api.inject({ method: 'POST', url: '/v1/trace-tickets' });
  assert.equal(answer.statusCode, 201);
  const { ticket, expiresInMs } = answer.json();
  assert.equal(expiresInMs, TICKET_LIFE_MS);
  const first = await greeted(url, {}, { ticket });
  const second = await connectTrace(url, { ticket });
  assert.deepEqual(await second.closed, { code: 4401, reason: 'not_authenticated' });
  assert.equal((await second.wait('error')).problem.code, 'not_authenticated');
  first.end();
});

test('a ticket tells whose it is, expires, and is good once', () => {
  let now = 0;
  const tickets = new TraceTickets(() => now);
  const [one, other] = [tickets.issue(ONE), tickets.issue(OTHER)];
  assert.notEqual(one, other);
  assert.deepEqual(tickets.redeem(other), OTHER);
  assert.equal(tickets.redeem(other), null);
  now = TICKET_LIFE_MS - 1;
  const late = tickets.issue(ONE);
  now += 1;
  assert.equal(tickets.redeem(one), null);
  assert.deepEqual(tickets.redeem(late), ONE);
  assert.equal(tickets.redeem(''), null);
  assert.equal(tickets.size, 0);
});

test('tickets are bounded: of one principal, of all, and expired ones go', () => {
  let now = 0;
  const tickets = new TraceTickets(() => now);
  const own = Array.from({ length: MAX_TICKETS_PER_PRINCIPAL + 1 }, () => tickets.issue(ONE));
  assert.equal(tickets.size, MAX_TICKETS_PER_PRINCIPAL);
  assert.equal(tickets.redeem(own[0]!), null);
  assert.deepEqual(tickets.redeem(own[1]!), ONE);
  for (let n = 0; n <= MAX_TICKETS; n += 1) tickets.issue({ tenant: 'one', bucket: `principal${n}` });
  assert.equal(tickets.size, MAX_TICKETS);
  assert.equal(tickets.redeem(own[2]!), null);
  now = TICKET_LIFE_MS;
  tickets.issue(ONE);
  assert.equal(tickets.size, 1);
});
