import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyStructure } from '../../src/verifier/verify.ts';
import { VERIFIER_ROWS } from './rows.ts';

for (const { name, program, maps, refused } of VERIFIER_ROWS) {
  test(`structure: ${name}`, () => {
    const { rejection } = verifyStructure(program, maps);
    const { rule, errno, message } = rejection ?? {};
    assert.deepEqual(rejection === null ? null : { rule, errno, message }, refused);
    if (rejection === null) return;
    assert.match(rejection.log, /processed \d+ insns \(limit 1000000\)/);
    assert.ok(rejection.log.includes(rejection.message));
    assert.equal(rejection.unsupported, null);
  });
}
