/** `runTo` and windows, against a linear search over all rows. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StepRow } from '../../src/contract/step.ts';
import type { Until } from '../../src/contract/task.ts';
import { runSpec } from '../support/engine-run.ts';
import { replayOf } from '../support/replayed.ts';
import { replayTask, sourceOf } from '../support/step-streams.ts';
import { count, hop, leave, SAVE } from '../support/tail-call-rows.ts';

const SPEC = runSpec({
  programs: {
    first: `${SAVE}${count(0)}${hop(7)}${hop(1)}${leave(1)}`,
    second: `${SAVE}r1 = seen ll
r2 = r10
r2 += -8
*(u64 *)(r10 - 8) = 5
r3 = r2
r4 = 0
call map_update_elem
${hop(0)}${leave(2)}`,
  },
  maps: {
    chain: { slots: { 0: 'first', 1: 'second' }, maxEntries: 2 },
    hits: { type: 'array', maxEntries: 1 },
    seen: { type: 'hash', keySize: 8, maxEntries: 4 },
    untouched: { type: 'array', maxEntries: 1 },
  },
});
const SOURCE = sourceOf(SPEC);
const ROWS = replayOf(SPEC).rows;

const writes = (row: StepRow, map: string): boolean =>
  row.mem?.region === map || (row.patches ?? []).some((patch) => 'map' in patch && patch.map === map);
const hops = (row: StepRow): boolean => row.call?.helper === 'bpf_tail_call';

const SEARCHES: readonly { until: Until; holds: (row: StepRow) => boolean }[] = [
  { until: { program: 'second', pc: 3 }, holds: (row) => row.program === 1 && row.pc === 3 },
  { until: { program: 'second', pc: 100 }, holds: () => false },
  { until: { tailCall: true }, holds: (row) => hops(row) && row.call!.result !== null },
  { until: { tailCall: 'miss' }, holds: (row) => hops(row) && row.call!.result === null },
  { until: { mapWrite: 'hits' }, holds: (row) => writes(row, 'hits') },
  { until: { mapWrite: 'seen' }, holds: (row) => writes(row, 'seen') },
  { until: { mapWrite: 'untouched' }, holds: (row) => writes(row, 'untouched') },
];

for (const { until, holds } of SEARCHES) {
  test(`${JSON.stringify(until)}: from every step, forwards and back`, () => {
    for (let from = 0; from <= ROWS.length; from += 3) {
      const forwards = ROWS.findIndex((row, step) => step >= from && holds(row));
      const back = ROWS.findLastIndex((row, step) => step <= from && holds(row));
      const found = (isBack: boolean) => {
        const { answer } = replayTask(SOURCE, { kind: 'find', from, until, back: isBack });
        return answer.kind === 'found' ? answer.step : answer;
      };
      assert.equal(found(false), forwards < 0 ? null : forwards, `from ${from}`);
      assert.equal(found(true), back < 0 ? null : back, `back from ${from}`);
    }
  });
}

test('a program or map that the run does not have is named', () => {
  const rows: [Until, RegExp][] = [
    [{ program: 'third', pc: 0 }, /no program 'third'.*first, second/],
    [{ mapWrite: 'nothing' }, /no map 'nothing'.*chain, hits, seen, untouched/],
  ];
  for (const [until, text] of rows) {
    const { answer } = replayTask(SOURCE, { kind: 'find', from: 0, until, back: false });
    assert.ok(answer.kind === 'problem' && answer.problem.code === 'bad_reference');
    assert.match(answer.problem.detail, text);
  }
});

test('windows: rows and the state in front of them, to the end and beyond', () => {
  const rows: [from: number, count: number][] = [
    [0, 0],
    [0, 5],
    [100, 50],
    [ROWS.length - 2, 10],
    [ROWS.length, 3],
    [ROWS.length + 1000, 3],
  ];
  for (const [from, size] of rows) {
    const { answer } = replayTask(SOURCE, { kind: 'window', from, count: size, state: true });
    assert.ok(answer.kind === 'window');
    const first = Math.min(from, ROWS.length);
    assert.equal(answer.first, first);
    assert.deepEqual(answer.rows, ROWS.slice(first, first + size));
    assert.equal(answer.next, first + size < ROWS.length ? first + size : null);
    assert.deepEqual(answer.state, replayOf(SPEC, first, 0).state);
  }
  const { answer } = replayTask(SOURCE, { kind: 'window', from: 1, count: 1, state: false });
  assert.ok(answer.kind === 'window' && answer.state === null);
});
