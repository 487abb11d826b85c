/** Budgets and cancellation through the Engine: an answer with counters, and the same Engine serves afterwards. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RunDescription, resultOf, stillServes } from '../support/engine-run.ts';

const LOOP = 'r1 = 0\nagain:\nr1 += 1\ngoto again';
const SELF = 'r6 = r1\nr1 = r6\nr2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit';

const cell = (value: number): Int32Array<SharedArrayBuffer> => {
  const cancel = new Int32Array(new SharedArrayBuffer(4));
  Atomics.store(cancel, 0, value);
  return cancel;
};

const ROWS: readonly {
  readonly name: string;
  readonly run: RunDescription;
  readonly code: string;
  readonly instructions: string | null;
  readonly programs: number | null;
  readonly last: { program: string; pc: number; insn: string };
  readonly cancel?: number;
}[] = [
  {
    name: 'instructions',
    run: { programs: { p: LOOP }, verify: 'off', budgets: { instructions: 5000 } },
    code: 'insn_budget',
    instructions: '5001',
    programs: 1,
    last: { program: 'p', pc: 2, insn: 'goto pc-2' },
  },
  {
    name: 'a verified endless loop too',
    run: { programs: { p: LOOP }, verify: 'enforce', budgets: { instructions: 5000 } },
    code: 'insn_budget',
    instructions: '5001',
    programs: 1,
    last: { program: 'p', pc: 2, insn: 'goto pc-2' },
  },
  {
    name: 'instructions, between two repetitions',
    run: { programs: { p: 'r0 = 2\nexit' }, repeat: 100, budgets: { instructions: 51 } },
    code: 'insn_budget',
    instructions: '52',
    programs: 26,
    last: { program: 'p', pc: 1, insn: 'exit' },
  },
  {
    name: 'instructions, at the target of a hop',
    run: { programs: { p: SELF }, maps: { chain: { slots: { 0: 'p' } } }, budgets: { instructions: 12 } },
    code: 'insn_budget',
    instructions: '15',
    programs: 4,
    last: { program: 'p', pc: 5, insn: 'call bpf_tail_call#12' },
  },
  {
    name: 'a budget that an acyclic program passes is no stop',
    run: { programs: { p: 'r0 = 1\nr0 = 2\nr0 = 3\nexit' }, budgets: { instructions: 2 } },
    code: 'exit',
    instructions: '4',
    programs: 1,
    last: { program: 'p', pc: 3, insn: 'exit' },
  },
  {
    name: 'the wall clock',
    run: { programs: { p: LOOP }, verify: 'off', budgets: { instructions: 1e10, wallMs: 30 } },
    code: 'wall_budget',
    instructions: null,
    programs: 1,
    last: { program: 'p', pc: 2, insn: 'goto pc-2' },
  },
  {
    name: 'the wall clock, over repetitions',
    run: { programs: { p: 'r0 = 2\nexit' }, repeat: 1_000_000, budgets: { instructions: 1e10, wallMs: 1 } },
    code: 'wall_budget',
    instructions: null,
    programs: null,
    last: { program: 'p', pc: 1, insn: 'exit' },
  },
  {
    name: 'cancelled',
    run: { programs: { p: LOOP }, verify: 'off', budgets: { instructions: 1e10 } },
    code: 'cancelled',
    instructions: null,
    programs: 1,
    last: { program: 'p', pc: 2, insn: 'goto pc-2' },
    cancel: 1,
  },
  {
    name: 'not cancelled',
    run: { programs: { p: 'r0 = 2\nexit' } },
    code: 'exit',
    instructions: '2',
    programs: 1,
    last: { program: 'p', pc: 1, insn: 'exit' },
    cancel: 0,
  },
];

for (const row of ROWS) {
  test(row.name, () => {
    const { outcome, counters, last, fault, returnValue } = resultOf(row.run, { cancel: cell(row.cancel ?? 0) });
    assert.equal(outcome.code, row.code);
    assert.equal(fault, null);
    assert.deepEqual(last, row.last);
    assert.equal(returnValue === null, row.code !== 'exit');
    if (row.instructions === null) assert.ok(BigInt(counters.instructions) >= 1_000_000n, counters.instructions);
    else assert.equal(counters.instructions, row.instructions);
    if (row.programs !== null) assert.equal(counters.programs, row.programs);
    stillServes();
  });
}

test('memoryBytes: what is needed and what is allowed', () => {
  const { outcome, rejection, budgets } = resultOf({
    programs: { p: 'r0 = 2\nexit' },
    maps: { big: { type: 'array', valueSize: 1000, maxEntries: 1000 } },
    budgets: { memoryBytes: 500_000 },
  });
  assert.deepEqual(outcome, { kind: 'budget', code: 'memory_budget' });
  assert.equal(rejection?.rule, 'memory_budget');
  assert.match(rejection?.message ?? '', /need 1\d{6} bytes, budgets.memoryBytes is 500000$/);
  assert.equal(budgets.memoryBytes, 500_000);
  stillServes();
});
