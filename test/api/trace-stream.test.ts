/** Steps over the socket: order of the messages, credit, slices, bookmarks, gaps, budget, filter; with scripted replays and with the engine's. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXAMPLES } from '../../src/api/examples.ts';
import type { RunBody } from '../../src/contract/run.ts';
import { BATCH_STEPS } from '../../src/contract/step.ts';
import { BATCH_HEADER_BYTES, BATCH_TYPE } from '../../src/contract/step-batch.ts';
import { SCRIPTED_STEPS } from '../fixtures/workers/scripted-replay.ts';
import { scripted } from '../support/service.ts';
import type { TraceClient } from '../support/trace-client.ts';
import { greeted, heardOf, kindsOf, listening } from '../support/trace-service.ts';

const BATCHES = Math.ceil(SCRIPTED_STEPS / BATCH_STEPS);

/** Whole batches: whether one is told in part before is a matter of time. */
const batchesOf = (client: TraceClient, id: string) =>
  heardOf(client, id).flatMap((message) => (message.type === 'steps' && message.partial !== true ? [message] : []));

/** What the replay's entry does, what is subscribed with, and what is heard behind the result. */
const ENDS: readonly (readonly [string, Record<string, unknown>, readonly string[]])[] = [
  ['again', {}, ['steps', 'end']],
  ['again', { from: SCRIPTED_STEPS }, ['end']],
  ['again', { from: '9999999999999999' }, ['end']],
  ['again', { detail: 'chain' }, ['end']],
  ['replay.problem', {}, ['error', 'end']],
  ['replay.bookmarks', {}, ['bookmark', 'end']],
  ['replay.gap', {}, ['steps', 'gap', 'steps', 'end']],
  ['rejected_verifier', {}, ['end']],
];

test('behind the result come the steps or what is in their place, then the end', async (t) => {
  const service = await listening(t);
  const client = await greeted(service.url);
  for (const [place, [entry, fields, kinds]] of ENDS.entries()) {
    const id = `row${place}`;
    client.say({ type: 'subscribe', id, spec: scripted(entry), detail: 'steps', ...fields });
    await client.wait('end', id);
    const heard = kindsOf(client, id);
    assert.deepEqual(heard.slice(heard.indexOf('result') + 1), kinds, `${entry} ${JSON.stringify(fields)}`);
    // The same run once more, found by its id.
    const { result } = await client.wait('result', id);
    client.say({ type: 'subscribe', id: `found${id}`, run: result.id, detail: 'steps', ...fields });
    await client.wait('end', `found${id}`);
    const again = kindsOf(client, `found${id}`);
    assert.deepEqual(again.slice(again.indexOf('result') + 1), kinds, `${entry} found`);
  }
  client.end();
});

test('a program that the run does not have is refused when its programs are known, whatever the detail', async (t) => {
  const { url } = await listening(t);
  const client = await greeted(url);
  for (const detail of ['chain', 'steps']) {
    const [id, found] = [`new${detail}`, `found${detail}`];
    client.say({ type: 'subscribe', id, spec: scripted('again'), detail, programs: ['again', 'nobody'] });
    await client.wait('end', id);
    const { run } = await client.wait('started', id);
    // The run goes on.
    client.say({ type: 'seek', id, step: 0 });
    await client.wait('state', id);
    client.say({ type: 'subscribe', id: found, run, detail, programs: ['nobody'] });
    await client.wait('end', found);
    for (const one of [id, found]) {
      assert.deepEqual(kindsOf(client, one).slice(0, 3), ['started', 'error', 'end']);
      const { problem } = await client.wait('error', one);
      assert.deepEqual([problem.code, problem.errors?.[0]?.pointer], ['bad_reference', '/programs']);
      assert.match(problem.detail, /'nobody'.*there are: again/);
    }
  }
  client.end();
});

/** Room for kept runs, and why a run has left it. */
const ROOMS: readonly (readonly [number, RegExp])[] = [
  [1, /running it again does not help: raise WAGGLE_MAX_REPLAY_BYTES/],
  [8192, /newer ones needed its room.*Run it again/],
];

test('a run that leaves while its steps are told is gone, with the reason; then comes the end, and the socket lives on', async (t) => {
  for (const [maxReplayBytes, reason] of ROOMS) {
    const service = await listening(t, { limits: { maxReplayBytes } });
    const client = await greeted(service.url);
    client.say({ type: 'subscribe', id: 'a', spec: scripted('again'), detail: 'steps', credit: 0 });
    await client.wait('result', 'a');
    for (let newer = 0; newer < 10; newer += 1) await service.post(scripted('again'));
    client.say({ type: 'credit', id: 'a', bytes: 1000 });
    await client.wait('end', 'a');
    const { problem } = await client.wait('error', 'a');
    assert.deepEqual([problem.code, problem.limit], ['trace_gone', 'maxReplayBytes']);
    assert.match(problem.detail, reason);
    client.say({ type: 'ping' });
    await client.wait('pong');
    client.end();
  }
});

