/** Step batches as a run thread makes them: the grid, slices, credit, filters, what goes in front of them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitsWith } from '../../src/contract/limits.ts';
import { BATCH_STEPS, type StepRow } from '../../src/contract/step.ts';
import { BATCH_FLAGS, BATCH_HEADER_BYTES } from '../../src/contract/step-batch.ts';
import { CODE_PAGES, REPLAY_CONTROL, type StepMessage } from '../../src/contract/task.ts';
import { PARTIAL_AFTER_MS } from '../../src/contract/trace.ts';
import { Engine } from '../../src/pipeline/engine.ts';
import { withReplay } from '../../src/pipeline/replay.ts';
import { Resources } from '../../src/pipeline/resources.ts';
import { StepStream } from '../../src/pipeline/step-stream.ts';
import { type RunDescription, runSpec } from '../support/engine-run.ts';
import { replayOf } from '../support/replayed.ts';
import { newControl, replayTask, STREAM, sourceOf, streamAll } from '../support/step-streams.ts';
import { count, hop, leave, SAVE } from '../support/tail-call-rows.ts';

/** Two programs that hop to each other until the limit, count, loop, and update a hash. */
const PAIR: RunDescription = {
  programs: {
    ping: `${SAVE}${count(0)}r7 = 40\nagain:\n*(u64 *)(r10 - 16) = r7\nr7 += -1\nif r7 != 0 goto again\n${hop(1)}${leave(1)}`,
    pong: `${SAVE}r1 = seen ll
r2 = r10
r2 += -8
*(u64 *)(r10 - 8) = 5
r3 = r2
r4 = 0
call map_update_elem
r1 = r10
r1 += -24
call sub
${hop(0)}${leave(2)}sub:
*(u64 *)(r1 + 0) = 9
r0 = *(u64 *)(r1 + 0)
exit`,
  },
  maps: {
    chain: { slots: { 0: 'ping', 1: 'pong' }, maxEntries: 2 },
    hits: { type: 'array', maxEntries: 1 },
    seen: { type: 'hash', keySize: 8, maxEntries: 4 },
  },
};

const SPEC = runSpec(PAIR);
const SOURCE = sourceOf(SPEC);
const ROWS = replayOf(SPEC).rows;
const ENCODINGS = ['binary', 'json'] as const;

const rowsOf = (frames: readonly (Uint8Array | string)[]): StepRow[] =>
  frames.flatMap((frame) => (JSON.parse(frame as string) as { rows: StepRow[] }).rows);

test('the run is long enough to say something', () => {
  assert.ok(ROWS.length > 4 * BATCH_STEPS && ROWS.length % BATCH_STEPS !== 0, `${ROWS.length} steps`);
  assert.equal(SOURCE.steps, ROWS.length);
});

for (const encoding of ENCODINGS) {
  test(`${encoding}: batches lie on the grid, and slices change nothing`, () => {
    const { whole, slices } = streamAll(SOURCE, { encoding });
    assert.equal(slices, 1);
    assert.deepEqual(
      whole.map(({ first, next }) => [first, next]),
      Array.from({ length: Math.ceil(ROWS.length / BATCH_STEPS) }, (_, place) => [
        place * BATCH_STEPS,
        Math.min((place + 1) * BATCH_STEPS, ROWS.length),
      ]),
    );
    // With a credit of one byte each slice sends one batch.
    const sliced = streamAll(SOURCE, { encoding }, 1);
    assert.equal(sliced.slices, whole.length);
    assert.deepEqual(sliced.whole, whole);
    for (const from of [1, BATCH_STEPS - 1, BATCH_STEPS, 2 * BATCH_STEPS + 77, ROWS.length - 1]) {
      const place = Math.floor(from / BATCH_STEPS);
      assert.deepEqual(streamAll(SOURCE, { encoding, from }).whole, whole.slice(place), `from ${from}`);
    }
    assert.deepEqual(streamAll(SOURCE, { encoding, from: ROWS.length }).messages, []);
  });

  test(`${encoding}: a filter leaves rows out, and says where it found none`, () => {
    const found = ['ping', 'pong'].map((name) => streamAll(SOURCE, { encoding, programs: [name] }));
    const counts = found.map(({ whole }) => whole.reduce((sum, batch) => sum + batch.count, 0));
    assert.deepEqual(
      counts,
      [0, 1].map((program) => ROWS.filter((row) => row.program === program).length),
    );
    const nobody = streamAll(SOURCE, { encoding, programs: ['absent'] });
    assert.deepEqual(nobody.batches, []);
    assert.deepEqual(
      nobody.messages.flatMap((message) => (message.type === 'bookmark' ? [message.step] : [])),
      streamAll(SOURCE, { encoding }).whole.map(({ next }) => next),
    );
  });

  test(`${encoding}: a batch beyond maxBatchBytes is a gap`, () => {
    const { messages, batches } = streamAll(SOURCE, { encoding, maxBatchBytes: 100 });
    assert.deepEqual(batches, []);
    const gaps = messages.filter((message) => message.type === 'gap');
    assert.equal(gaps.length, Math.ceil(ROWS.length / BATCH_STEPS));
    assert.deepEqual(gaps[1], { type: 'gap', from: BATCH_STEPS, to: 2 * BATCH_STEPS });
  });

  test(`${encoding}: what is late is told in part, and whole later`, () => {
    // A clock that has always moved on by more than the time after which steps are told.
    let clock = 0;
    const said: StepMessage[] = [];
    const port = { postMessage: (message: unknown) => void said.push(message as StepMessage) };
    const replayed = { spec: SPEC, limits: limitsWith(), slotLog: [], end: SOURCE.steps };
    const now = () => {
      clock += PARTIAL_AFTER_MS;
      return clock;
    };
    const streams: StepStream[] = [];
    withReplay(
      new Resources(),
      replayed,
      Number.POSITIVE_INFINITY,
      {},
      (replaying) => {
        const stream = new StepStream(replaying, { ...STREAM, encoding }, port, newControl(), now);
        streams.push(stream);
        return stream;
      },
      (_, start) => {
        start();
        streams[0]!.end(SOURCE.steps);
      },
    );
    const batches = said.filter((message) => message.type === 'batch');
    const parts = batches.filter((batch) => batch.partial);
    assert.ok(parts.length > 0);
    assert.deepEqual(
      batches.filter((batch) => !batch.partial),
      streamAll(SOURCE, { encoding }).whole,
    );
    for (const part of parts) {
      const whole = batches.find((batch) => !batch.partial && batch.first === part.first)!;
      assert.ok(batches.indexOf(whole) > batches.indexOf(part) && whole.count >= part.count);
      if (encoding === 'binary') assert.equal((part.frame as Uint8Array)[BATCH_HEADER_BYTES - 2], BATCH_FLAGS.PARTIAL);
      else {
        const json = JSON.parse(part.frame as string) as { partial: true; rows: StepRow[] };
        assert.equal(json.partial, true);
        assert.deepEqual(json.rows, rowsOf([whole.frame]).slice(0, part.count));
      }
    }
  });
}

