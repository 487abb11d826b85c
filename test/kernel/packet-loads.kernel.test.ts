/** LD_ABS and LD_IND on the engine and on the running kernel. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resultOf } from '../support/engine-run.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { describedOnKernel } from '../support/kernel/run-description.ts';
import { PACKET, PACKET_LOAD_ROWS } from '../support/packet-load-rows.ts';

describe('packet loads on Linux', { skip: kernelAvailable() ?? false }, () => {
  for (const type of ['sched_cls', 'socket_filter'] as const) {
    for (const row of PACKET_LOAD_ROWS) {
      test(`${type}: ${row.name}`, () => {
        const description = { programs: { entry: row.text }, type, packet: PACKET };
        const said = describedOnKernel(description);
        assert.equal(said.stage, 'done', `${said.errno}\n${said.log}`);
        assert.equal(said.retval, row[type]);
        assert.equal(resultOf(description).returnValue, said.retval);
      });
    }
  }
});
