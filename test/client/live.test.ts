/** The client's trace against the real service: what a reader gets that does not read, filters, budgets, refusals, cancels, tickets. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WaggleClient } from '../../src/client/client.ts';
import type { Trace } from '../../src/client/trace.ts';
import { BATCH_STEPS } from '../../src/contract/step.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { runBody } from '../support/run-body.ts';
import { count, hop, leave, SAVE } from '../support/tail-call-rows.ts';
import { tracedService } from '../support/traced.ts';

/** Two programs in turn until the limit, with a loop that fills more than a batch each time. */
const TURNS = runBody({
  programs: {
    ping: `${SAVE}${count(0)}r7 = 400\nagain:\nr7 += -1\nif r7 != 0 goto again\n${hop(1)}${leave(1)}`,
    pong: `${SAVE}r7 = 300\nagain:\nr7 += -1\nif r7 != 0 goto again\n${hop(0)}${leave(2)}`,
  },
  maps: { chain: { slots: { 0: 'ping', 1: 'pong' }, maxEntries: 2 }, hits: { type: 'array', maxEntries: 1 } },
});
const ENDLESS = runBody({
  programs: { spin: 'r0 = 0\nagain:\nr0 += 1\nif r0 != 0 goto again\nexit' },
  verify: 'off',
  budgets: { instructions: 10_000_000_000, wallMs: 60_000 },
});
const options = { skip: NO_ENGINE };

async function rowsOf(trace: Trace) {
  const rows = [];
  for await (const row of trace) rows.push(row);
  return rows;
}

test('chain and result come to who reads no step, under a credit of one byte', options, async (t) => {
  const { client } = await tracedService(t);
  await using trace = client.trace({ spec: TURNS, credit: 1 });
  const { chain, outcome } = await trace.result;
  assert.equal(outcome.code, 'exit');
  assert.equal(chain.length, 34);
  assert.deepEqual(trace.chain, chain);
  const { run } = await trace.started;
  await using onlyChain = client.trace({ run, detail: 'chain' });
  assert.deepEqual(await rowsOf(onlyChain), []);
  assert.deepEqual(onlyChain.chain, chain);
});

test('with one byte of credit every step comes, batch by batch', options, async (t) => {
  const { client } = await tracedService(t);
  const { id, counters } = await client.run(TURNS);
  const rows = await rowsOf(client.trace({ run: id, credit: 1 }));
  assert.equal(String(rows.length), counters.instructions);
});

for (const encoding of ['binary', 'json'] as const) {
  test(`${encoding}: a filter gives the steps of its programs, with their numbers`, options, async (t) => {
    const { client } = await tracedService(t);
    const { id } = await client.run(TURNS);
    const all = await rowsOf(client.trace({ run: id, encoding }));
    const pong = await rowsOf(client.trace({ run: id, encoding, programs: ['pong'], from: BATCH_STEPS + 3 }));
    assert.deepEqual(
      pong,
      all.filter((row) => row.program === 1 && Number(row.step) >= BATCH_STEPS + 3),
    );
    assert.ok(pong.length > BATCH_STEPS);
  });
}

test('steps beyond the budget of bytes are a gap', options, async (t) => {
  const { client } = await tracedService(t);
  const trace = client.trace({ spec: { ...TURNS, budgets: { traceBytes: 20_000 } } });
  const rows = await rowsOf(trace);
  const { counters } = await trace.result;
  assert.ok(rows.length > 0 && rows.length < Number(counters.instructions));
  assert.deepEqual(trace.gaps, [{ from: String(rows.length), to: counters.instructions, reason: 'budget' }]);
});

