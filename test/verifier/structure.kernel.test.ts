import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { kernelAvailable } from '../support/kernel/available.ts';
import { Kernel } from '../support/kernel/kernel.ts';
import { runOnKernel } from '../support/kernel/run.ts';
import { VERIFIER_ROWS } from './rows.ts';

const unavailable = kernelAvailable();

describe('rows of the verifier on the running kernel', { skip: unavailable ?? false }, () => {
  const kernel = new Kernel();
  after(() => kernel.close());

  for (const { name, program, maps, refused } of VERIFIER_ROWS) {
    test(name, () => {
      const said = runOnKernel(kernel, { programs: [program], maps, entry: null, globalFunctions: true });
      assert.equal(said.stage, refused === null ? 'done' : 'program', said.log);
      assert.equal(said.errno, refused?.errno ?? null, said.log);
      if (refused === null) return;
      // One of Linux's texts comes without a line end, so the statistics follow at once.
      assert.ok(said.log.includes(refused.message), said.log);
      const lines = said.log.split('\n').map((line) => line.replace(/(verification time|processed \d).*$/, ''));
      assert.ok(refused.message === '' || lines.includes(refused.message), said.log);
    });
  }
});
