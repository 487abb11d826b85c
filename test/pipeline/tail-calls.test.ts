import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunResult } from '../../src/contract/result.ts';
import { chainText, type RunDescription, resultOf, times } from '../support/engine-run.ts';
import { TAIL_CALL_ROWS, type TailCallRow } from '../support/tail-call-rows.ts';

function hitsOf(result: RunResult): number[] {
  return (result.output.maps.hits ?? []).map(({ value }) => Number(Buffer.from(value.hex, 'hex').readBigUInt64LE()));
}

/** Depths follow from what was taken, steps grow, and nothing has changed a slot. */
function checkRows(result: RunResult): void {
  let depth = 0;
  let step = -1n;
  for (const row of result.chain) {
    if (row.taken) depth++;
    assert.equal(row.depth, depth);
    assert.ok(BigInt(row.step) > step && BigInt(row.step) < BigInt(result.counters.instructions));
    assert.equal(row.generation, 0);
    assert.equal(row.taken, row.miss === null);
    assert.equal(row.taken, row.to !== null);
    step = BigInt(row.step);
  }
}

for (const { name, expected, ...description } of TAIL_CALL_ROWS) {
  test(name, () => {
    const result = resultOf(description);
    assert.deepEqual(
      {
        outcome: result.outcome,
        fault: result.fault,
        rejection: result.rejection,
        r0: result.r0,
        counters: { ...result.counters, helperCalls: 0, mapOps: 0 },
        chainTruncated: result.chainTruncated,
        last: result.last,
        hits: hitsOf(result),
      },
      {
        outcome: { kind: 'exit', code: 'exit' },
        fault: null,
        rejection: null,
        r0: `0x${expected.returnValue.toString(16)}`,
        counters: {
          instructions: String(expected.instructions),
          programs: expected.programs,
          tailCalls: expected.tailCalls,
          tailCallMisses: { index: 0, empty: 0, limit: 0, ...expected.misses },
          chainDepth: expected.chainDepth ?? expected.tailCalls,
          helperCalls: 0,
          mapOps: 0,
          prints: 0,
        },
        chainTruncated: false,
        last: { program: expected.last.split(':')[0], pc: Number(expected.last.split(':')[1]), insn: 'exit' },
        hits: expected.hits ?? [],
      },
    );
    assert.equal(result.returnValue, expected.returnValue);
    if (expected.chain !== undefined) assert.deepEqual(result.chain.map(chainText), expected.chain);
    checkRows(result);
  });
}

test('rows of a chain, whole', () => {
  const row = (step: string, rest: object) => ({
    step,
    from: 'a',
    pc: 5,
    map: 'chain',
    index: 0,
    generation: 0,
    ...rest,
  });
  const { chain } = resultOf({
    programs: { a: 'r6 = r1\nr1 = r6\nr2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit' },
    maps: { chain: { slots: { 0: 'a' } } },
    maxTailCalls: 2,
  });
  assert.deepEqual(chain, [
    row('4', { to: 'a', depth: 1, taken: true, miss: null }),
    row('9', { to: 'a', depth: 2, taken: true, miss: null }),
    row('14', { to: null, depth: 2, taken: false, miss: 'limit' }),
  ]);
});

test('detail summary leaves the chain out and counts the same', () => {
  const [row] = TAIL_CALL_ROWS as [TailCallRow];
  const { name: _, expected: __, ...description } = row;
  const result = resultOf({ ...description, detail: 'summary' });
  assert.deepEqual(result.chain, []);
  assert.equal(result.counters.tailCalls, 33);
});

