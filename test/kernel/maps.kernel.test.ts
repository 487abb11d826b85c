/** Map helpers on the running kernel: the rows that the engine is held to. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { kernelAvailable } from '../support/kernel/available.ts';
import { describedOnKernel } from '../support/kernel/run-description.ts';
import { MAP_ROWS, mapRowRun, signedResults } from '../support/map-rows.ts';

describe('map helpers on Linux', { skip: kernelAvailable() ?? false }, () => {
  for (const row of MAP_ROWS) {
    test(row.name, () => {
      const said = describedOnKernel(mapRowRun(row));
      assert.equal(said.stage, 'done', `${said.errno}\n${said.log}`);
      assert.deepEqual(signedResults(said.maps.results!.map(({ value }) => value)), row.results);
    });
  }
});