test('a batch that is larger than maxBatchBytes is a gap that says so', async (t) => {
  const { url } = await listening(t, { worker: null });
  const client = await greeted(url, { encoding: 'json', maxBatchBytes: 10 });
  client.say({ type: 'subscribe', id: 'a', spec: EXAMPLES[0]!.body, detail: 'steps' });
  await client.wait('end', 'a');
  assert.equal((await client.wait('gap', 'a')).reason, 'size');
  client.end();
});

test('a thread that is lost in the middle of a stream is a problem of the stream alone', async (t) => {
  const service = await listening(t);
  const client = await greeted(service.url);
  client.say({ type: 'subscribe', id: 'a', spec: scripted('replay.die'), detail: 'steps' });
  await client.wait('end', 'a');
  assert.equal((await client.wait('error', 'a')).problem.code, 'internal');
  client.say({ type: 'subscribe', id: 'b', spec: scripted('again'), detail: 'steps' });
  await client.wait('end', 'b');
  assert.equal(batchesOf(client, 'b').length, BATCHES);
  client.end();
});

test('without credit the result comes and no step; a byte of credit brings a batch, and no thread waits meanwhile', async (t) => {
  const service = await listening(t);
  const client = await greeted(service.url);
  client.say({ type: 'subscribe', id: 'a', spec: scripted('again'), detail: 'steps', credit: 0 });
  await client.wait('result', 'a');
  let debt = 0;
  for (let batches = 0; batches < BATCHES; batches += 1) {
    await service.reaches('pool_busy_threads', 0);
    client.say({ type: 'ping', id: String(batches) });
    await client.wait('pong', String(batches));
    assert.equal(batchesOf(client, 'a').length, batches);
    // A batch may go beyond the credit; that much more is needed for the next one.
    client.say({ type: 'credit', id: 'a', bytes: debt });
    client.say({ type: 'credit', id: 'a', bytes: 1 });
    while (batchesOf(client, 'a').length === batches) await client.next();
    debt = JSON.stringify(batchesOf(client, 'a').at(-1)).length - 1;
  }
  await client.wait('end', 'a');
  assert.deepEqual(
    batchesOf(client, 'a').map(({ first, count }) => [Number(first), count]),
    Array.from({ length: BATCHES }, (_, place) => [
      place * BATCH_STEPS,
      Math.min(BATCH_STEPS, SCRIPTED_STEPS - place * BATCH_STEPS),
    ]),
  );
  assert.equal(await service.metric('trace_steps_total'), SCRIPTED_STEPS);
  client.end();
});

test('credit that is given while the run still runs counts', async (t) => {
  const { url } = await listening(t);
  const client = await greeted(url);
  client.say({ type: 'subscribe', id: 'a', spec: scripted('replay.slow'), detail: 'steps', credit: 0 });
  client.say({ type: 'credit', id: 'a', bytes: 2 ** 20 });
  await client.wait('end', 'a');
  assert.equal(batchesOf(client, 'a').length, BATCHES);
  client.end();
});

test("a stream's bytes are bounded by traceBytes: a gap up to the run's end, then the end", async (t) => {
  const { url } = await listening(t);
  const client = await greeted(url);
  const rows = [
    [0, 0],
    [1, 1],
    [2 ** 26, BATCHES],
  ] as const;
  for (const [traceBytes, batches] of rows) {
    const id = `budget${traceBytes}`;
    client.say({ type: 'subscribe', id, spec: scripted('again', { budgets: { traceBytes } }), detail: 'steps' });
    await client.wait('end', id);
    assert.equal(batchesOf(client, id).length, batches);
    const gaps = heardOf(client, id).filter(({ type }) => type === 'gap');
    const gap = { type: 'gap', id, from: String(batches * BATCH_STEPS), to: String(SCRIPTED_STEPS), reason: 'budget' };
    assert.deepEqual(gaps, batches === BATCHES ? [] : [gap]);
  }
  client.end();
});

test('binary: regions once, whatever the slices, and whole frames', async (t) => {
  const { url } = await listening(t);
  const client = await greeted(url, { encoding: 'binary' });
  client.say({ type: 'subscribe', id: 'a', spec: scripted('again'), detail: 'steps', credit: 1 });
  for (let frames = 0; frames < BATCHES; frames += 1) {
    while (client.frames.length === frames) await client.next();
    client.say({ type: 'credit', id: 'a', bytes: 1000 });
  }
  await client.wait('end', 'a');
  assert.equal(heardOf(client, 'a').filter(({ type }) => type === 'regions').length, 1);
  client.end();
});

