/** Chains on the engine and on the running kernel: the same return value, packet and maps. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type RunDescription, resultOf } from '../support/engine-run.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { describedOnKernel } from '../support/kernel/run-description.ts';
import { TAIL_CALL_ROWS } from '../support/tail-call-rows.ts';

describe('tail calls on Linux', { skip: kernelAvailable() ?? false }, () => {
  for (const { name, expected, ...description } of TAIL_CALL_ROWS) {
    test(name, () => {
      const said = describedOnKernel(description);
      assert.equal(said.stage, 'done', `${said.errno}\n${said.log}`);
      const returnMaps = Object.entries(description.maps ?? {}).flatMap(([map, { type, slots }]) =>
        slots === undefined && type !== 'prog_array' ? [map] : [],
      );
      const asked: RunDescription = { ...description, returnMaps };
      const { returnValue, output } = resultOf(asked);
      assert.equal(said.retval, expected.returnValue);
      assert.equal(returnValue, said.retval);
      assert.equal(output.packet?.hex, Buffer.from(said.packet ?? []).toString('hex'));
      for (const map of returnMaps) {
        assert.deepEqual(
          output.maps[map],
          said.maps[map]?.map(({ key, value }) => ({
            key: { hex: Buffer.from(key).toString('hex') },
            value: { hex: Buffer.from(value).toString('hex') },
          })),
        );
      }
    });
  }
});
