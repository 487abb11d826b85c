/**
 * Every run of the tables through the real socket: binary, JSON and REST say the same rows, and these, applied to the first state, give
 * the last.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { WaggleClient } from '../../src/client/client.ts';
import type { Trace } from '../../src/client/trace.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { RunBody } from '../../src/contract/run.ts';
import { MAX_WINDOW_STEPS, type StepRow } from '../../src/contract/step.ts';
import { assertApplied } from '../support/apply-steps.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { ALL_RUNS, runBody } from '../support/run-body.ts';
import { tracedService } from '../support/traced.ts';

async function rowsOf(trace: Trace): Promise<StepRow[]> {
  const rows: StepRow[] = [];
  for await (const row of trace) rows.push(row);
  assert.deepEqual(trace.gaps, []);
  return rows;
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
  const rows = await rowsOf(trace);
  const result = await trace.result;
  const { id } = result;
  assert.equal(String(rows.length), result.counters.instructions);
  assert.deepEqual(await client.result(id), result);
  assert.deepEqual([trace.chain, trace.prints], [result.chain, result.output.prints]);
  const json = client.trace({ run: id, encoding: 'json' });
  assert.deepEqual(await rowsOf(json), rows);
  assert.deepEqual(await json.result, result);
  assert.deepEqual([json.chain, json.prints], [result.chain, result.output.prints]);
  assert.deepEqual(await pagesOf(client, id), rows);

  const { programs, maps } = await trace.started;
  assert.deepEqual(await json.started, { ...(await trace.started) });
  const [start, end] = [await client.state(id, 0), await client.state(id, rows.length)];
  assert.deepEqual(Object.keys(end.maps), maps);
  assertApplied(start, rows, [end], { programs: programs.map((program) => program.name), maps: [] });
  assert.equal(end.packet?.hex, result.output.packet?.hex);
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
