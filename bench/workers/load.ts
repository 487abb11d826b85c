/** A thread with one engine, as a run thread has it: runs what it is sent and says how long that took. */

import { parentPort } from 'node:worker_threads';
import { limitsWith } from '../../src/contract/limits.ts';
import type { RunSpec } from '../../src/contract/run-spec.ts';
import { Engine } from '../../src/pipeline/engine.ts';

/** Milliseconds by stage; `total` is from the task to its answer. */
export interface LoadAnswer {
  readonly total: number;
  /** The cache had the module. */
  readonly cached: boolean;
}

const engine = new Engine();
const limits = limitsWith();
const cancel = new Int32Array(new SharedArrayBuffer(4));

parentPort?.on('message', (spec: RunSpec) => {
  const start = performance.now();
  const answer = engine.run({ kind: 'run', id: 'load', spec, limits, queueUs: 0, tracePort: null, cancel });
  const total = performance.now() - start;
  if (answer.kind !== 'result' || answer.result.outcome.code !== 'exit') throw new Error(JSON.stringify(answer));
  parentPort?.postMessage({ total, cached: answer.result.cache?.programs === 'hit' } satisfies LoadAnswer);
});
