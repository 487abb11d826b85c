/** Binary batches read: against a writer of our own, against what the engine writes, and with bytes that nobody should write. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readBatch, readBatchHeader } from '../../src/client/batch-reader.ts';
import { CodeBook } from '../../src/client/code-book.ts';
import { BatchError } from '../../src/client/varint-reader.ts';
import { BATCH_STEPS, type StepRow } from '../../src/contract/step.ts';
import { BATCH_FLAGS } from '../../src/contract/step-batch.ts';
import type { PatchFacts, StepFacts } from '../../src/contract/step-facts.ts';
import { ALL_DST, type BatchDescription, bareRow, batchBytes } from '../support/batch-bytes.ts';
import { runSpec } from '../support/engine-run.ts';
import { replayOf, runShape } from '../support/replayed.ts';
import { sourceOf, streamAll } from '../support/step-streams.ts';
import { TAIL_CALL_ROWS } from '../support/tail-call-rows.ts';

const FRAME = { program: 3, function: 7, registers: Array.from({ length: 11 }, (_, register) => BigInt(register)) };
const EMPTY: BatchDescription = { handle: 9, first: 1024, flags: 0, keyframe: [FRAME], rows: [] };
const MOST = 2n ** 64n - 1n;
const bytes = (...values: number[]) => Uint8Array.from(values);

const ROWS: readonly (readonly [what: string, rows: readonly StepFacts[]])[] = [
  ['nothing', []],
  ['one bare row', [bareRow(1024)]],
  ['a jump forwards and back', [bareRow(1024), bareRow(1025, { pc: 300 }), bareRow(1026, { pc: 0 })]],
  ['rows left out, another program, a deeper frame', [bareRow(1030, { program: 258, depth: 7, pc: 3 })]],
  ['the last place', [bareRow(1024 + BATCH_STEPS - 1)]],
  [
    'values near both ends of 64 bits',
    [0n, MOST, 1n, 2n ** 63n, 2n ** 63n - 1n, 0n, 2n ** 32n, 2n ** 32n - 1n].map((value, index) =>
      bareRow(1024 + index, { dst: 1, value }),
    ),
  ],
  ['every dst, from the keyframe', ALL_DST.map((dst) => bareRow(1024 + dst, { dst, value: 1000n }))],
  [
    'addresses that share a predictor',
    [bareRow(1024, { pc: 1, address: 0xffff_ffff }), bareRow(1025, { pc: 65, address: 0 })],
  ],
  ['a store', [bareRow(1024, { address: 4096, stored: MOST }), bareRow(1025, { address: 4104, stored: 0n })]],
  ['arguments', [bareRow(1024, { arguments: [] }), bareRow(1025, { arguments: [0n, 1n, MOST, 2n ** 35n, 127n] })]],
  [
    'patches',
    [
      bareRow(1024, {
        patches: [
          { address: 70_000, bytes: bytes(1, 2, 3) },
          { map: 300, key: bytes(), value: bytes(9) },
          { map: 0, key: bytes(5, 6), value: null },
        ],
      }),
    ],
  ],
];

const outermostFirst = (batch: ReturnType<typeof readBatch>) =>
  batch.keyframe.toReversed().map((frame) => ({ ...frame, registers: frame.registers.map(BigInt) }));

for (const [what, rows] of ROWS) {
  test(`a batch with ${what}`, () => {
    const batch = readBatch(batchBytes({ ...EMPTY, rows }));
    assert.deepEqual(batch.facts, rows);
    assert.deepEqual([batch.handle, batch.first, batch.count], [9, 1024, rows.length]);
    assert.deepEqual(outermostFirst(batch), [FRAME]);
  });
}

test('the header: its flags, and a frame inside a larger buffer', () => {
  const large = new Uint8Array(300);
  const small = batchBytes({ ...EMPTY, flags: BATCH_FLAGS.PARTIAL | BATCH_FLAGS.FILTERED });
  large.set(small, 17);
  const view = large.subarray(17, 17 + small.length);
  assert.deepEqual(readBatchHeader(view), { handle: 9, first: 1024, count: 0, partial: true, filtered: true });
  assert.deepEqual(readBatch(view), readBatch(small));
});

const wide = fc.bigInt({ min: 0n, max: MOST });
const block = fc.uint8Array({ maxLength: 20 });
const patch: fc.Arbitrary<PatchFacts> = fc.oneof(
  fc.record({ address: fc.nat(0xffff_ffff), bytes: block }, { noNullPrototype: true }),
  fc.record({ map: fc.nat(0xffff), key: block, value: fc.option(block) }, { noNullPrototype: true }),
);
const row = fc.record({
  left: fc.oneof(fc.constant(0), fc.nat(3)),
  program: fc.nat(3),
  depth: fc.nat(8),
  pc: fc.oneof(fc.nat(20), fc.nat(0xff_ffff)),
  dst: fc.option(fc.constantFrom(...ALL_DST), { nil: undefined }),
  value: wide,
  address: fc.option(fc.nat(0xffff_ffff), { nil: undefined }),
  stored: fc.option(wide, { nil: undefined }),
  arguments: fc.option(fc.array(wide, { maxLength: 5 }), { nil: undefined }),
  patches: fc.array(patch, { maxLength: 3 }),
});
const frame = fc.record(
  {
    program: fc.nat(0xffff),
    function: fc.nat(0xffff_ffff),
    registers: fc.array(wide, { minLength: 11, maxLength: 11 }),
  },
  { noNullPrototype: true },
);

const description: fc.Arbitrary<BatchDescription> = fc
  .record({
    handle: fc.nat(0xffff),
    place: fc.nat(2 ** 40),
    flags: fc.nat(3),
    keyframe: fc.array(frame, { minLength: 1, maxLength: 9 }),
    rows: fc.array(row, { maxLength: 60 }),
  })
  .map(({ place, rows, ...rest }) => {
    const first = place * BATCH_STEPS;
    let step = first - 1;
    const placed = rows.map(({ left, ...facts }) => {
      step += left + 1;
      return { ...facts, step, value: facts.dst === undefined ? 0n : facts.value };
    });
    return { ...rest, first, rows: placed };
  });

test('property: what is written is read', () => {
  fc.assert(
    fc.property(description, (one) => {
      const batch = readBatch(batchBytes(one));
      assert.deepEqual(batch.facts, one.rows);
      assert.deepEqual(outermostFirst(batch), one.keyframe);
    }),
    { numRuns: 200 },
  );
});

/** Anything but a BatchError escapes and fails the test. */
function isRefused(data: Uint8Array): boolean {
  try {
    readBatch(data);
    return false;
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    assert.match(error.message, /\d/, 'it names a place');
    return true;
  }
}

