import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepSwept, SWEEP_INTERVAL_MS } from '../../src/store/keep-swept.ts';

test('a store is swept now and then until the end, and a failure is told and does not end it', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let sweeps = 0;
  const failures: unknown[] = [];
  const sweep = async (): Promise<number> => {
    sweeps += 1;
    if (sweeps === 2) throw new Error('the disk is gone');
    return 0;
  };
  const stop = keepSwept({ sweep }, (error) => failures.push(error));
  t.mock.timers.tick(SWEEP_INTERVAL_MS - 1);
  assert.equal(sweeps, 0);
  t.mock.timers.tick(1 + 2 * SWEEP_INTERVAL_MS);
  assert.equal(sweeps, 3);
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(failures.length, 1);
  stop();
  t.mock.timers.tick(SWEEP_INTERVAL_MS);
  assert.equal(sweeps, 3);
});
