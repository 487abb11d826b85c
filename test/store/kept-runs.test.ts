import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FinishedRun, formOfRun } from '../../src/contract/finished-run.ts';
import { limitsWith } from '../../src/contract/limits.ts';
import type { RunResult } from '../../src/contract/result.ts';
import { unrunResult } from '../../src/contract/unrun-result.ts';
import { KEPT_RUN_OVERHEAD_BYTES, KeptRuns, MAX_GONE_IDS } from '../../src/store/kept-runs.ts';
import { sizeOfKept } from '../../src/store/kept-size.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { runSpec } from '../support/engine-run.ts';

/** A run with `bytes` bytes of packet. */
function finished(id: string, bytes = 100): FinishedRun {
  const spec = runSpec({ programs: { p: 'r0 = 2\nexit' }, packet: new Uint8Array(bytes).fill(7) });
  return {
    result: unrunResult(id, spec, 'exit', 0),
    started: { programs: [{ index: 0, name: 'p', insns: 2 }], maps: [] },
    source: { spec, slotLog: [], steps: 2 },
  };
}

const STORE = new MemoryStore({ quota: limitsWith() }).runs;
const A = { tenant: 'one', id: 'a' };

const cost = (run: FinishedRun): number => sizeOfKept(formOfRun(run)) + KEPT_RUN_OVERHEAD_BYTES;

function keep(runs: KeptRuns, run: FinishedRun, tenant = 'one'): void {
  runs.begin({ tenant, id: run.result.id }, () => {})({ kind: 'finished', run });
}

const states = (runs: KeptRuns, ids: readonly string[], tenant = 'one'): string[] =>
  ids.map((id) => runs.get({ tenant, id }).state);

test('a run is running until it has ended, then its result and its source stand under its id', async () => {
  const runs = new KeptRuns(1e6, STORE);
  let cancelled = 0;
  assert.deepEqual(states(runs, ['a']), ['unknown']);
  const end = runs.begin(A, () => {
    cancelled += 1;
  });
  const running = runs.get(A);
  assert.ok(running.state === 'running');
  running.cancel();
  assert.deepEqual([cancelled, runs.running, runs.size], [1, 1, 0]);
  const run = finished('a');
  end({ kind: 'finished', run });
  assert.deepEqual(await running.ended, { kind: 'finished', run });
  const kept = runs.get(A);
  assert.ok(kept.state === 'finished');
  assert.deepEqual(kept.run, run);
  assert.deepEqual([runs.running, runs.size], [0, 1]);
});

test('a run that ended with a problem is told to who waits, and is not kept', async () => {
  const runs = new KeptRuns(1e6, STORE);
  const end = runs.begin(A, () => {});
  const running = runs.get(A);
  const problem = { code: 'bad_elf', detail: 'none' } as const;
  end({ kind: 'problem', problem });
  assert.ok(running.state === 'running');
  assert.deepEqual(await running.ended, { kind: 'problem', problem });
  assert.deepEqual(states(runs, ['a']), ['unknown']);
});

test('the bytes that count are those that are kept, and the overhead of each run', () => {
  const runs = new KeptRuns(1e7, STORE);
  const all = [finished('a', 64), finished('b', 100_000), finished('c', 0)];
  for (const run of all) keep(runs, run);
  assert.equal(
    runs.bytes,
    all.reduce((sum, run) => sum + cost(run), 0),
  );
  const [small, large] = [cost(all[0]!), cost(all[1]!)];
  assert.ok(large - small >= 100_000 - 64, `${large} - ${small}`);
});

test('many small entries are counted with what they really take', () => {
  const spec = runSpec({
    programs: { p: 'exit' },
    maps: { m: { maxEntries: 1000, entries: Array.from({ length: 1000 }, () => ['00000000', '0000000000000000']) } },
  });
  const runs = new KeptRuns(1e7, STORE);
  keep(runs, { ...finished('a'), source: { spec, slotLog: [], steps: 2 } });
  assert.ok(runs.bytes >= 1000 * 12, String(runs.bytes));
});

test('the least recently used run leaves first, and to be asked for is to be used', () => {
  const room = 3 * cost(finished('a'));
  const runs = new KeptRuns(room, STORE);
  for (const id of ['a', 'b', 'c']) keep(runs, finished(id));
  assert.deepEqual(states(runs, ['b', 'c', 'a']), ['finished', 'finished', 'finished']);
  keep(runs, finished('d'));
  assert.deepEqual(states(runs, ['b']), ['gone']);
  assert.ok(runs.bytes <= room);
  keep(runs, finished('e'));
  assert.deepEqual(states(runs, ['a', 'b', 'c', 'd', 'e', 'f']), [
    'finished',
    'gone',
    'gone',
    'finished',
    'finished',
    'unknown',
  ]);
});

test('a run larger than the whole store is gone at once, and pushes nothing out', () => {
  const runs = new KeptRuns(10_000, STORE);
  keep(runs, finished('small'));
  keep(runs, finished('large', 20_000));
  assert.deepEqual(states(runs, ['small', 'large']), ['finished', 'gone']);
  assert.deepEqual(runs.get({ tenant: 'one', id: 'large' }), { state: 'gone', tooLarge: true });
  assert.deepEqual([runs.bytes, runs.size], [cost(finished('small')), 1]);
});

test('ids that have left are remembered up to their number', () => {
  const runs = new KeptRuns(0, STORE);
  const run: FinishedRun = { result: {} as RunResult, started: null, source: null };
  for (let index = 0; index <= MAX_GONE_IDS; index++) {
    runs.begin({ tenant: 'one', id: `id${index}` }, () => {})({ kind: 'finished', run });
  }
  assert.deepEqual(states(runs, ['id0', 'id1', `id${MAX_GONE_IDS}`]), ['unknown', 'gone', 'gone']);
});

test('what belongs to another tenant is unknown, running, finished and gone', () => {
  const runs = new KeptRuns(cost(finished('a')), STORE);
  const end = runs.begin(A, () => {});
  assert.deepEqual(runs.get({ tenant: 'other', id: 'a' }), { state: 'unknown' });
  end({ kind: 'finished', run: finished('a') });
  assert.deepEqual([states(runs, ['a']), states(runs, ['a'], 'other')], [['finished'], ['unknown']]);
  keep(runs, finished('b'));
  assert.deepEqual([states(runs, ['a']), states(runs, ['a'], 'other')], [['gone'], ['unknown']]);
});

test('the tenant who takes the most room makes room', () => {
  const runs = new KeptRuns(4 * cost(finished('a')), STORE);
  keep(runs, finished('a'), 'quiet');
  for (const id of ['b', 'c', 'd', 'e', 'f', 'g']) keep(runs, finished(id));
  assert.deepEqual(states(runs, ['a'], 'quiet'), ['finished']);
  assert.deepEqual(states(runs, ['b', 'c', 'd', 'e', 'f', 'g']), [
    'gone',
    'gone',
    'gone',
    'finished',
    'finished',
    'finished',
  ]);
  keep(runs, finished('h'), 'quiet');
  assert.deepEqual(states(runs, ['a', 'h'], 'quiet'), ['finished', 'finished']);
  assert.deepEqual([runs.size, runs.bytes], [4, 4 * cost(finished('a'))]);
});
