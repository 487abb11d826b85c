/** The engine, with the trace flag off and on, against the oracle: every program of the row tables, and every budget of some. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assembleUbpf } from '../../src/isa/assembler/ubpf.ts';
import { type RunDescription, runSpec } from '../support/engine-run.ts';
import { MAP_ROWS, mapRowRun } from '../support/map-rows.ts';
import { type ComparedRun, Comparison, type Observation } from '../support/oracle/compare.ts';
import { comparedSpec } from '../support/oracle/described.ts';
import { hop, leave, SAVE, TAIL_CALL_ROWS } from '../support/tail-call-rows.ts';
import { SELFTEST_ROWS } from '../tail-calls/selftest-rows.ts';

const comparison = new Comparison();

function compared(description: RunDescription): ComparedRun {
  const run = comparedSpec(runSpec({ ...description, repeat: 1 }));
  assert.ok(run !== undefined, 'the oracle knows all that it uses');
  return run;
}

function same(run: ComparedRun, name: string): Observation {
  const plain = comparison.engine(run);
  const oracle = comparison.oracle(plain.oracle);
  assert.deepEqual(plain.observation, oracle, `${name}: engine and oracle`);
  assert.deepEqual(comparison.engine(run, true).observation, oracle, `${name}: engine with the trace flag and oracle`);
  return oracle;
}

test('tail-call rows', () => {
  for (const row of TAIL_CALL_ROWS) {
    const { r0, code } = same(compared(row), row.name);
    assert.equal(code, 'exit', row.name);
    assert.notEqual(r0, undefined);
  }
});

test('map rows', () => {
  for (const row of MAP_ROWS) same(compared(mapRowRun(row)), row.name);
});

test("the kernel's own tests of tail calls", () => {
  for (const { test: name, variant, type, packet, programs, maps } of SELFTEST_ROWS) {
    const description = { programs, maps, type, packet: packet === null ? null : new Uint8Array(packet) };
    same(compared(description), `${name} ${variant}`);
  }
});

/** Programs in uBPF's dialect and r0 by RFC 9669; both machines must give it. */
const ARITHMETIC: readonly (readonly [text: string, r0: bigint])[] = [
  ['lddw %r0, 0x1122334455667788\nmov %r1, 0\ndiv %r0, %r1', 0n],
  ['lddw %r0, 0x1122334455667788\nmov %r1, 0\ndiv32 %r0, %r1', 0n],
  ['lddw %r0, 0x1122334455667788\nlddw %r1, 0x100000000\nmod %r0, %r1', 0x5566_7788n],
  ['lddw %r0, 0x1122334455667788\nlddw %r1, 0x100000000\nmod32 %r0, %r1', 0x5566_7788n],
  ['lddw %r0, 0x1122334455667788\nmod %r0, 0', 0x1122_3344_5566_7788n],
  ['lddw %r0, 0x1122334455667788\nsmod32 %r0, 0', 0x5566_7788n],
  ['lddw %r0, 0x8000000000000000\nsdiv %r0, -1', 0x8000_0000_0000_0000n],
  ['lddw %r0, 0x8000000000000000\nmov %r1, -1\nsmod %r0, %r1', 0n],
  ['lddw %r0, 0x80000000\nmov %r1, -1\nsdiv32 %r0, %r1', 0x8000_0000n],
  ['lddw %r0, 0x80000000\nsmod32 %r0, -1', 0n],
  ['mov %r0, -13\nsdiv %r0, 4', 0xffff_ffff_ffff_fffdn],
  ['mov %r0, -13\nsmod %r0, 4', 0xffff_ffff_ffff_ffffn],
  ['mov %r0, 13\nsmod32 %r0, -4', 1n],
  ['mov %r0, 1\nlsh %r0, 65', 2n],
  ['mov %r0, -1\nmov %r1, 33\nrsh32 %r0, %r1', 0x7fff_ffffn],
  ['mov %r0, -8\narsh32 %r0, 1', 0xffff_fffcn],
  ['mov %r1, 0x80\nmovsx832 %r0, %r1', 0xffff_ff80n],
  ['mov %r1, 0x8000\nmovsx1664 %r0, %r1', 0xffff_ffff_ffff_8000n],
  ['lddw %r0, 0x1122334455667788\nbe32 %r0', 0x8877_6655n],
  ['lddw %r0, 0x1122334455667788\nle32 %r0', 0x5566_7788n],
  ['lddw %r0, 0x1122334455667788\nbswap64 %r0', 0x8877_6655_4433_2211n],
  ['stdw [%r10-8], -1\nmov %r0, 1\nlock fetch add32 [%r10-8], %r0', 0xffff_ffffn],
  ['stdw [%r10-8], 5\nlddw %r0, 0x100000005\nmov %r1, 9\nlock cmpxchg32 [%r10-8], %r1\nldxdw %r0, [%r10-8]', 9n],
  ['stdw [%r10-8], 5\nlddw %r0, 0x100000005\nmov %r1, 9\nlock cmpxchg [%r10-8], %r1\nldxdw %r0, [%r10-8]', 5n],
];

test('arithmetic where machines differ', () => {
  const names = { helper: () => undefined, map: () => undefined };
  for (const [text, r0] of ARITHMETIC) {
    const packet = { bytes: new Uint8Array(0), start: 0, end: 0, permission: 3 };
    const run: ComparedRun = { programs: [assembleUbpf(`${text}\nexit`, names).code], packet };
    assert.equal(same(run, text).r0, r0.toString(16), text);
  }
});

const CHAIN_WITH_LOOPS: RunDescription = {
  programs: {
    entry: `${SAVE}r7 = 3\nagain: r7 += -1\nif r7 != 0 goto again\ncall f\n${hop()}${leave(1)}f: r0 = 2\ngoto +0\nexit`,
  },
  maps: { chain: { slots: { 0: 'entry' } } },
  maxTailCalls: 3,
};

test('every budget ends the run at the same test point', () => {
  const whole = same(compared(CHAIN_WITH_LOOPS), 'whole').instructions;
  const codes = new Set<string>();
  for (let instructions = 1; instructions <= whole + 1; instructions++) {
    const run = compared({ ...CHAIN_WITH_LOOPS, budgets: { instructions } });
    codes.add(same(run, `budget ${instructions}`).code);
  }
  assert.deepEqual([...codes].sort(), ['exit', 'insn_budget']);
});

test('every budget of tail calls ends the run at the same call', () => {
  for (let tailCalls = 0; tailCalls <= 4; tailCalls++) {
    const run = compared({ ...CHAIN_WITH_LOOPS, budgets: { tailCalls } });
    assert.equal(same(run, `budget ${tailCalls}`).code, tailCalls < 3 ? 'tail_call_budget' : 'exit');
  }
});

/** What the fuzzer has found. */
test('a program that calls its own start ends by its frames', () => {
  const run = compared({ programs: { entry: 'call pc-1\nexit' }, verify: 'off' });
  const { code, instructions } = same(run, 'recursion');
  assert.deepEqual([code, instructions], ['call_depth', 8]);
  const deep = compared({ programs: { entry: '*(u64 *)(r10 - 256) = 1\ncall pc-2\nexit' }, verify: 'off' });
  assert.equal(same(deep, 'recursion with large frames').code, 'stack_overflow');
});
