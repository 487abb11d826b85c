/** Compiled objects on the running kernel: the rows that the engine is held to, and the example's packets on both. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bytesOf, resultOf } from '../support/engine-run.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { describedOnKernel } from '../support/kernel/run-description.ts';
import { exampleRun, OBJECT_RUNS, objectRun, sortedElements } from '../support/object-runs.ts';

describe('compiled objects on Linux', { skip: kernelAvailable() ?? false }, () => {
  for (const row of OBJECT_RUNS) {
    test(`${row.object} ${row.entry}, packet ${row.packet}`, () => {
      const said = describedOnKernel(objectRun(row));
      assert.equal(said.stage, 'done', `${said.errno}\n${said.log}`);
      assert.equal(said.retval, row.returnValue);
      assert.equal(Buffer.from(said.packet ?? []).toString('hex'), row.packetOut);
      for (const [name, elements] of Object.entries(row.maps)) {
        const expected = elements.map(({ key, value }) => ({ key: bytesOf(key), value: bytesOf(value) }));
        assert.deepEqual(sortedElements(said.maps[name] ?? []), sortedElements(expected), name);
      }
    });
  }

  for (const name of ['tcp', 'udp', 'arp']) {
    test(`the example's ${name} packet, repeated three times, on both`, () => {
      const run = { ...exampleRun(name), repeat: 3 };
      const said = describedOnKernel(run);
      const { returnValue, output } = resultOf(run);
      assert.equal(said.stage, 'done', `${said.errno}\n${said.log}`);
      assert.equal(returnValue, said.retval);
      assert.equal(output.packet?.hex, Buffer.from(said.packet ?? []).toString('hex'));
      for (const map of ['packets', 'ports']) {
        const own = output.maps[map]!.map(({ key, value }) => ({ key: bytesOf(key.hex), value: bytesOf(value.hex) }));
        assert.deepEqual(sortedElements(own), sortedElements(said.maps[map] ?? []), map);
      }
    });
  }
});
