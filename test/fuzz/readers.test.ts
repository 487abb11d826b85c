import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzReaders } from './fuzz-readers.ts';

const COUNT = 7_000;
const SEED = 20_261_125;

test('changed inputs are read, or refused by the errors that each reader has', () => {
  const { counts, failures } = fuzzReaders(COUNT, SEED);
  assert.deepEqual(failures, []);
  let sum = 0;
  for (const [target, { read, refused }] of counts) {
    sum += read + refused;
    assert.ok(read > 10, `${target}: ${read} inputs were read to their end`);
  }
  assert.equal(sum, COUNT);
});