test(
  'what the service refuses: no such run, a body that does not fit, a program that is not there',
  options,
  async (t) => {
    const { client } = await tracedService(t);
    await assert.rejects(rowsOf(client.trace({ run: 'nobody' })), (error: unknown) => {
      const { name, code, problem } = error as { name: string; code: number; problem: { code: string } };
      assert.deepEqual([name, code, problem.code], ['TraceClosedError', 4404, 'not_found']);
      return true;
    });
    const refused = { name: 'WaggleError', message: /^schema_violation: / };
    await assert.rejects(rowsOf(client.trace({ spec: { entry: '!' } })), refused);
    const { id } = await client.run(TURNS);
    const absent = { name: 'WaggleError', message: /^bad_reference: .*absent/ };
    await assert.rejects(rowsOf(client.trace({ run: id, programs: ['absent'] })), absent);
  },
);

test('what no question may hold is refused before it is sent, and others are answered', options, async (t) => {
  const { client } = await tracedService(t);
  const { id: run } = await client.run(TURNS);
  await using trace = client.trace({ run, detail: 'chain' });
  const wrong = [
    trace.seek(1.5),
    trace.seek(-1),
    trace.seek(0, 4097),
    trace.inspect(Number.NaN, 'stack'),
    trace.inspect(0, 'everything'),
    trace.inspect(0, 'stack', { start: 0.5 }),
    trace.inspect(0, 'stack', { count: -1 }),
    trace.runTo({ tailCall: true }, 2 ** 53),
    trace.runTo({ program: 'ping', pc: -1 }, 0),
  ];
  for (const [place, question] of wrong.entries()) {
    await assert.rejects(question, { name: 'RangeError' }, `question ${place}`);
  }
  assert.equal((await trace.seek(5)).step, '5');
  assert.throws(() => client.trace({ run, from: 0.5 }), { name: 'RangeError' });
});

test('a trace has one reader: a second one is refused, and the first reads on', options, async (t) => {
  const { client } = await tracedService(t);
  const { id: run, counters } = await client.run(TURNS);
  await using trace = client.trace({ run });
  const [first, second] = await Promise.allSettled([rowsOf(trace), rowsOf(trace)]);
  assert.ok(first.status === 'fulfilled');
  assert.equal(String(first.value.length), counters.instructions);
  assert.match(second.status === 'rejected' ? String(second.reason) : 'read', /one reader/);
});

test('a run that is refused has a result and no steps', options, async (t) => {
  const { client } = await tracedService(t);
  const trace = client.trace({ spec: runBody({ programs: { entry: 'r0 = 0' } }) });
  assert.deepEqual(await rowsOf(trace), []);
  assert.equal((await trace.result).outcome.code, 'rejected_verifier');
  const { rejection } = await trace.result;
  assert.match(String(rejection?.message), /^.{10}/);
  const message = `the run did not begin: rejected_verifier: ${rejection?.message}`;
  await assert.rejects(trace.started, { message });
  await assert.rejects(trace.seek(0), { message });
});

test('cancel ends a run', options, async (t) => {
  const { client } = await tracedService(t);
  await using trace = client.trace({ spec: ENDLESS, detail: 'chain' });
  trace.cancel();
  assert.equal((await trace.result).outcome.code, 'cancelled');
});

test('a closed trace leaves its run alone', options, async (t) => {
  const { client } = await tracedService(t);
  const trace = client.trace({ spec: ENDLESS, detail: 'chain' });
  const { run } = await trace.started;
  trace.close();
  await using other = client.trace({ run, detail: 'chain' });
  other.cancel();
  assert.equal((await other.result).outcome.code, 'cancelled');
});

test('many short traces, one after the other, beside the limit of open sockets', options, async (t) => {
  const { client } = await tracedService(t, { limits: { maxTraceSockets: 2 } });
  const { id } = await client.run(TURNS);
  for (let trace = 0; trace < 12; trace++) {
    for await (const { step } of client.trace({ run: id })) {
      assert.equal(step, '0');
      break;
    }
  }
});

test('with tickets', options, async (t) => {
  const { url } = await tracedService(t);
  const client = new WaggleClient(url, { tickets: true });
  const rows = await rowsOf(client.trace({ spec: TURNS }));
  assert.ok(rows.length > BATCH_STEPS);
});
