/** A replay as a job of the pool: steps, states and streams of a run that has ended. */

import type { Problem } from '../contract/problem.ts';
import {
  REPLAY_CONTROL,
  type ReplayAnswer,
  type ReplaySource,
  type ReplayWork,
  type StepMessage,
} from '../contract/task.ts';
import type { Job } from './job.ts';
import type { ThreadAnswer } from './run-thread.ts';
import { openTraceChannel } from './trace-channel.ts';

export type StepListener = (message: Exclude<StepMessage, { type: 'end' }>) => void;

export interface ReplayRequest {
  readonly principal: string;
  readonly source: ReplaySource;
  readonly work: ReplayWork;
  /** Hears the batches of a stream; null for other work. */
  readonly listener: StepListener | null;
  /** Bytes that a stream may send before it stops. */
  readonly credit: number;
  /** A stream's next slice: it is not refused by queueLimit, and does not expire. */
  readonly continued: boolean;
}

export interface ReplayHandle {
  /** Rejects only for a defect of the pool itself. */
  readonly answer: Promise<ReplayAnswer>;
  readonly cancel: () => void;
  readonly addCredit: (bytes: number) => void;
  /** Bytes that may still be sent; below 0 when the last batch went over. */
  readonly credit: () => number;
}

/** Beyond maxReplayMs: time for loading and answering. */
export interface ReplayTimes {
  readonly maxReplayMs: number;
  readonly graceMs: number;
  readonly maxQueueMs: number;
}

export function replayJob(
  { principal, source, work, listener, credit, continued }: ReplayRequest,
  { maxReplayMs, graceMs, maxQueueMs }: ReplayTimes,
): { job: Job; answer: Promise<ReplayAnswer> } {
  const { promise, resolve, reject } = Promise.withResolvers<ReplayAnswer>();
  const control = new Int32Array(new SharedArrayBuffer(REPLAY_CONTROL.COUNT * Int32Array.BYTES_PER_ELEMENT));
  control[REPLAY_CONTROL.CREDIT] = credit;
  const job: Job = {
    principal,
    since: performance.now(),
    control,
    yields: work.kind === 'stream',
    continued,
    settled: promise,
    open: (limits) => {
      const channel = listener === null ? null : openTraceChannel<StepMessage>(listener);
      const port = channel?.port ?? null;
      return {
        task: { kind: 'replay', source, limits, maxReplayMs, work, port, control },
        channels: channel === null ? [] : [channel],
        transferList: port === null ? [] : [port],
        deadlineMs: maxReplayMs + graceMs,
      };
    },
    answer: (answer) => {
      const outcome = replayAnswer(answer);
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    },
    endUnrun: (reason) => {
      if (reason === 'cancelled') return resolve({ kind: 'cancelled' });
      const detail = `No thread was free within ${maxQueueMs} ms (limit maxQueueMs); ask again.`;
      resolve({ kind: 'problem', problem: { code: 'queue_full', detail, limit: 'maxQueueMs' } });
    },
    fail: reject,
  };
  return { job, answer: promise };
}

const LOST: Problem = {
  code: 'internal',
  detail: 'The thread that made this replay was lost; it is replaced, and the same request can be sent again.',
};

/** An Error: a defect of ours, to be logged by who asked. */
function replayAnswer(answer: ThreadAnswer): ReplayAnswer | Error {
  if (answer.kind === 'threw') return answer.error;
  if (answer.kind === 'lost') return { kind: 'problem', problem: LOST };
  const { kind } = answer.answer;
  if (!REPLAY_ANSWERS.includes(kind)) return new Error(`a replay was answered with ${kind}`);
  return answer.answer as ReplayAnswer;
}

const REPLAY_ANSWERS: readonly string[] = [
  'window',
  'found',
  'streamed',
  'cancelled',
  'problem',
] satisfies readonly ReplayAnswer['kind'][];
