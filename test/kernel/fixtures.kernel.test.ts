/** The measured rows of the compiled objects, measured again on the running kernel. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readObject } from '../../src/elf/object.ts';
import { bytesOf } from '../support/engine-run.ts';
import { FIXTURE_RUNS, nameOf, objectOf, outcomeOf, sorted } from '../support/fixture-runs.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { Kernel } from '../support/kernel/kernel.ts';
import { runOnKernel } from '../support/kernel/run.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('compiled objects on Linux', { skip: kernelAvailable() ?? false }, () => {
  for (const row of FIXTURE_RUNS) {
    test(nameOf(row), () => {
      const { programs, maps } = readObject(objectOf(row));
      const done = runOnKernel(new Kernel(), { programs, maps, entry: row.entry, packet: bytesOf(row.packetHex) });
      assert.equal(done.stage, 'done', `${done.errno} ${done.name}\n${done.log}`);
      const contents = Object.keys(row.maps).map((name) => [
        name,
        sorted((done.maps[name] ?? []).map(({ key, value }) => ({ key: hex(key), value: hex(value) }))),
      ]);
      assert.deepEqual(
        {
          returnValue: done.retval,
          packetOut: hex(done.packet ?? new Uint8Array(0)),
          maps: Object.fromEntries(contents),
        },
        outcomeOf(row),
      );
    });
  }
});
