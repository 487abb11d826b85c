/** Many clients, of which some never read: what the readers get, and what the others cost. */

import { setTimeout as delay } from 'node:timers/promises';
import type { TracedRun } from './trace-rate.ts';
import { CountingReader, connectSilent } from './trace-reader.ts';
import type { BenchService } from './trace-service.ts';

const SAMPLE_MS = 250;
/** Time in which threads come back after the readers have left. */
const REST_MS = 1_000;

export interface CrowdSize {
  readonly readers: number;
  readonly silent: number;
}

export interface Crowd {
  /** All readers together. */
  readonly stepsPerSecond: number;
  /** The slowest reader's steps over the mean of all. */
  readonly slowestToMean: number;
  /** Resident bytes of the service. */
  readonly memory: { readonly before: number; readonly most: number; readonly after: number };
  /** Run threads at work when only those are left that do not read. */
  readonly busyForSilent: number;
}

/** Every reader subscribes again when its trace ends; the time begins when all are connected. */
export async function measureCrowd(service: BenchService, run: TracedRun, size: CrowdSize, ms: number): Promise<Crowd> {
  const before = service.memory().now;
  let most = before;
  const silent = await Promise.all(Array.from({ length: size.silent }, () => connectSilent(service.api, run.id)));
  const readers = await Promise.all(
    Array.from({ length: size.readers }, () => CountingReader.connect(service.api, run.id, { again: true })),
  );
  const start = performance.now();
  const first = readers.map((reader) => reader.steps);
  while (performance.now() - start < ms) {
    await delay(SAMPLE_MS);
    most = Math.max(most, service.memory().now);
  }
  const seconds = (performance.now() - start) / 1000;
  const steps = readers.map((reader, index) => reader.steps - first[index]!);
  const all = steps.reduce((sum, count) => sum + count, 0);
  for (const reader of readers) reader.close();
  await delay(REST_MS);
  const busyForSilent = await service.metric('waggle_pool_busy_threads');
  for (const close of silent) close();
  await delay(REST_MS);
  return {
    stepsPerSecond: all / seconds,
    slowestToMean: Math.min(...steps) / (all / readers.length),
    memory: { before, most, after: service.memory().now },
    busyForSilent,
  };
}
