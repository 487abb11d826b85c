/** Steps of chains: as many as the run counted, and what they say is what happened. */

import { test } from 'node:test';
import { assertReplaysDescribed } from '../support/replayed.ts';
import { TAIL_CALL_ROWS } from '../support/tail-call-rows.ts';

for (const { name, expected: _, ...description } of TAIL_CALL_ROWS) {
  test(`trace flag off and on: ${name}`, () => {
    assertReplaysDescribed(description);
  });
}
