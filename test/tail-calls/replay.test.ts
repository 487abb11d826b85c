/** Steps of chains: as many as the run counted, and what they say is what happened; also where a run ends inside a step. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertReplays, assertReplaysDescribed } from '../support/assert-replays.ts';
import { type RunDescription, runSpec } from '../support/engine-run.ts';
import { replayOf } from '../support/replayed.ts';
import { hop, leave, SAVE, TAIL_CALL_ROWS } from '../support/tail-call-rows.ts';

for (const { name, expected: _, ...description } of TAIL_CALL_ROWS) {
  test(`trace flag off and on: ${name}`, () => {
    assertReplaysDescribed(description);
  });
}

/** More steps than the ring of records holds, so that it has leftovers of every kind. */
const FILL = `${SAVE}r8 = 2000
fill:
*(u64 *)(r10 - 8) = r8
r7 = *(u64 *)(r10 - 8)
r8 += -1
if r8 != 0 goto fill
`;
const chain = { chain: { slots: { 0: 'next' }, maxEntries: 1 }, other: { type: 'array' } };

/** The last instruction of each is the one at which the run ends. */
const ENDS: readonly (readonly [code: string, last: string, settings?: RunDescription])[] = [
  ['null_deref', 'r7 = *(u64 *)(r8 + 0)\n'],
  ['null_deref', '*(u64 *)(r8 + 0) = r6\n'],
  ['oob_write', 'r1 = r10\n*(u64 *)(r1 + 0) = r6\n'],
  ['readonly_write', '*(u32 *)(r6 + 12) = r8\n'],
  ['oob_read', 'r1 = other ll\nr2 = r10\nr2 += 8\ncall map_lookup_elem\n'],
  ['bad_argument', 'r1 = r10\nr2 = chain ll\nr3 = 0\ncall bpf_tail_call\n'],
  ['bad_argument', 'r1 = r6\nr2 = other ll\nr3 = 0\ncall bpf_tail_call\n'],
  ['tail_call_budget', hop(), { budgets: { tailCalls: 0 } }],
  ['call_depth', 'call deep\n'],
];

for (const [code, last, settings] of ENDS) {
  test(`a run that ends inside a step (${code}): the step has no effect`, () => {
    const spec = runSpec({
      programs: { entry: `${FILL}${last}${leave(1)}deep:\ncall deep\nexit`, next: leave(2) },
      maps: chain,
      verify: 'off',
      returnMaps: ['other'],
      ...settings,
    });
    const result = assertReplays(spec);
    assert.equal(result.outcome.code, code);
    const steps = Number(result.counters.instructions);
    const { rows, state } = replayOf(spec, steps - 1, 1);
    assert.equal(rows.length, 1);
    assert.deepEqual([rows[0]!.dst, rows[0]!.mem, rows[0]!.patches], [undefined, undefined, undefined]);
    const before = replayOf(spec, steps - 1, 0).state;
    assert.deepEqual([state.frames, state.stack, state.maps], [before.frames, before.stack, before.maps]);
  });
}
