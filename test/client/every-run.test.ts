/**
 * Every run of the tables through the real socket: binary, JSON and REST say the same rows, and these, applied to the first state, give
 * the last.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { WaggleClient } from '../../src/client/client.ts';
import type { Trace } from '../../src/client/trace.ts';
import { TraceState } from '../../src/client/trace-state.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { RunBody } from '../../src/contract/run.ts';
import { BATCH_STEPS, type FrameState, MAX_WINDOW_STEPS, type StepRow } from '../../src/contract/step.ts';
import { assertApplied } from '../support/apply-steps.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { assertPacketOutput } from '../support/packet-output.ts';
import { ALL_RUNS, runBody } from '../support/run-body.ts';
import { tracedService } from '../support/traced.ts';

interface Told {
  readonly rows: StepRow[];
  /** By the step that they stand in front of. */
  readonly keyframes: Map<number, readonly FrameState[]>;
}

async function toldBy(trace: Trace): Promise<Told> {
  const rows: StepRow[] = [];
  const keyframes = new Map<number, readonly FrameState[]>();
  for await (const batch of trace.batches()) {
    keyframes.set(batch.first, batch.keyframe());
    if (!batch.partial) rows.push(...batch.rows());
  }
  assert.deepEqual(trace.gaps, []);
  return { rows, keyframes };
}

async function pagesOf(client: WaggleClient, run: string): Promise<StepRow[]> {
  const rows: StepRow[] = [];
  for (let next: string | null = '0'; next !== null; ) {
    const page = await client.steps(run, { from: Number(next), count: MAX_WINDOW_STEPS });
    rows.push(...page.steps);
    next = page.next;
  }
  return rows;
}

/** @returns steps of the run */
async function check(client: WaggleClient, spec: RunBody): Promise<number> {
  const trace = client.trace({ spec });
  const told = await toldBy(trace);
  const { rows, keyframes } = told;
  const result = await trace.result;
  const { id } = result;
  assert.equal(String(rows.length), result.counters.instructions);
  assert.deepEqual(await client.result(id), result);
  assert.deepEqual([trace.chain, trace.prints], [result.chain, result.output.prints]);
  const json = client.trace({ run: id, encoding: 'json' });
  assert.deepEqual(await toldBy(json), told);
  assert.deepEqual(await json.result, result);
  assert.deepEqual([json.chain, json.prints], [result.chain, result.output.prints]);
  assert.deepEqual(await pagesOf(client, id), rows);

  const { programs, maps } = await trace.started;
  assert.deepEqual(await json.started, { ...(await trace.started) });
  const [start, end] = [await client.state(id, 0), await client.state(id, rows.length)];
  assert.deepEqual(Object.keys(end.maps), maps);
  const names = programs.map((program) => program.name);
  assertApplied(start, rows, [end], { programs: names, maps: [] });
  const applied = new TraceState(names, start);
  for (const [step, row] of rows.entries()) {
    if (step % BATCH_STEPS === 0) assert.deepEqual(applied.state().frames, keyframes.get(step), `keyframe at ${step}`);
    applied.apply(row, rows[step + 1] ?? null);
  }
  assertPacketOutput(end.packet?.hex ?? '', result.output.packet?.hex ?? '');
  return rows.length;
}

function budgeted(body: RunBody): RunBody {
  return { ...body, budgets: { ...body.budgets, traceBytes: LIMITS.maxTraceBytes.default } };
}

test('every run of the tables: binary = JSON = REST, and applied they give the final state', {
  skip: NO_ENGINE,
}, async (t: TestContext) => {
  const { client } = await tracedService(t);
  let steps = 0;
  for (const [name, run] of ALL_RUNS) {
    await t.test(name, async () => {
      steps += await check(client, budgeted(runBody(run)));
    });
  }
  t.diagnostic(`${ALL_RUNS.length} runs, ${steps} steps`);
});
