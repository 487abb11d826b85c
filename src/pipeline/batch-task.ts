/** Runs of a batch on one thread: one after another, until others want the thread, the slice is over, or the answer is large enough. */

import type { BatchAnswer, BatchRunAnswer, BatchTask } from '../contract/batch-task.ts';
import { restOf } from '../contract/finished-run.ts';
import { REPLAY_CONTROL, type RunTask, type TaskAnswer, THREAD_WANTED } from '../contract/task.ts';

/** A piece of a batch ends behind the run that passes this time, ms: lines come as they finish, and threads change hands. */
export const BATCH_SLICE_MS = 20;
/** Or this size of its answers, bytes. */
export const BATCH_ANSWER_BYTES = 1024 * 1024;

/** What runs one run. */
export interface RunsRuns {
  run(task: RunTask): TaskAnswer;
}

/**
 * Runs as many of the task's runs as fit, one at least. An exception is a defect of ours, as it is for one run.
 * @param now ms
 */
export function runBatchTask(engine: RunsRuns, task: BatchTask, now = () => performance.now()): BatchAnswer {
  const { control, limits, queueUs } = task;
  const begun = now();
  const answers: BatchRunAnswer[] = [];
  let bytes = 0;
  for (const { id, spec } of task.runs) {
    const answer = engine.run({ kind: 'run', id, spec, limits, queueUs, tracePort: null, cancel: control });
    const made = batchRunAnswer(answer);
    answers.push(made);
    if (made.kind === 'result') bytes += made.text.length + made.rest.length;
    const wanted = Atomics.load(control, REPLAY_CONTROL.YIELD);
    if (wanted === THREAD_WANTED.BY_ANOTHER || bytes >= BATCH_ANSWER_BYTES || now() - begun >= BATCH_SLICE_MS) break;
    if (Atomics.load(control, REPLAY_CONTROL.CANCEL) !== 0) break;
  }
  return { kind: 'batch', answers };
}

/** What the API thread is told of a run. */
export function batchRunAnswer(answer: TaskAnswer): BatchRunAnswer {
  if (answer.kind === 'problem') return answer;
  const { result, observations, replay } = answer;
  const { runKey, outcome, counters, timing, budgets, cache } = result;
  return {
    kind: 'result',
    facts: { runKey, outcome, counters, timing, budgets, cache },
    text: JSON.stringify(result),
    rest: restOf(replay),
    observations,
  };
}
