/** Rows and patches applied by the client, held against states that the engine folds by itself. */

import assert from 'node:assert/strict';
import { TraceState } from '../../src/client/trace-state.ts';
import type { StepRow, StepState } from '../../src/contract/step.ts';

/** What a client has from `started`, and what the maps look like. */
export interface RunShape {
  readonly programs: readonly string[];
  readonly maps: readonly { readonly name: string; readonly type: string; readonly valueSize: number }[];
}

/** Elements in the order of their keys, which is no part of a state. */
export function comparable(state: StepState): unknown {
  const byKey = (left: { key: { hex: string } }, right: typeof left) => (left.key.hex < right.key.hex ? -1 : 1);
  const maps = Object.entries(state.maps).map(([name, entries]) => [name, entries.toSorted(byKey)]);
  return { ...state, maps: Object.fromEntries(maps) };
}

/**
 * Applies `rows` to `start` and compares with every state of `ends`, each of which stands in front of the step that it names.
 * @param invocation the state in front of step 0, from which each repetition starts again
 */
export function assertApplied(
  start: StepState,
  rows: readonly StepRow[],
  ends: readonly StepState[],
  { programs }: RunShape,
  invocation = start,
): void {
  const applied = new TraceState(programs, start, invocation);
  const byStep = new Map(ends.map((end) => [Number(end.step), end]));
  const compare = () => {
    const end = byStep.get(applied.step);
    if (end === undefined) return;
    const state = applied.state(end.stack.start);
    assert.deepEqual(comparable(state), comparable(end), `the state in front of step ${end.step}`);
    byStep.delete(applied.step);
  };
  compare();
  rows.forEach((row, index) => {
    assert.doesNotThrow(() => applied.apply(row, rows[index + 1] ?? byStep.get(applied.step + 1) ?? null));
    compare();
  });
  assert.deepEqual([...byStep.keys()], [], 'states that no row leads to');
}
