/** What the queue holds: a task with what becomes of its answer, whatever kind of task it is. */

import type { Transferable } from 'node:worker_threads';
import type { EngineLimits, WorkerTask } from '../contract/task.ts';
import type { Waiting } from './fair-queue.ts';
import type { ThreadAnswer } from './run-thread.ts';
import type { TraceChannel } from './trace-channel.ts';

/** A task on its way to a thread. */
export interface OpenTask {
  readonly task: WorkerTask;
  /** Each ends with a mark of its own. */
  readonly channels: readonly TraceChannel[];
  readonly transferList: readonly Transferable[];
  /** Without an answer for so long the thread counts as lost, ms. */
  readonly deadlineMs: number;
}

/** Memories of a thread that it has posted, by their number; a thread posts each once in its life. */
export type ThreadMemories = Map<number, SharedArrayBuffer>;

/** Why a job ends without a thread. */
export type UnrunReason = 'expired_in_queue' | 'cancelled';

export interface Job extends Waiting {
  /** Cell 0 cancels, in a thread too. */
  readonly control: Int32Array<SharedArrayBuffer>;
  /** A replay that streams: it gives its thread back when others wait. */
  readonly yields: boolean;
  /** Must not be refused, and does not expire: it is the rest of something that was admitted. */
  readonly continued: boolean;
  /** Resolves when the job has its answer. */
  readonly settled: Promise<unknown>;
  readonly open: (limits: EngineLimits, queueUs: number, memories: ThreadMemories) => OpenTask;
  readonly answer: (answer: ThreadAnswer, queueUs: number) => void;
  readonly endUnrun: (reason: UnrunReason, queueUs: number) => void;
  /** For a defect of the pool itself. */
  readonly fail: (error: unknown) => void;
}
