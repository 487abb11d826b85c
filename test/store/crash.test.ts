/** A slice of `npm run crash`: a process is killed in the middle of its writes, again and again, and nothing that it was told is lost. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashRounds } from '../crash/rounds.ts';
import { temporaryFolder } from '../support/store-drivers.ts';

test('ten kills: what was acknowledged is there, what was not is there or not, and nothing is torn', async (t) => {
  const report = await crashRounds(await temporaryFolder(t), 10);
  assert.equal(report.rounds, 10);
  assert.ok(report.acknowledged > 0, 'no process lived long enough to write');
});
