/** The histogram of many equal observations shows what prom-client's own shows. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { CountedHistogram } from '../../src/metrics/counted-histogram.ts';

const BOUNDS = [0, 1, 2, 4, 33];

test('the same text as a histogram that observes one at a time', async () => {
  const observations = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 50 })));
  await fc.assert(
    fc.asyncProperty(observations, async (rows) => {
      const own = new Registry();
      const counted = new CountedHistogram('depth', 'Depths.', BOUNDS).register(own);
      const theirs = new Registry();
      const histogram = new Histogram({ name: 'depth', help: 'Depths.', buckets: BOUNDS, registers: [theirs] });
      for (const [value, times] of rows) {
        counted.observe(value, times);
        for (let time = 0; time < times; time += 1) histogram.observe(value);
      }
      assert.equal(await own.metrics(), await theirs.metrics());
    }),
    { numRuns: 50 },
  );
});
