/** What every run keeps: its replay with the trace flag on is the same run, its steps lead from its first state to its last, and the oracle counts as many. */

import assert from 'node:assert/strict';
import { limitsWith } from '../../src/contract/limits.ts';
import type { OutcomeCode } from '../../src/contract/outcome.ts';
import type { RunResult } from '../../src/contract/result.ts';
import type { RunSpec } from '../../src/contract/run-spec.ts';
import type { SlotLogRow } from '../../src/contract/slot-log.ts';
import type { EngineLimits } from '../../src/contract/task.ts';
import { Engine } from '../../src/pipeline/engine.ts';
import { readRun } from '../../src/pipeline/load.ts';
import type { ReplayAnswer } from '../../src/pipeline/replay.ts';
import { assertApplied, type RunShape } from './apply-steps.ts';
import { Comparison } from './oracle/compare.ts';
import { comparedSpec } from './oracle/described.ts';
import { assertPacketOutput } from './packet-output.ts';

/** Steps of a run above which only its end is compared, not its rows, and not with the oracle. */
export const MAX_APPLIED_STEPS = 20_000;
/** Steps of a run above which it is not replayed. */
export const MAX_REPLAYED_STEPS = 2_000_000;
/** Outcomes that depend on a clock or a client. */
const NOT_REPEATABLE: readonly OutcomeCode[] = ['wall_budget', 'cancelled'];

const ENGINE = new Engine();

export interface FinishedRun {
  readonly spec: RunSpec;
  readonly limits: EngineLimits;
  readonly result: RunResult;
  /** null: the run did not begin, or cannot be made again. */
  readonly replay: { readonly slotLog: readonly SlotLogRow[] } | null;
}

/** How much of a run was checked. */
export interface Checked {
  readonly replay: 'applied' | 'counted' | 'none';
  readonly oracle: boolean;
}

/** The window of `count` steps from `from` on; without arguments the whole run. */
export function replayOf(spec: RunSpec, from = 0, count = Number.MAX_SAFE_INTEGER, engine = ENGINE): ReplayAnswer {
  return engine.replay({ spec, limits: limitsWith(), slotLog: [], from, count, end: Number.POSITIVE_INFINITY });
}

export function runShape(spec: RunSpec, limits: EngineLimits = limitsWith()): RunShape {
  const { programs, maps } = readRun(spec, limits);
  return {
    programs: programs.map((program) => program.name),
    maps: maps.map(({ name, type, valueSize }) => ({ name, type, valueSize })),
  };
}

/**
 * @param mostApplied steps above which rows are not applied
 * @throws AssertionError when the replay or the oracle has another run
 */
export function checkRun(finished: FinishedRun, mostApplied = MAX_APPLIED_STEPS): Checked {
  const { result, replay } = finished;
  const steps = Number(result.counters.instructions);
  if (replay === null || NOT_REPEATABLE.includes(result.outcome.code) || steps > MAX_REPLAYED_STEPS) {
    return { replay: 'none', oracle: false };
  }
  const request = { ...finished, slotLog: replay.slotLog, end: Number.POSITIVE_INFINITY };
  const applied = steps <= mostApplied;
  const window = applied ? { from: 0, count: steps + 1 } : { from: steps + 1, count: 0 };
  const replayed = ENGINE.replay({ ...request, ...window });
  assertSameRun(result, replayed);
  if (applied) {
    assert.equal(replayed.rows.length, steps, 'rows of the replay');
    const start = ENGINE.replay({ ...request, from: 0, count: 0 }).state;
    assertApplied(start, replayed.rows, [replayed.state], runShape(finished.spec, finished.limits));
  }
  return { replay: applied ? 'applied' : 'counted', oracle: steps <= MAX_APPLIED_STEPS && agreesWithOracle(finished) };
}

/** What the run has answered is what its replay has come to. */
function assertSameRun(result: RunResult, { run, state }: ReplayAnswer): void {
  const { counters, output } = result;
  assert.deepEqual(
    {
      instructions: String(run.instructions),
      code: run.code,
      r0: run.r0 === undefined ? null : `0x${run.r0.toString(16)}`,
      tailCalls: run.tailCalls,
      misses: run.misses,
    },
    {
      instructions: counters.instructions,
      code: result.outcome.code,
      r0: result.r0,
      tailCalls: counters.tailCalls,
      misses: counters.tailCallMisses,
    },
    'the run and its replay',
  );
  if (output.packet !== null) assertPacketOutput(state.packet?.hex ?? '', output.packet.hex);
  if (output.ctx !== null) assert.equal(state.ctx?.hex, output.ctx.hex, 'context of the replay');
  for (const [name, entries] of Object.entries(output.maps)) {
    // A state also says where the values of a hash lie.
    const elements = state.maps[name]?.map(({ key, value }) => ({ key, value }));
    assert.deepEqual(elements, entries, name);
  }
}

const COMPARISON = new Comparison();

/** @returns false where the oracle cannot run it */
function agreesWithOracle({ spec, limits, result }: FinishedRun): boolean {
  const run = comparedSpec(spec, limits);
  if (run === undefined) return false;
  const { observation, oracle } = COMPARISON.engine(run);
  const expected = COMPARISON.oracle(oracle);
  assert.deepEqual(observation, expected, 'the engine and the oracle');
  const { counters, outcome } = result;
  assert.deepEqual(
    [counters.instructions, counters.tailCalls, counters.tailCallMisses, outcome.code],
    [String(expected.instructions), expected.tailCalls, expected.misses, expected.code],
    'the run and the oracle',
  );
  return true;
}
