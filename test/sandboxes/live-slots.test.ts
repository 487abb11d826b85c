/** Slots that change while a chain runs: every hop sees the program before or after, never none, in the order of the changes. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { WORKER_URL } from '../../src/app.ts';
import { limitsWith } from '../../src/contract/limits.ts';
import { RunPool } from '../../src/pool/pool.ts';
import type { RunAnswer } from '../../src/pool/run-job.ts';
import type { Sandbox } from '../../src/sandboxes/sandbox.ts';
import { Sandboxes } from '../../src/sandboxes/sandboxes.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { type RunDescription, runSpec } from '../support/engine-run.ts';
import { counting } from '../support/sandbox-service.ts';

const limits = limitsWith({ maxInstructions: 1e12 });
const observer = { waited() {}, recycled() {}, probed() {} };
const pools = {
  pool: new RunPool({ worker: WORKER_URL, threads: 1, limits, observer }),
  loader: new RunPool({ worker: WORKER_URL, threads: 1, limits, observer }),
};
const store = new MemoryStore({ quota: limits });
const sandboxes = new Sandboxes({ loader: pools.loader, store, limits });
const OWNER = { tenant: 'test', bucket: 'test' };

after(async () => {
  await sandboxes.close();
  await Promise.all([pools.pool.close(), pools.loader.close()]);
});

/** How entry reaches slot 0 of `chain`: with an index that the code says, and with one that it reads from the context. */
const ENTRIES = {
  constant: 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 7\nexit',
  variable: 'r3 = *(u32 *)(r1 + 16)\nr2 = chain ll\ncall bpf_tail_call\nr0 = 7\nexit',
};

function chain(entry: string): RunDescription {
  return {
    programs: { entry, a: counting(0, 2), b: counting(1, 1) },
    maps: { chain: { maxEntries: 4, slots: { 0: 'a' } }, hits: { maxEntries: 3 } },
  };
}

async function make(description: RunDescription): Promise<Sandbox> {
  const answer = await sandboxes.create(OWNER, { ...runSpec(description) }, 600);
  if (answer.kind !== 'created') assert.fail(JSON.stringify(answer));
  return answer.sandbox;
}

function start(sandbox: Sandbox, repeat: number): { answer: Promise<RunAnswer>; isOver: () => boolean } {
  const spec = runSpec({
    entry: 'entry',
    repeat,
    returnMaps: ['hits'],
    budgets: { instructions: 1e12, wallMs: 60_000 },
  });
  const { answer } = sandbox.submit(pools.pool, { id: 'run', principal: 'test', listener: null, spec });
  let over = false;
  void answer.then(() => {
    over = true;
  });
  return { answer, isOver: () => over };
}

const program = (sandbox: Sandbox, name: string) => {
  const number = sandbox.numberOf(name);
  return { ...sandbox.programs[number]!, number };
};

function counts(answer: Extract<RunAnswer, { kind: 'result' }>): number[] {
  return answer.result.output.maps.hits!.map(({ value }) => Buffer.from(value.hex, 'hex').readUInt32LE(0));
}

/** Executions of the run, each with a loop of so many rounds in front of its hop: seconds, in which the swaps happen. */
const REPEAT = 100_000;
const ROUNDS = 8_000;
const SWAPS = 2_000;
/** The log of what a run has seen keeps more than these. */
const MAX_SWAPS = 60_000;
const SEEN = 1_000;
const MAX_ROUNDS = 6;

for (const [kind, entry] of Object.entries(ENTRIES)) {
  test(`swaps under one running chain, and a program that came late, ${kind} index`, async (t) => {
    const sandbox = await make(chain(`r4 = 0\nwait:\nr4 += 1\nif r4 < ${ROUNDS} goto wait\n${entry}`));
    const aim = async (name: string): Promise<void> => {
      assert.equal(sandbox.progArrays.change(0, new Map([[0, program(sandbox, name)]])), null);
      await sandbox.progArrays.stored();
      await immediate();
    };
    const names = ['b', 'a'];
    const seen = new Set<number>();
    // One run on a machine that has time; on a crowded one this thread and the run's take turns, and the run sees fewer.
    for (let round = 0; seen.size < SEEN && round < MAX_ROUNDS; round += 1) {
      const run = start(sandbox, REPEAT);
      while (!sandbox.isRunning) await immediate();
      let swaps = 0;
      for (; !run.isOver() && swaps < MAX_SWAPS; swaps += 1) {
        await aim(names[swaps % names.length]!);
        if (swaps !== SWAPS || names.includes('late')) continue;
        const added = await sandbox.addProgram(
          pools.loader,
          'test',
          runSpec({ programs: { late: counting(2, 3) } }).programs[0]!,
        );
        assert.equal(added?.kind, 'added', JSON.stringify(added));
        names.push('late');
      }
      assert.ok(swaps >= SWAPS, `${swaps} swaps`);
      const answer = await run.answer;
      if (answer.kind !== 'result') assert.fail(JSON.stringify(answer));
      const { counters, outcome } = answer.result;
      assert.equal(outcome.code, 'exit');
      assert.deepEqual(counters.tailCallMisses, { index: 0, empty: 0, limit: 0 });
      assert.equal(counters.tailCalls, REPEAT);
      const visits = counts(answer);
      assert.equal(visits[0]! + visits[1]! + visits[2]!, (round + 1) * REPEAT);
      for (const value of visits) assert.ok(value > 0, `visits: ${visits.join()}`);
      assert.ok(answer.replay !== null);
      const generations = answer.replay.slotLog.map((row) => row.generation);
      assert.deepEqual(
        generations,
        generations.toSorted((left, right) => left - right),
      );
      for (const generation of generations) seen.add(generation);
      t.diagnostic(`round ${round}: ${swaps} swaps, ${generations.length} seen, visits ${visits.join(' ')}`);
    }
    assert.ok(seen.size >= SEEN, `${seen.size} generations seen`);
  });
}
