/** A question to a worker that is neither a run nor a replay: one task, one answer, nothing in between. */

import type { Transferable } from 'node:worker_threads';
import type { Problem } from '../contract/problem.ts';
import type { EngineLimits, WorkerAnswer, WorkerTask } from '../contract/task.ts';
import type { Job } from './job.ts';
import type { ThreadAnswer } from './run-thread.ts';

export interface AskRequest<Answer extends WorkerAnswer> {
  readonly principal: string;
  readonly task: (limits: EngineLimits) => WorkerTask;
  readonly transferList?: readonly Transferable[];
  /** What may come back. */
  readonly answers: readonly Answer['kind'][];
}

export interface AskHandle<Answer> {
  /** Rejects only for a defect of the pool or the worker. */
  readonly answer: Promise<Answer | { readonly kind: 'problem'; readonly problem: Problem }>;
  readonly cancel: () => void;
}

/** Times that bound a question, ms. */
export interface AskTimes {
  readonly maxLoadMs: number;
  readonly maxQueueMs: number;
}

export function askJob<Answer extends WorkerAnswer>(
  { principal, task, transferList, answers }: AskRequest<Answer>,
  { maxLoadMs, maxQueueMs }: AskTimes,
): { job: Job; answer: AskHandle<Answer>['answer'] } {
  type Outcome = Awaited<AskHandle<Answer>['answer']>;
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const problem = (code: Problem['code'], detail: string, limit?: string): Outcome => ({
    kind: 'problem',
    problem: { code, detail, ...(limit === undefined ? {} : { limit }) },
  });
  const job: Job = {
    principal,
    since: performance.now(),
    control: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
    yields: false,
    continued: false,
    settled: promise,
    open: (limits) => ({
      task: task(limits),
      channels: [],
      transferList: transferList ?? [],
      deadlineMs: maxLoadMs,
    }),
    answer: (answer: ThreadAnswer) => {
      if (answer.kind === 'threw') return reject(answer.error);
      if (answer.kind === 'lost') {
        const detail = `Loading took more than ${maxLoadMs} ms (limit maxLoadMs), or its thread was lost; the thread is replaced.`;
        return resolve(problem('limit_exceeded', detail, 'maxLoadMs'));
      }
      const { kind } = answer.answer;
      if (kind === 'problem' || (answers as readonly string[]).includes(kind)) return resolve(answer.answer as Outcome);
      reject(new Error(`a question was answered with ${kind}`));
    },
    endUnrun: (reason) => {
      if (reason === 'cancelled') return resolve(problem('draining', 'The server is shutting down.'));
      resolve(
        problem(
          'queue_full',
          `No thread was free within ${maxQueueMs} ms (limit maxQueueMs); ask again.`,
          'maxQueueMs',
        ),
      );
    },
    fail: reject,
  };
  return { job, answer: promise };
}
