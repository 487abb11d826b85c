import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VERIFIER_RULES } from '../../src/metrics/verifier-rules.ts';
import { RULES } from '../../src/verifier/rules.ts';

test('the metrics know every rule of the verifier', () => {
  assert.deepEqual([...VERIFIER_RULES].toSorted(), Object.keys(RULES).toSorted());
});
