/**
 * Every program that is committed as an object, and every program of the tables of rows: replayed, its steps applied, counted by the oracle.
 * resultOf checks each run of every test so (support/replayed.ts); here it is counted how many programs that reaches.
 */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { patternBytes } from '../../bench/rows.ts';
import type { RunSpec } from '../../src/contract/run-spec.ts';
import { readObject } from '../../src/elf/object.ts';
import { type RunDescription, runSpec, runTask } from '../support/engine-run.ts';
import { MAP_ROWS, mapRowRun } from '../support/map-rows.ts';
import { PACKET, PACKET_LOAD_ROWS } from '../support/packet-load-rows.ts';
import type { Checked } from '../support/replayed.ts';
import { TAIL_CALL_ROWS } from '../support/tail-call-rows.ts';
import { CALL_ROWS, FAULT_ROWS } from '../tail-calls/bpf2bpf-rows.ts';
import { SELFTEST_ROWS } from '../tail-calls/selftest-rows.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const OBJECTS = globSync('{bench/programs,examples,test/fixtures}/*.o', { cwd: ROOT }).sort();
const PACKET_BYTES = 256;
const CONTEXT_BYTES = 64;
/** Whose stacks together are too large for Linux: what the worked example shows. */
const REFUSED = ['func2', 'func3', 'func1'].map((name) => `examples/worked-example.o ${name}: rejected_verifier`);

interface Count {
  applied: number;
  counted: number;
  oracle: number;
  /** Runs that did not begin: what the objects called refused-… are for. */
  refused: string[];
}

/** Runs it with the first input that its type takes: the packet, nothing, or a context. */
function checkedRun(spec: RunSpec): Checked | string {
  const inputs = [spec.input, { packet: null, ctx: null }, { packet: null, ctx: new Uint8Array(CONTEXT_BYTES) }];
  for (const input of inputs) {
    const checks: Checked[] = [];
    const answer = runTask({ ...spec, input }, { checked: (checked) => checks.push(checked) });
    if (answer.kind === 'result') return answer.result.rejection === null ? checks[0]! : answer.result.outcome.code;
    if (answer.problem.code !== 'bad_input') return answer.problem.code;
  }
  return 'bad_input';
}

function countRuns(t: TestContext, runs: readonly (readonly [name: string, spec: RunSpec])[]): Count {
  const count: Count = { applied: 0, counted: 0, oracle: 0, refused: [] };
  for (const [name, spec] of runs) {
    const checked = checkedRun(spec);
    if (typeof checked === 'string') {
      count.refused.push(`${name}: ${checked}`);
      continue;
    }
    assert.notEqual(checked.replay, 'none', name);
    if (checked.replay === 'applied') count.applied++;
    else count.counted++;
    if (checked.oracle) count.oracle++;
  }
  const { applied, counted, oracle, refused } = count;
  t.diagnostic(
    `${runs.length} programs: steps of ${applied} applied, of ${counted} only counted; ${oracle} counted by the oracle; ${refused.length} refused`,
  );
  return count;
}

/** Names of the object's programs; none when it is refused. */
function programsOf(bytes: Uint8Array): string[] {
  try {
    return readObject(bytes).programs.map((program) => program.name);
  } catch {
    return [];
  }
}

test('every program of every object', (t) => {
  const runs = OBJECTS.flatMap((path) => {
    const object = new Uint8Array(readFileSync(`${ROOT}${path}`));
    return programsOf(object).map((entry) => {
      const packet = patternBytes(PACKET_BYTES);
      return [`${path} ${entry}`, runSpec({ object, entry, packet })] as const;
    });
  });
  const { applied, counted, refused } = countRuns(t, runs);
  assert.ok(applied > 150, String(applied));
  assert.deepEqual(refused, REFUSED);
  assert.equal(applied + counted + REFUSED.length, runs.length);
});

test('every program of the tables', (t) => {
  const descriptions: (readonly [string, RunDescription])[] = [
    ...TAIL_CALL_ROWS.map((row) => [row.name, row] as const),
    ...MAP_ROWS.map((row) => [row.name, mapRowRun(row)] as const),
    ...CALL_ROWS.map((row) => [row.name, row] as const),
    ...FAULT_ROWS.map(({ name, program }) => [name, { programs: { entry: program }, verify: 'off' }] as const),
    ...PACKET_LOAD_ROWS.map(
      ({ name, text }) => [name, { programs: { entry: text }, type: 'sched_cls', packet: PACKET }] as const,
    ),
    ...SELFTEST_ROWS.map(
      ({ test: name, programs, maps, type, packet }) =>
        [name, { programs, maps, type, packet: packet === null ? null : new Uint8Array(packet) }] as const,
    ),
  ];
  const runs = descriptions.map(([name, description]) => [name, runSpec(description)] as const);
  const { applied, oracle, refused } = countRuns(t, runs);
  assert.deepEqual(refused, []);
  assert.equal(applied, runs.length);
  assert.ok(oracle > 0.9 * runs.length, String(oracle));
});
