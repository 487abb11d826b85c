/** A piece of a batch as a job of the pool: runs of one principal that a thread makes one after another. */

import type { BatchRunAnswer } from '../contract/batch-task.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import { REPLAY_CONTROL } from '../contract/task.ts';
import type { Job } from './job.ts';
import type { ThreadAnswer } from './run-thread.ts';

/** Time that a thread may spend on the runs of a piece beside the longest one: far above the slice that it keeps to by itself, ms. */
const PIECE_MS = 1_000;

export interface BatchRequest {
  /** One at least. */
  readonly runs: readonly { readonly id: string; readonly spec: RunSpec }[];
  readonly principal: string;
}

export type BatchPieceAnswer =
  /** Answers of the first runs, one at least; the rest was not begun. */
  | { readonly kind: 'answered'; readonly answers: readonly BatchRunAnswer[] }
  /** The thread is gone, or its body threw: one of these runs is the reason. */
  | { readonly kind: 'failed'; readonly code: 'worker_lost' | 'internal'; readonly defect: Error }
  /** Nothing was begun. */
  | { readonly kind: 'cancelled' };

export interface BatchHandle {
  /** Rejects only for a defect of the pool itself. */
  readonly answer: Promise<BatchPieceAnswer>;
  /** Ends the run that is going on with outcome `cancelled`; those behind it are not begun. */
  readonly cancel: () => void;
}

/** @param graceMs time for loading and answering beyond the longest wall budget */
export function batchJob(request: BatchRequest, graceMs: number): { job: Job; answer: Promise<BatchPieceAnswer> } {
  const { runs, principal } = request;
  const { promise, resolve, reject } = Promise.withResolvers<BatchPieceAnswer>();
  const control = new Int32Array(new SharedArrayBuffer(REPLAY_CONTROL.COUNT * Int32Array.BYTES_PER_ELEMENT));
  const job: Job = {
    principal,
    since: performance.now(),
    control,
    yields: true,
    // It is part of something that was admitted.
    continued: true,
    settled: promise,
    open: (limits, queueUs) => ({
      task: { kind: 'batch', runs, limits, queueUs, control },
      channels: [],
      transferList: [],
      deadlineMs: PIECE_MS + Math.max(...runs.map(({ spec }) => spec.budgets.wallMs)) + graceMs,
    }),
    answer: (answer) => resolve(pieceAnswer(answer)),
    endUnrun: () => resolve({ kind: 'cancelled' }),
    fail: reject,
  };
  return { job, answer: promise };
}

function pieceAnswer(answer: ThreadAnswer): BatchPieceAnswer {
  if (answer.kind !== 'answered') {
    return { kind: 'failed', code: answer.kind === 'lost' ? 'worker_lost' : 'internal', defect: answer.error };
  }
  if (answer.answer.kind === 'batch') return { kind: 'answered', answers: answer.answer.answers };
  const defect = new Error(`a batch was answered with ${answer.answer.kind}`);
  return { kind: 'failed', code: 'internal', defect };
}
