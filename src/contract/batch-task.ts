/** What the API thread and a run thread say to each other about the runs of a batch. */

import type { Problem } from './problem.ts';
import type { RunFacts } from './result.ts';
import type { RunSpec } from './run-spec.ts';
import type { EngineLimits, Observations } from './task.ts';

/** Some of the runs of a batch: one after another, each on a VM of its own. */
export interface BatchTask {
  readonly kind: 'batch';
  readonly runs: readonly { readonly id: string; readonly spec: RunSpec }[];
  readonly limits: EngineLimits;
  readonly queueUs: number;
  /** Cells of REPLAY_CONTROL; there is no credit. */
  readonly control: Int32Array<SharedArrayBuffer>;
}

/** A run of a batch. What the API thread has no part in is made on the run thread: the result's text and of what else is kept. */
export type BatchRunAnswer =
  | {
      readonly kind: 'result';
      readonly facts: RunFacts;
      /** The result as JSON. */
      readonly text: string;
      /** As restOf gives it. */
      readonly rest: string;
      readonly observations: Observations;
    }
  | { readonly kind: 'problem'; readonly problem: Problem };

/** The first runs of the task, in order; at least one. The rest is to be asked for again. */
export interface BatchAnswer {
  readonly kind: 'batch';
  readonly answers: readonly BatchRunAnswer[];
}
