/** The README tells the truth of today: its request, run now, gives its answer. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { build } from './support/service.ts';

/** Fields that differ from run to run. */
const VOLATILE = ['id', 'timing', 'cache'] as const;

function stable(answer: Record<string, unknown>): Record<string, unknown> {
  const copy = { ...answer };
  for (const field of VOLATILE) {
    assert.ok(field in copy, `the answer has no ${field}`);
    delete copy[field];
  }
  return copy;
}

test('the curl of the README gives the answer of the README', async (t) => {
  const readme = readFileSync('README.md', 'utf8');
  const file = /-d @(examples\/[\w.-]+)/.exec(readme)?.[1];
  const shown = /```json\n([\s\S]*?)\n```/.exec(readme)?.[1];
  assert.ok(file !== undefined && shown !== undefined);
  const { post } = await build(t, { worker: null });
  const answer = await post(readFileSync(file, 'utf8'));
  assert.equal(answer.status, 200);
  assert.deepEqual(stable(answer.body), stable(JSON.parse(shown)));
});
