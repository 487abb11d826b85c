/** Calls of functions: engine, replay and Linux; and the two faults that only unverified programs meet. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertReplays, assertReplaysDescribed } from '../support/assert-replays.ts';
import { type RunDescription, runSpec } from '../support/engine-run.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { describedOnKernel } from '../support/kernel/run-description.ts';
import { CALL_ROWS, FAULT_ROWS } from './bpf2bpf-rows.ts';

for (const { name, returns, ...description } of CALL_ROWS) {
  test(name, () => {
    const result = assertReplaysDescribed(description);
    assert.deepEqual([result.outcome.code, result.returnValue], ['exit', returns]);
  });
}

for (const { name, program, fault, instructions } of FAULT_ROWS) {
  test(`unverified: ${name}: ${fault ?? 'runs'}`, () => {
    const result = assertReplays(runSpec({ programs: { entry: program }, verify: 'off' }));
    assert.equal(result.outcome.code, fault ?? 'exit');
    assert.equal(result.counters.instructions, String(instructions));
    if (fault !== null) assert.match(result.fault!.insn, /^call /);
  });
}

describe('the same on Linux', { skip: kernelAvailable() ?? false }, () => {
  for (const { name, returns, ...description } of CALL_ROWS) {
    test(name, () => {
      const said = describedOnKernel(description);
      assert.equal(said.stage, 'done', said.log);
      assert.equal(said.retval, returns);
    });
  }
  for (const { name, program, fault } of FAULT_ROWS) {
    test(`${name}: ${fault === null ? 'loads' : 'is refused'}`, () => {
      const description: RunDescription = { programs: { entry: program } };
      assert.equal(describedOnKernel(description).stage, fault === null ? 'done' : 'program');
    });
  }
});
