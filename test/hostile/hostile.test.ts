/**
 * Each hostile case in a process of its own, hot for some seconds: the process lives, stays small, and serves the next honest run at once.
 * `npm run hostile` gives each case ten seconds.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { CASES } from './cases.ts';
import type { Report } from './report.ts';

const SECONDS = process.env.WAGGLE_HOSTILE_SECONDS ?? '3';
const MOST_RSS_MIB = 1024;
const MOST_HONEST_MS = 1000;
/** Some ten times what the slowest case takes on an idle machine. */
const MOST_LOAD_MS = 20_000;

async function reportOf(index: number): Promise<Report> {
  const file = new URL('child.ts', import.meta.url).pathname;
  // The coverage of the test runner is no concern of a process that is measured.
  const env = { ...process.env, NODE_V8_COVERAGE: undefined };
  const child = spawn(process.execPath, [file, String(index), SECONDS], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const [out, errors, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, errors);
  return JSON.parse(out.trim().split('\n').at(-1) ?? '');
}

describe('hostile runs', { concurrency: 2 }, () => {
  for (const [index, { name, ends }] of CASES.entries()) {
    test(name, async (t) => {
      const report = await reportOf(index);
      const { runs, rssMib, loadMs, overrunMs, honestMs } = report;
      t.diagnostic(
        `${name}: ${runs} runs, RSS ${rssMib.toFixed(0)} MiB, load ${loadMs.toFixed(0)} ms, ` +
          `past the wall budget ${Math.max(overrunMs, 0).toFixed(0)} ms, next run ${honestMs.toFixed(0)} ms`,
      );
      const allowed: readonly string[] = typeof ends === 'string' ? [ends] : 'limit' in ends ? [ends.limit] : ends;
      assert.ok(report.ends.length > 0);
      for (const end of report.ends) assert.ok(allowed.includes(end), `ended with ${end}, not ${allowed.join(' or ')}`);
      assert.ok(report.honestOk, 'the honest run has its own answer');
      assert.ok(honestMs < MOST_HONEST_MS, `the honest run took ${honestMs} ms`);
      assert.ok(rssMib < MOST_RSS_MIB, `RSS ${rssMib} MiB`);
      assert.ok(loadMs < MOST_LOAD_MS, `load ${loadMs} ms`);
    });
  }
});
