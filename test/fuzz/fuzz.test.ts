/** A slice of the fuzzing, always the same one, and what the generator and the minimiser promise. `npm run fuzz` goes on from there. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../src/isa/decode.ts';
import { OPCODES } from '../../src/isa/opcodes.ts';
import { Comparison } from '../support/oracle/compare.ts';
import { compareRun, describeRun } from './compare-run.ts';
import { comparedRun, generateRun } from './generator.ts';
import { minimise } from './minimise.ts';

const RUNS = 400;
const OPTIONS = { unsafePercent: 25 };

test('generated programs: the engine and the oracle see the same', () => {
  const comparison = new Comparison();
  const outcomes = new Set<string>();
  for (let seed = 0; seed < RUNS; seed++) {
    const generated = generateRun(seed, OPTIONS);
    const compared = compareRun(comparison, generated, seed % 2 === 1);
    if ('difference' in compared)
      assert.deepEqual(compared.difference.engine, compared.difference.oracle, describeRun(generated));
    else outcomes.add(compared.observation.code);
  }
  assert.ok(comparison.applied > 0.4 * RUNS, `steps of ${comparison.applied} runs were applied`);
  for (const code of ['exit', 'insn_budget', 'oob_read', 'oob_write', 'null_deref', 'bad_argument']) {
    assert.ok(outcomes.has(code), `no run of ${RUNS} ends with ${code}`);
  }
});

test('every opcode of the table is generated, and equal seeds give equal runs', () => {
  const found = new Set<number>();
  for (let seed = 0; seed < RUNS; seed++) {
    const { programs } = comparedRun(generateRun(seed, OPTIONS));
    assert.deepEqual(comparedRun(generateRun(seed, OPTIONS)).programs, programs);
    for (const { opcode } of programs.flatMap((code) => decode(code))) found.add(opcode);
  }
  assert.deepEqual(
    OPCODES.flatMap((row) => (row === undefined || found.has(row.opcode) ? [] : [row.opcode])),
    [],
  );
});

test('a failing run becomes small and still fails', () => {
  const isFailing = (run: ReturnType<typeof generateRun>) =>
    comparedRun(run).programs.some((code) => decode(code).some(({ opcode, imm }) => opcode === 0x85 && imm === 7));
  let seed = 0;
  while (!isFailing(generateRun(seed, OPTIONS))) seed++;
  const smallest = minimise(generateRun(seed, OPTIONS), isFailing);
  assert.ok(isFailing(smallest));
  const counts = comparedRun(smallest).programs.map((code) => decode(code).length);
  assert.ok(
    counts.every((count) => count === 1),
    counts.join(),
  );
});
