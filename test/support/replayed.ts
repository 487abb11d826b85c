/** A run and its replays: what every program of a table must keep, with the trace flag off and on. */

import assert from 'node:assert/strict';
import { limitsWith } from '../../src/contract/limits.ts';
import type { RunResult } from '../../src/contract/result.ts';
import type { RunSpec } from '../../src/contract/run-spec.ts';
import { Engine } from '../../src/pipeline/engine.ts';
import { readRun } from '../../src/pipeline/load.ts';
import type { ReplayAnswer } from '../../src/pipeline/replay.ts';
import { assertApplied, type MapShape } from './apply-steps.ts';
import { type RunDescription, runSpec, runTask } from './engine-run.ts';

const ENGINE = new Engine();

/** The window of `count` steps from `from` on; without arguments the whole run. */
export function replayOf(spec: RunSpec, from = 0, count = Number.MAX_SAFE_INTEGER, engine = ENGINE): ReplayAnswer {
  return engine.replay({ spec, limits: limitsWith(), slotLog: [], from, count, end: Number.POSITIVE_INFINITY });
}

export function mapShapes(spec: RunSpec): MapShape[] {
  return readRun(spec, limitsWith()).maps.map(({ name, type, valueSize }) => ({ name, type, valueSize }));
}

/**
 * Runs the spec with the trace flag off, replays all of it with the flag on, and holds one against the other: steps, return value, outcome,
 * packet and maps; rows and patches applied to the state before the first step give the state behind the last.
 */
export function assertReplays(spec: RunSpec): RunResult {
  const answer = runTask(spec);
  assert.equal(answer.kind, 'result', JSON.stringify(answer));
  const { result } = answer as Extract<typeof answer, { kind: 'result' }>;
  assert.equal(result.rejection, null, result.rejection?.message);
  const { rows, state, run } = replayOf(spec);
  assert.equal(String(rows.length), result.counters.instructions, 'steps of the replay');
  assert.equal(run.code, result.outcome.code);
  assert.equal(run.r0 === undefined ? null : `0x${run.r0.toString(16)}`, result.r0);
  assert.equal(run.tailCalls, result.counters.tailCalls);
  assert.deepEqual(run.misses, result.counters.tailCallMisses);
  assert.equal(state.packet?.hex ?? null, result.output.packet?.hex ?? null);
  for (const [name, entries] of Object.entries(result.output.maps)) assert.deepEqual(state.maps[name], entries);
  assertApplied(replayOf(spec, 0, 0).state, rows, [state], mapShapes(spec));
  return result;
}

/** The same of a described run. */
export function assertReplaysDescribed(description: RunDescription): RunResult {
  return assertReplays(runSpec(description));
}
