/** What the API thread and a run thread say to each other. Everything here is structured-cloneable. */

import type { MessagePort } from 'node:worker_threads';
import type { LimitName, Limits } from './limits.ts';
import type { Problem } from './problem.ts';
import type { ChainRow, PrintRow, RunResult } from './result.ts';
import type { RunSpec } from './run-spec.ts';

/** Limits of the server that the engine enforces (configuration, by their name in /v1/limits). */
export type EngineLimits = Pick<Limits, (typeof ENGINE_LIMITS)[number]>;

export const ENGINE_LIMITS = [
  'maxPrograms',
  'maxMaps',
  'maxInstructionsPerProgram',
  'maxInstructionsPerRun',
  'maxInstructionsPerFunction',
  'maxInstructionsPerIrreducibleFunction',
  'maxBlocksPerFunction',
  'maxBackEdgesPerFunction',
  'maxBlocksPerIrreducibleFunction',
  'maxModuleBytes',
  'maxFillProbes',
  'maxReturnedMapBytes',
  'maxMemoryBytes',
] as const satisfies readonly LimitName[];

export interface RunTask {
  readonly kind: 'run';
  readonly id: string;
  readonly spec: RunSpec;
  readonly limits: EngineLimits;
  /** Microseconds that the task waited in the queue, for timing.queueUs. */
  readonly queueUs: number;
  /** Live listeners get chain rows and prints here, then `end` as the last message; null: nobody listens. */
  readonly tracePort: MessagePort | null;
  /** One Int32 cell; the API thread stores 1 to cancel the run at its next refill. */
  readonly cancel: Int32Array<SharedArrayBuffer>;
}

export type WorkerTask = RunTask;

/** What the API thread observes in the metrics beside the result's own fields. */
export interface Observations {
  /** Number of invocations that ended at each chain depth (index = hops taken, 0 to 33). */
  readonly chainDepths: readonly number[];
  /** Calls by helper name. */
  readonly helperCalls: Readonly<Record<string, number>>;
  /** The verifier rule that refused, if one did. */
  readonly verifierRule: string | null;
}

export type TaskAnswer =
  | { readonly kind: 'result'; readonly result: RunResult; readonly observations: Observations }
  | { readonly kind: 'problem'; readonly problem: Problem };

export type TraceMessage =
  | {
      readonly type: 'started';
      readonly programs: readonly { readonly index: number; readonly name: string; readonly insns: number }[];
      readonly maps: readonly string[];
    }
  | { readonly type: 'chain'; readonly rows: readonly ChainRow[] }
  | { readonly type: 'print'; readonly row: PrintRow }
  | { readonly type: 'end' };