test('property: a batch that is cut short, or has more bytes, is refused', () => {
  fc.assert(
    fc.property(description, fc.nat(), block, (one, length, more) => {
      const data = batchBytes(one);
      assert.ok(isRefused(data.subarray(0, length % data.length)));
      if (more.length > 0) assert.ok(isRefused(Uint8Array.from([...data, ...more])));
    }),
    { numRuns: 200 },
  );
});

test('property: changed bytes give a batch of the same form or a refusal', () => {
  let refused = 0;
  fc.assert(
    fc.property(
      description,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      (one, changes) => {
        const data = batchBytes(one);
        for (const [at, value] of changes) data[at % data.length] = value;
        if (isRefused(data)) refused++;
        else assert.ok(readBatch(data).facts.length <= BATCH_STEPS);
      },
    ),
    { numRuns: 500 },
  );
  assert.ok(refused > 50, `${refused} of 500 were refused`);
});

test('property: any bytes at all', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (data) => assert.ok(isRefused(data))));
});

const header = (changes: Readonly<Record<number, number>>) => {
  const data = batchBytes(EMPTY);
  for (const [at, value] of Object.entries(changes)) data[Number(at)] = value;
  return data;
};
const withRows = (...rows: StepFacts[]) => batchBytes({ ...EMPTY, rows });

const REFUSED: readonly (readonly [what: string, data: Uint8Array, message: RegExp])[] = [
  ['no bytes', bytes(), /header: 0 bytes/],
  ['another type', header({ 0: 2 }), /header: type 2/],
  ['another version', header({ 1: 9 }), /header: version 9/],
  ['a place off the grid', header({ 4: 1 }), /header: step 1025 is no place/],
  ['a place beyond what is exact', header({ 11: 1 }), /header: step .* is no place/],
  ['too many rows', header({ 13: 3 }), /header: 768 rows/],
  ['unknown flags of the batch', header({ 14: 4 }), /header: flags 4/],
  ['rows that are not there', header({ 13: 2 }), /flags, byte \d+ of the batch: 512 bytes are promised/],
  ['frames that are not there', header({ 16: 200 }), /keyframe, byte 17 of the batch: 18800 bytes are promised/],
  ['a step behind the batch', withRows(bareRow(1024 + BATCH_STEPS)), /frame, byte \d+ .*step 1536 is behind the batch/],
  ['an address beyond 32 bits', withRows(bareRow(1024, { address: 2 ** 32 })), /address, byte \d+ .*no address/],
  ['a slot beyond 24 bits', withRows(bareRow(1024, { pc: 2 ** 24 })), /pc, byte \d+ .*slot 16777216/],
  ['a register that is none', withRows(bareRow(1024, { dst: 12 })), /dst, byte \d+ .*no register 12/],
  [
    'six arguments',
    withRows(bareRow(1024, { arguments: [1n, 2n, 3n, 4n, 5n, 6n] })),
    /arguments, byte \d+ .*6 arguments/,
  ],
  ['a number of 65 bits', withRows(bareRow(1024, { stored: 2n ** 64n })), /stored, byte \d+ .*more than 64 bits/],
];

for (const [what, data, message] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(() => readBatch(data), { name: 'BatchError', message });
  });
}

for (const { name, expected: _, ...run } of TAIL_CALL_ROWS) {
  test(`what the engine writes, read and explained, is the JSON: ${name}`, () => {
    const spec = runSpec(run);
    const source = sourceOf(spec);
    const shape = runShape(spec);
    const book = new CodeBook(
      shape.programs,
      shape.maps.map((map) => map.name),
    );
    const rows: StepRow[] = [];
    const keyframes: unknown[] = [];
    for (const message of streamAll(source, { encoding: 'binary' }).messages) {
      if (message.type === 'regions') book.setRegions(message.regions);
      else if (message.type === 'code') book.add(message.program, message.rows);
      else if (message.type === 'batch' && !message.partial) {
        const batch = readBatch(message.frame as Uint8Array);
        rows.push(...batch.facts.map((facts) => book.explain(facts)));
        keyframes.push(batch.keyframe);
      }
    }
    assert.deepEqual(rows, replayOf(spec).rows);
    const json = streamAll(source, { encoding: 'json' }).whole.map(({ frame }) => JSON.parse(frame as string));
    assert.deepEqual(
      rows,
      json.flatMap((message) => message.rows),
    );
    assert.deepEqual(
      keyframes,
      json.map((message) => message.keyframe),
    );
  });
}
