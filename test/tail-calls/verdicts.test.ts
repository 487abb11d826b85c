/** Verdicts on programs with a tail call: ours and Linux's. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { verifyRunnable, verifyStructure } from '../../src/verifier/verify.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { Kernel } from '../support/kernel/kernel.ts';
import { runOnKernel } from '../support/kernel/run.ts';
import { call, EXIT, helper, join, loadMap, map, program, R0, slot, TAIL_CALL } from '../verifier/build.ts';
import { VERDICT_TESTS } from './selftest-rows.ts';
import { VERDICT_ROWS, type VerdictRow } from './verdict-rows.ts';

const title = ({ test: name, variant }: VerdictRow): string => (variant === '' ? name : `${name}: ${variant}`);

for (const row of VERDICT_ROWS) {
  test(title(row), () => {
    const { rejection } = verifyStructure(row.program, row.maps);
    if (row.awaits === null) {
      assert.deepEqual(rejection === null ? null : { errno: rejection.errno, message: rejection.message }, row.linux);
    } else assert.equal(rejection?.unsupported ?? 'registers', row.awaits, rejection?.message);
  });
}

describe('the same on Linux', { skip: kernelAvailable() ?? false }, () => {
  for (const row of VERDICT_ROWS) {
    test(title(row), () => {
      using kernel = new Kernel();
      const said = runOnKernel(kernel, { programs: [row.program], maps: row.maps, entry: null });
      assert.equal(said.errno, row.linux?.errno ?? null, said.log);
      assert.ok(said.log.includes(row.linux?.message ?? ''), said.log);
    });
  }
});

test('every verdict among the kernel’s tests has a row, and those that await something say what', (context) => {
  const rows = VERDICT_ROWS.filter((row) => VERDICT_TESTS.includes(row.test));
  assert.deepEqual(new Set(rows.map((row) => row.test)), new Set(VERDICT_TESTS));
  const waiting = new Set(rows.filter((row) => row.awaits !== null).map((row) => `${row.test} (${row.awaits})`));
  context.diagnostic(`verdicts that await a feature: ${[...waiting].join(', ')}`);
});

/** lddw r2 = the function `distance` slots behind the second half. */
const functionAddress = (register: number, distance: number): Uint8Array =>
  join([slot(0x18, register, 4, 0, distance), slot(0)]);
const LOOP: readonly Uint8Array[] = [
  slot(0xb7, 1, 0, 0, 1),
  functionAddress(2, 6),
  slot(0xb7, 3),
  slot(0xb7, 4),
  helper(181),
  R0,
  EXIT,
];
const callbacks: readonly (readonly [name: string, parts: readonly Uint8Array[], message: string | null])[] = [
  ['a callback without a tail call', [...LOOP, R0, EXIT], null],
  [
    'a callback that tail-calls',
    [...LOOP, loadMap(2, 0), slot(0xb7, 3), TAIL_CALL, R0, EXIT],
    'a tail call can be reached from the callback at insn 8',
  ],
  [
    'a callback that calls a function that tail-calls',
    [...LOOP, call(2), R0, EXIT, loadMap(2, 0), slot(0xb7, 3), TAIL_CALL, R0, EXIT],
    'a tail call can be reached from the callback at insn 8 through the function at insn 11',
  ],
  [
    'the same, two calls away',
    [...LOOP, call(2), R0, EXIT, call(2), R0, EXIT, loadMap(2, 0), slot(0xb7, 3), TAIL_CALL, R0, EXIT],
    'a tail call can be reached from the callback at insn 8 through the function at insn 14',
  ],
  ['a tail call beside a callback', [loadMap(2, 0), slot(0xb7, 3), TAIL_CALL, ...LOOP, R0, EXIT], null],
];

for (const [name, parts, message] of callbacks) {
  test(`${name} is refused by its own rule, or as not implemented`, () => {
    const functions = join(parts).length / 8;
    const starts = Array.from({ length: functions }, (_, pc) => pc);
    const checked = program(join(parts), {
      hasBtf: true,
      functions: starts.map((pc) => ({ name: `f${pc}`, pc, linkage: 'static', returns: 'int' })),
    });
    for (const verify of [verifyStructure, verifyRunnable]) {
      const { rejection } = verify(checked, [map('prog_array')]);
      assert.equal(rejection?.rule, message === null ? 'unsupported' : 'callback_tail_call');
      if (message !== null) assert.deepEqual([rejection?.errno, rejection?.message], ['EINVAL', message]);
    }
  });
}
