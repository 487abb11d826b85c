/**
 * Load latency: from a task that reaches a run thread to its answer (read, verify, translate, compile, run once, describe), for bytes that the
 * process has never seen, and for the same bytes again. The thread has run 100 other programs before.
 */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type RunDescription, runSpec } from '../test/support/engine-run.ts';
import { randomProgram } from './random-program.ts';
import { formatTable } from './table.ts';
import type { LoadAnswer } from './workers/load.ts';

export const LOAD_SIZES = [10, 100, 1000, 10_000] as const;
const WARM_UP_PROGRAMS = 100;
const LARGEST_WARM_UP_PROGRAM = 1000;
/** Programs of each size; then the same again for the cached figure. */
const SAMPLES = 15;

export interface LoadTimes {
  readonly instructions: number;
  /** Milliseconds, sorted. */
  readonly cold: readonly number[];
  readonly cached: readonly number[];
}

function taskOf(bytes: Uint8Array): ReturnType<typeof runSpec> {
  const source = { kind: 'insns', bytes } as const;
  const spec = runSpec({ programs: { entry: '' } } satisfies RunDescription);
  return { ...spec, programs: spec.programs.map((program) => ({ ...program, source })) };
}

/** @param seed the first of the numbers that the programs are made from: another one for each call in a process */
export async function measureLoadTimes(seed: number): Promise<LoadTimes[]> {
  const worker = new Worker(new URL('workers/load.ts', import.meta.url));
  let next = seed;
  const run = async (bytes: Uint8Array, cached: boolean): Promise<number> => {
    worker.postMessage(taskOf(bytes));
    const [answer] = (await once(worker, 'message')) as [LoadAnswer];
    if (answer.cached !== cached) throw new Error(`module ${cached ? 'not ' : ''}in the cache`);
    return answer.total;
  };
  try {
    for (let count = 1; count <= WARM_UP_PROGRAMS; count++) {
      const length = Math.max(20, Math.round((LARGEST_WARM_UP_PROGRAM * count) / WARM_UP_PROGRAMS));
      await run(randomProgram(length, next++), false);
    }
    const times = LOAD_SIZES.map((instructions) => ({ instructions, cold: [] as number[], cached: [] as number[] }));
    for (let sample = 0; sample < SAMPLES; sample++) {
      for (const row of times) {
        const bytes = randomProgram(row.instructions, next++);
        row.cold.push(await run(bytes, false));
        row.cached.push(await run(bytes, true));
      }
    }
    const sorted = (values: readonly number[]) => values.toSorted((left, right) => left - right);
    return times.map((row) => ({ ...row, cold: sorted(row.cold), cached: sorted(row.cached) }));
  } finally {
    await worker.terminate();
  }
}

export function describeLoadTimes(times: readonly LoadTimes[]): string {
  const ms = (value: number | undefined) => (value ?? Number.NaN).toFixed(3);
  const head = ['load, ms to the first result', 'cold minimum', 'cold median', 'cached minimum', 'cached median'];
  const rows = times.map(({ instructions, cold, cached }) => [
    `${instructions} instructions`,
    ...[cold, cached].flatMap((values) => [ms(values[0]), ms(values[values.length >> 1])]),
  ]);
  return formatTable(head, rows);
}
