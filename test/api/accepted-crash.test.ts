/** A slice of `npm run crash:runs`: the service is killed in the middle of its accepted runs, and each of them ends exactly once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashOfAccepted } from '../crash/accepted.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { temporaryFolder } from '../support/store-drivers.ts';

test('accepted runs outlive kill -9, and their results a second one', { skip: NO_ENGINE }, async (t) => {
  const { accepted, madeAgain } = await crashOfAccepted(t, await temporaryFolder(t), 100);
  assert.ok(accepted >= 84, `only ${accepted} were accepted before the kill`);
  assert.ok(madeAgain > 0, 'all had ended before the kill');
});