test('JSON batches hold the rows of the replay, and credit pays for every byte', () => {
  const control = newControl(1 << 30);
  const { messages } = replayTask(SOURCE, { ...STREAM, encoding: 'json' }, { control });
  const frames = messages.flatMap((message) => (message.type === 'batch' ? [message.frame] : []));
  assert.deepEqual(rowsOf(frames), ROWS);
  const bytes = frames.reduce((sum, frame) => sum + Buffer.byteLength(frame as string), 0);
  assert.equal(control[REPLAY_CONTROL.CREDIT], (1 << 30) - bytes);
});

test('binary: regions first, every page of code once and in front of its first batch', () => {
  const { messages } = streamAll(SOURCE, {}, 1);
  assert.equal(messages[0]?.type, 'regions');
  assert.equal(messages.filter((message) => message.type === 'regions').length, 1);
  const keys = messages.flatMap((message) => (message.type === 'code' ? [message.key] : []));
  assert.deepEqual(
    keys.toSorted((left, right) => left - right),
    [0, CODE_PAGES],
  );
  assert.ok(
    messages.findIndex((message) => message.type === 'code') < messages.findIndex((one) => one.type === 'batch'),
  );
  assert.deepEqual(
    streamAll(SOURCE, { known: keys }).messages.filter((message) => message.type !== 'batch'),
    [],
  );
});

test('others wait: a stream gives its thread back at a batch, but not before it has had its time', () => {
  const control = newControl();
  control[REPLAY_CONTROL.YIELD] = 1;
  const long = sourceOf(
    runSpec({
      programs: { long: 'r1 = 1000000\nagain:\nr1 += -1\nif r1 != 0 goto again\nr0 = 0\nexit' },
      budgets: { instructions: 1e8 },
    }),
  );
  const { answer } = replayTask(long, STREAM, { control });
  assert.ok(answer.kind === 'streamed' && !answer.ended);
  assert.ok(answer.next > BATCH_STEPS && answer.next % BATCH_STEPS === 0, `next ${answer.next}`);
});

test('cancelled, and too long: no more than one batch is made', () => {
  const control = newControl();
  control[REPLAY_CONTROL.CANCEL] = 1;
  assert.ok(replayTask(SOURCE, STREAM, { control }).messages.filter((one) => one.type === 'batch').length <= 1);
  assert.deepEqual(
    replayTask(SOURCE, { kind: 'window', from: 9, count: 1, state: true }, { control }).answer.kind,
    'window',
  );
  const endless = sourceOf(
    runSpec({ programs: { long: 'again:\nif r1 != 0 goto again\nr0 = 0\nexit' }, budgets: { instructions: 3e7 } }),
  );
  const work = { kind: 'window', from: 29_000_000, count: 1, state: true } as const;
  assert.deepEqual(replayTask(endless, work, { control }).answer, { kind: 'cancelled' });
  const { answer } = replayTask(endless, work, { maxReplayMs: 1 });
  assert.ok(answer.kind === 'problem' && answer.problem.limit === 'maxReplayMs', JSON.stringify(answer));
});

test('ten engines make the same bytes', () => {
  const { whole } = streamAll(SOURCE);
  for (let round = 0; round < 10; round++) {
    const engine = new Engine();
    const { messages } = replayTask(sourceOf(SPEC, engine), STREAM, { engine });
    assert.deepEqual(
      messages.filter((message) => message.type === 'batch'),
      whole,
    );
  }
});