test('unsubscribe ends a stream at once', async (t) => {
  const service = await listening(t);
  const client = await greeted(service.url);
  client.say({ type: 'subscribe', id: 'a', spec: scripted('replay.wait'), detail: 'steps' });
  await client.wait('result', 'a');
  client.say({ type: 'unsubscribe', id: 'a' });
  client.say({ type: 'subscribe', id: 'a', spec: scripted('again'), detail: 'chain' });
  await client.wait('end', 'a');
  assert.equal((await client.wait('result', 'a')).result.outcome.code, 'exit');
  await service.reaches('pool_busy_threads', 0);
  client.end();
});

/** A loop of tail calls that all miss: more chain rows than a result keeps. */
const MISSES: RunBody = {
  programs: [
    {
      name: 'misses',
      type: 'raw',
      asm: 'r6 = r1\nr7 = 5000\nagain:\nr1 = r6\nr2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr7 += -1\nif r7 != 0 goto again\nr0 = 0\nexit',
    },
  ],
  maps: [{ name: 'chain', type: 'prog_array', maxEntries: 1 }],
  entry: 'misses',
};

test('chain rows and the result arrive without any credit, for 4,096 rows and more', async (t) => {
  const service = await listening(t, { worker: null });
  const client = await greeted(service.url);
  client.say({ type: 'subscribe', id: 'a', spec: MISSES, detail: 'steps', credit: 0 });
  const { result } = await client.wait('result', 'a');
  assert.equal(result.counters.tailCallMisses.empty, 5000);
  assert.equal(result.chain.length, 4096);
  const rowsOf = (id: string) =>
    heardOf(client, id).flatMap((message) => (message.type === 'chain' ? message.rows : []));
  assert.deepEqual(rowsOf('a'), result.chain);
  client.say({ type: 'subscribe', id: 'found', run: result.id, detail: 'steps', credit: 0 });
  await client.wait('result', 'found');
  assert.deepEqual(rowsOf('found'), result.chain);
  assert.equal(batchesOf(client, 'a').length + batchesOf(client, 'found').length, 0);
  // And all steps, when there is credit: the same as a page of them.
  client.say({ type: 'credit', id: 'a', bytes: 2 ** 20 });
  while (!heardOf(client, 'a').some(({ type }) => type === 'end')) {
    const before = batchesOf(client, 'a').length;
    await client.next();
    if (batchesOf(client, 'a').length > before) client.say({ type: 'credit', id: 'a', bytes: 2 ** 20 });
  }
  const rows = batchesOf(client, 'a').flatMap((batch) => batch.rows);
  assert.equal(rows.length, Number(result.counters.instructions));
  const page = await service.api.inject(`/v1/runs/${result.id}/steps?from=2000&count=1000`);
  assert.deepEqual(rows.slice(2000, 3000), page.json().steps);
  client.end();
});

test('the filter sends the steps of its programs only, and the handle stands in binary batches', async (t) => {
  const { url } = await listening(t, { worker: null });
  const spec = EXAMPLES[0]!.body;
  const [only] = spec.programs!.slice(-1).map(({ name }) => name);
  const json = await greeted(url);
  json.say({ type: 'subscribe', id: 'all', spec, detail: 'steps' });
  await json.wait('end', 'all');
  const { programs } = await json.wait('started', 'all');
  const index = programs.find(({ name }) => name === only)!.index;
  json.say({ type: 'subscribe', id: 'some', spec, detail: 'steps', programs: [only] });
  await json.wait('end', 'some');
  const all = batchesOf(json, 'all').flatMap(({ rows }) => rows);
  const some = batchesOf(json, 'some').flatMap(({ rows }) => rows);
  assert.ok(some.length > 0 && some.length < all.length);
  assert.deepEqual(
    some,
    all.filter(({ program }) => program === index),
  );
  json.end();
  const binary = await greeted(url, { encoding: 'binary' });
  for (const [handle, id] of ['a', 'b'].entries()) {
    binary.frames.length = 0;
    binary.say({ type: 'subscribe', id, spec, detail: 'steps' });
    await binary.wait('end', id);
    const [frame] = binary.frames.slice(-1);
    assert.ok(frame !== undefined && frame.length > BATCH_HEADER_BYTES);
    assert.deepEqual([frame[0], frame.readUInt16LE(2)], [BATCH_TYPE, handle]);
  }
  binary.end();
});
