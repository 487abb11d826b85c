import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../src/contract/limits.ts';
import { resultOf } from '../support/engine-run.ts';
import { PRINT_ROWS, printAnswer, printRowRun } from '../support/print-rows.ts';

for (const row of PRINT_ROWS) {
  test(`print ${JSON.stringify(row.format)}`, () => {
    const { outcome, returnValue, output, counters, fault } = resultOf(printRowRun(row));
    assert.equal(outcome.code, 'exit', fault?.message);
    assert.equal(returnValue, printAnswer(row));
    assert.deepEqual(
      output.prints.map(({ text }) => text),
      row.printed === null ? [] : [row.printed],
    );
    assert.equal(counters.prints, 1);
  });
}

test('a printed line says who printed it, where and when', () => {
  const { output } = resultOf({
    programs: {
      first: 'r6 = r1\nr1 = r6\nr2 = c ll\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit',
      second: '*(u64 *)(r10 - 8) = 0x4142\nr1 = r10\nr1 += -8\nr2 = 8\ncall trace_printk\nexit',
    },
    maps: { c: { slots: { 0: 'second' } } },
  });
  assert.deepEqual(output.prints, [{ step: '9', program: 'second', pc: 4, text: 'BA' }]);
});

test('sizes: 0 and more than the longest are EINVAL, a format without its zero too', () => {
  const answer = (size: number, format: string) =>
    resultOf({
      programs: { p: `*(u64 *)(r10 - 8) = ${format}\nr1 = r10\nr1 += -8\nr2 = ${size}\ncall trace_printk\nexit` },
      verify: 'off',
    }).r0;
  const einval = '0xffffffffffffffea';
  assert.equal(answer(0, '0x41'), einval);
  assert.equal(answer(40_000, '0x41'), einval);
  assert.equal(answer(4, '0x41414141'), einval);
  assert.equal(answer(4, '0x00414141'), '0x3');
});

test('a result keeps so many prints and counts all', () => {
  const { output, counters } = resultOf({
    programs: { p: '*(u64 *)(r10 - 8) = 0x41\nr1 = r10\nr1 += -8\nr2 = 8\ncall trace_printk\nr0 = 0\nexit' },
    repeat: LIMITS.maxPrintLines.default + 10,
  });
  assert.equal(output.prints.length, LIMITS.maxPrintLines.default);
  assert.equal(counters.prints, LIMITS.maxPrintLines.default + 10);
});