/** The two numbers that are never mixed: the kernel limit falls through, the budget ends the run. */
const SELF = {
  programs: { p: 'r6 = r1\nr1 = r6\nr2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit' },
  maps: { chain: { slots: { 0: 'p' } } },
};
const taken = 'p:5 chain[0] -> p';
const BUDGETS: readonly {
  readonly name: string;
  readonly settings: Partial<RunDescription>;
  readonly outcome: string;
  readonly instructions: number;
  readonly programs: number;
  readonly tailCalls: number;
  readonly limitMisses: number;
  readonly chain: readonly string[];
  readonly last: string;
}[] = [
  {
    name: 'budget 5',
    settings: { budgets: { tailCalls: 5 } },
    outcome: 'tail_call_budget',
    instructions: 30,
    programs: 6,
    tailCalls: 5,
    limitMisses: 0,
    chain: times(5, taken),
    last: 'p:5 call bpf_tail_call#12',
  },
  {
    name: 'limit 5',
    settings: { maxTailCalls: 5 },
    outcome: 'exit',
    instructions: 32,
    programs: 6,
    tailCalls: 5,
    limitMisses: 1,
    chain: [...times(5, taken), 'p:5 chain[0] limit'],
    last: 'p:7 exit',
  },
  {
    name: 'budget 0',
    settings: { budgets: { tailCalls: 0 } },
    outcome: 'tail_call_budget',
    instructions: 5,
    programs: 1,
    tailCalls: 0,
    limitMisses: 0,
    chain: [],
    last: 'p:5 call bpf_tail_call#12',
  },
  {
    name: 'limit 0',
    settings: { maxTailCalls: 0 },
    outcome: 'exit',
    instructions: 7,
    programs: 1,
    tailCalls: 0,
    limitMisses: 1,
    chain: ['p:5 chain[0] limit'],
    last: 'p:7 exit',
  },
  {
    name: 'budget 33 is enough for one chain',
    settings: { budgets: { tailCalls: 33 } },
    outcome: 'exit',
    instructions: 172,
    programs: 34,
    tailCalls: 33,
    limitMisses: 1,
    chain: [...times(33, taken), 'p:5 chain[0] limit'],
    last: 'p:7 exit',
  },
  {
    name: 'a budget beyond 32 bits is no smaller one',
    settings: { budgets: { tailCalls: 2 ** 32 } },
    outcome: 'exit',
    instructions: 172,
    programs: 34,
    tailCalls: 33,
    limitMisses: 1,
    chain: [...times(33, taken), 'p:5 chain[0] limit'],
    last: 'p:7 exit',
  },
  {
    name: 'limit 5 comes before budget 5',
    settings: { maxTailCalls: 5, budgets: { tailCalls: 5 } },
    outcome: 'exit',
    instructions: 32,
    programs: 6,
    tailCalls: 5,
    limitMisses: 1,
    chain: [...times(5, taken), 'p:5 chain[0] limit'],
    last: 'p:7 exit',
  },
  {
    name: 'the budget is of the whole run, the limit of each repetition',
    settings: { repeat: 4, maxTailCalls: 2, budgets: { tailCalls: 5 } },
    outcome: 'tail_call_budget',
    instructions: 2 * 17 + 10,
    programs: 8,
    tailCalls: 5,
    limitMisses: 2,
    chain: [taken],
    last: 'p:5 call bpf_tail_call#12',
  },
];

for (const row of BUDGETS) {
  test(row.name, () => {
    const result = resultOf({ ...SELF, ...row.settings });
    assert.deepEqual(
      {
        outcome: result.outcome.code,
        instructions: result.counters.instructions,
        programs: result.counters.programs,
        tailCalls: result.counters.tailCalls,
        misses: result.counters.tailCallMisses,
        chain: result.chain.map(chainText),
        last: `${result.last?.program}:${result.last?.pc} ${result.last?.insn}`,
        fault: result.fault,
        returnValue: result.returnValue,
      },
      {
        outcome: row.outcome,
        instructions: String(row.instructions),
        programs: row.programs,
        tailCalls: row.tailCalls,
        misses: { index: 0, empty: 0, limit: row.limitMisses },
        chain: row.chain,
        last: row.last,
        fault: null,
        returnValue: row.outcome === 'exit' ? 1 : null,
      },
    );
  });
}
