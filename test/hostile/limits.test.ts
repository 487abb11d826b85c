/** The limits of loading: each is enforced as the server sets it, and named; and what the translator writes for each check. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS, type LimitName, limitsWith } from '../../src/contract/limits.ts';
import { MAP_DESCRIPTOR } from '../../src/contract/memory.ts';
import { ENGINE_LIMITS } from '../../src/contract/task.ts';
import { readRun } from '../../src/pipeline/load.ts';
import { MEMORY_CLASSES } from '../../src/vm/memory-set.ts';
import { declareImports } from '../../src/vm/translate/imports.ts';
import { TRANSLATE_LIMITS, translateProgram } from '../../src/vm/translate/program.ts';
import { ModuleBuilder } from '../../src/wasm/module.ts';
import { WASM } from '../../src/wasm/opcodes.ts';
import { problemOf, type RunDescription, resultOf, runSpec } from '../support/engine-run.ts';
import { backEdgesToOneLabel, irreducibleCircle, keysOfOneBucket, pointerChase } from './programs.ts';

const KEYS = keysOfOneBucket(20, 64);

/** Runs that need more than `value`, and no more than `enough`. */
const PASSED: readonly { limit: LimitName; value: number; enough: number; run: RunDescription }[] = [
  { limit: 'maxPrograms', value: 1, enough: 2, run: { programs: { p: 'r0 = 0\nexit', q: 'r0 = 0\nexit' } } },
  { limit: 'maxMaps', value: 1, enough: 2, run: { programs: { p: 'r0 = 0\nexit' }, maps: { a: {}, b: {} } } },
  { limit: 'maxInstructionsPerProgram', value: 2, enough: 3, run: { programs: { p: 'r0 = 0 ll\nexit' } } },
  {
    limit: 'maxInstructionsPerRun',
    value: 4,
    enough: 5,
    run: { programs: { p: 'r0 = 0\nexit', q: 'r0 = 0\nr0 += 1\nexit' } },
  },
  {
    limit: 'maxInstructionsPerFunction',
    value: 2,
    enough: 3,
    run: { programs: { p: 'call f\nexit\nf:\nr0 = 0\nr0 += 1\nexit' } },
  },
  {
    limit: 'maxInstructionsPerIrreducibleFunction',
    value: 20,
    enough: 200,
    run: { programs: { p: irreducibleCircle(20) }, verify: 'off', budgets: { instructions: 1_000 } },
  },
  {
    limit: 'maxBlocksPerFunction',
    value: 2,
    enough: 3,
    run: { programs: { p: 'r0 = *(u32 *)(r1 + 16)\nif r0 == 0 goto +1\nr0 = 1\nexit' } },
  },
  {
    limit: 'maxBackEdgesPerFunction',
    value: 10,
    enough: 11,
    run: { programs: { p: backEdgesToOneLabel(10) }, verify: 'off', budgets: { instructions: 1_000 } },
  },
  {
    limit: 'maxBlocksPerIrreducibleFunction',
    value: 20,
    enough: 200,
    run: { programs: { p: irreducibleCircle(21) }, verify: 'off', budgets: { instructions: 1_000 } },
  },
  { limit: 'maxModuleBytes', value: 500, enough: 5_000, run: { programs: { p: 'r0 = 77\nexit' } } },
  // Two elements of 4 bytes of key and 8 of value.
  {
    limit: 'maxReturnedMapBytes',
    value: 23,
    enough: 24,
    run: { programs: { p: 'r0 = 0\nexit' }, maps: { m: { maxEntries: 2 } } },
  },
  {
    limit: 'maxFillProbes',
    value: 189,
    enough: 190,
    run: {
      programs: { p: 'r0 = 0\nexit' },
      maps: { h: { type: 'hash', maxEntries: 64, entries: KEYS.map((key) => [key, '00'.repeat(8)] as const) } },
    },
  },
];

for (const { limit, value, enough, run } of PASSED) {
  test(`${limit} is enforced and named`, () => {
    const problem = problemOf(runSpec(run), { limits: limitsWith({ [limit]: value }) });
    assert.deepEqual([problem.code, problem.limit], ['limit_exceeded', limit]);
    const text = new RegExp(`${limit} is ${value}`);
    assert.match(problem.detail, text);
    const { outcome } = resultOf(run, { limits: limitsWith({ [limit]: enough }) });
    assert.ok(['exit', 'insn_budget'].includes(outcome.code), outcome.code);
  });
}

/** Limits that refuse nothing: lines beyond them are left out (test/pipeline/live.test.ts). */
const LINES = ['maxPrintLines', 'maxMapLines'];

/** Of stored programs, which no run brings (test/api/programs.test.ts). */
const STORED = ['maxProgramFormBytes', 'maxProgramViewBytes'];

test('every limit of the engine but that of the budget has a row above', () => {
  const rows = PASSED.map(({ limit }) => limit);
  assert.deepEqual([...rows, 'maxMemoryBytes', ...LINES, ...STORED].sort(), [...ENGINE_LIMITS].sort());
});

test('no limit can be set higher than what the engine has', () => {
  for (const [name, value] of Object.entries(TRANSLATE_LIMITS))
    assert.equal(LIMITS[name as LimitName].most, value, name);
  assert.ok(LIMITS.maxMaps.most <= MAP_DESCRIPTOR.COUNT);
  assert.ok(LIMITS.maxMemoryBytes.most <= Math.max(...MEMORY_CLASSES.map(({ capacity }) => capacity)));
});

/** How many times a program's module calls `fault`, which never returns. */
function faultCalls(program: string): number {
  const description = { programs: { p: program }, maps: { a: {} }, verify: 'off' } as const;
  const run = readRun(runSpec(description), limitsWith());
  const options = { checks: true, raw: false, trace: false, dead: [] };
  const translation = translateProgram(run.instructions[0]!, run.maps, options);
  assert.equal(translation.kind, 'module');
  const { bytes } = translation as Extract<typeof translation, { kind: 'module' }>;
  const index = declareImports(new ModuleBuilder(), options.trace).functions.fault;
  const callFault = String.fromCharCode(WASM.call, index, WASM.unreachable);
  return Buffer.from(bytes).toString('latin1').split(callFault).length - 1;
}

test('each check has its own call of fault: V8 dies of branches to a shared one', () => {
  const none = faultCalls(pointerChase(0));
  for (const checks of [1, 10, 1_000]) assert.equal(faultCalls(pointerChase(checks)) - none, checks);
});
