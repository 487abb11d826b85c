/**
 * The cases of bpf_conformance: each as a program of type `raw` that nothing verifies, through the engine with the trace flag off and on, and
 * through the oracle; r0 compared as 64 bits, and the engine with the oracle in all that can be seen.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERMISSION } from '../../src/contract/memory.ts';
import { assembleUbpf } from '../../src/isa/assembler/ubpf.ts';
import { CONFORMANCE_DIR, type ConformanceCase, NO_CONFORMANCE_DATA, readCases } from '../support/conformance.ts';
import { runSpec, runTask } from '../support/engine-run.ts';
import { type ComparedRun, Comparison } from '../support/oracle/compare.ts';

/** The suite's own runner leaves it out: an instruction that RFC 9669 does not define. */
const LEFT_OUT = 'callx';
const OWN_HELPER = 'call_unwind_fail';
/** Cases that the suite counts. */
const COUNTED = 312;
/** Helper 5 of the suite: it returns its first argument, and a return of 0 ends the program with r0 = 0 ("unwind on success"). */
const UNWIND = 5;
const NAMES = { helper: () => undefined, map: () => undefined };

const HELPERS: NonNullable<ComparedRun['helpers']> = {
  engine: {
    [UNWIND]: (context) => {
      const value = context.argument(1);
      if (value === 0n) context.endProgram();
      context.setResult(BigInt.asIntN(64, value));
    },
  },
  oracle: { [UNWIND]: (value) => (value === 0n ? 'end' : (value ?? 0n)) },
};

function runOf({ assembly, memory }: ConformanceCase): ComparedRun {
  return {
    programs: [assembleUbpf(assembly, NAMES).code],
    packet: { bytes: memory, start: 0, end: memory.length, permission: PERMISSION.READ_WRITE },
    context: undefined,
    helpers: HELPERS,
  };
}

const comparison = new Comparison();

/** r0 of the engine without and with the trace flag and of the oracle, all 64 bits in hex. */
function resultsOf(row: ConformanceCase): string[] {
  const run = runOf(row);
  const plain = comparison.engine(run);
  const oracle = comparison.oracle(plain.oracle);
  const traced = comparison.engine(run, true).observation;
  assert.deepEqual(plain.observation, oracle, `${row.name}: the engine and the oracle differ`);
  assert.deepEqual(traced, oracle, `${row.name}: the engine with the trace flag and the oracle differ`);
  return [plain.observation, traced, oracle].map(({ code, r0 }) => (code === 'exit' ? `0x${r0}` : code));
}

test('every case of bpf_conformance has its result', { skip: NO_CONFORMANCE_DATA }, (t) => {
  const rows = readCases(CONFORMANCE_DIR ?? '').filter((row) => row.name !== LEFT_OUT);
  assert.equal(rows.length, COUNTED);
  const failed: string[] = [];
  for (const row of rows) {
    const expected = `0x${row.result.toString(16)}`;
    try {
      assert.deepEqual(resultsOf(row), [expected, expected, expected]);
    } catch (error) {
      failed.push(`${row.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  t.diagnostic(
    `${rows.length - failed.length} of ${COUNTED}; the steps of ${comparison.applied} give their final states`,
  );
  assert.deepEqual(failed, []);
  assert.equal(comparison.applied, COUNTED);
});

test('assembly becomes the bytes that a case gives', { skip: NO_CONFORMANCE_DATA }, () => {
  const rows = readCases(CONFORMANCE_DIR ?? '').filter((row) => row.raw !== undefined);
  assert.ok(rows.length > 0);
  for (const row of rows) assert.deepEqual(assembleUbpf(row.assembly, NAMES).code, row.raw, row.name);
});

/** The answer to a run of the case, from its assembly on: `rejected_verifier` with its message, or r0. */
function answerOf({ assembly, memory }: ConformanceCase): string {
  const spec = runSpec({ programs: { case: assembly }, type: 'raw', packet: memory });
  const programs = spec.programs.map((program) => ({
    ...program,
    source: { kind: 'asm', text: assembly, dialect: 'ubpf' } as const,
  }));
  const answer = runTask({ ...spec, programs });
  if (answer.kind === 'problem') return answer.problem.detail ?? answer.problem.code;
  const { outcome, r0, rejection } = answer.result;
  return outcome.code === 'exit' ? (r0 ?? '') : `${outcome.code}: ${rejection?.message ?? ''}`;
}

test('every case but the one with its own helper runs as a request does', { skip: NO_CONFORMANCE_DATA }, (t) => {
  const rows = readCases(CONFORMANCE_DIR ?? '').filter((row) => row.name !== LEFT_OUT && row.name !== OWN_HELPER);
  assert.equal(rows.length, COUNTED - 1);
  const wrong = rows.filter((row) => answerOf(row) !== `0x${row.result.toString(16)}`);
  t.diagnostic(`${rows.length - wrong.length} of ${rows.length}`);
  assert.deepEqual(
    wrong.map((row) => `${row.name}: ${answerOf(row)}`),
    [],
  );
});

test('callx is refused by its opcode', { skip: NO_CONFORMANCE_DATA }, () => {
  const row = readCases(CONFORMANCE_DIR ?? '').find(({ name }) => name === LEFT_OUT);
  assert.ok(row !== undefined);
  assert.equal(answerOf(row), 'rejected_verifier: unknown opcode 8d');
});
