/** Runs whose replay must have been checked step by step: see replayed.ts. */

import assert from 'node:assert/strict';
import type { RunResult } from '../../src/contract/result.ts';
import type { RunSpec } from '../../src/contract/run-spec.ts';
import { type RunDescription, runSpec, runTask } from './engine-run.ts';
import { MAX_REPLAYED_STEPS } from './replayed.ts';

/** Runs a spec that is not refused; all its steps are applied. */
export function assertReplays(spec: RunSpec): RunResult {
  const checked: string[] = [];
  const answer = runTask(spec, { mostApplied: MAX_REPLAYED_STEPS, checked: ({ replay }) => checked.push(replay) });
  assert.equal(answer.kind, 'result', JSON.stringify(answer));
  const { result } = answer as Extract<typeof answer, { kind: 'result' }>;
  assert.equal(result.rejection, null, result.rejection?.message);
  assert.deepEqual(checked, ['applied']);
  return result;
}

/** The same of a described run. */
export function assertReplaysDescribed(description: RunDescription): RunResult {
  return assertReplays(runSpec(description));
}
