/** A run as a job of the pool: it always ends in a whole RunResult or in a problem. */

import type { Problem } from '../contract/problem.ts';
import type { RunResult } from '../contract/result.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import type { LateProgram, LiveMessage, SandboxImage, SandboxState, SlotAddresses } from '../contract/sandbox-task.ts';
import type { Observations, ReplaySource, StartedFacts, TraceMessage } from '../contract/task.ts';
import { NOTHING_OBSERVED, unrunResult } from '../contract/unrun-result.ts';
import type { Job, ThreadMemories } from './job.ts';
import type { ThreadAnswer } from './run-thread.ts';
import { openTraceChannel, type TraceListener } from './trace-channel.ts';

export interface RunRequest {
  readonly id: string;
  readonly spec: RunSpec;
  /** Whose run it is: the queue is fair between principals. */
  readonly principal: string;
  /** Hears chain rows and prints while the run goes on; null: nobody listens. */
  readonly listener: TraceListener | null;
  /** The sandbox that it runs on; not given: a stateless run. */
  readonly sandbox?: SandboxHost;
  /** It was admitted before (with 202): it is not refused, and does not expire. */
  readonly admitted?: boolean;
}

/** A sandbox as its run meets it. */
export interface SandboxHost {
  /** The run goes to its thread now: what it starts from. `post` reaches it while it goes on. */
  readonly begin: (post: (program: LateProgram) => void) => SandboxState;
  /** From now on the run sees what is written to the slots in this memory, until `ended` is called. */
  readonly attached: (memory: SharedArrayBuffer, progArrays: readonly SlotAddresses[]) => void;
  /** The run has let go of the sandbox, if it ever began; its maps afterwards, or null when they are as before. */
  readonly ended: (image: SandboxImage | null) => void;
}

export type RunAnswer =
  | {
      readonly kind: 'result';
      readonly result: RunResult;
      readonly observations: Observations;
      /** What a replay needs beside the spec; null: the run did not begin, or cannot be made again. */
      readonly replay: (Omit<ReplaySource, 'spec'> & StartedFacts) | null;
      /** Our own defect behind outcome `internal` or `worker_lost`, for the log. */
      readonly defect: Error | null;
    }
  | { readonly kind: 'problem'; readonly problem: Problem };

export interface RunHandle {
  /** Rejects only for a defect of the pool itself. */
  readonly answer: Promise<RunAnswer>;
  /** Ends the run with outcome `cancelled`, at its next refill or at once if it still waits. */
  readonly cancel: () => void;
}

/** @param graceMs time for loading and answering beyond the run's wall budget */
export function runJob(request: RunRequest, graceMs: number): { job: Job; answer: Promise<RunAnswer> } {
  const { id, spec, principal, listener, sandbox, admitted = false } = request;
  const { promise, resolve, reject } = Promise.withResolvers<RunAnswer>();
  const control = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  let image: SandboxImage | null = null;
  const heard = (message: Exclude<LiveMessage, { type: 'end' }>, memories: ThreadMemories): void => {
    if (message.type === 'image') {
      image = message.image;
      return;
    }
    if (message.memory !== null) memories.set(message.id, message.memory);
    const memory = memories.get(message.id);
    if (memory === undefined) throw new Error(`a thread speaks of memory ${message.id}, which it never posted`);
    sandbox?.attached(memory, message.progArrays);
  };
  const job: Job = {
    principal,
    since: performance.now(),
    control,
    yields: false,
    continued: admitted,
    settled: promise,
    open: (limits, queueUs, memories) => {
      const channel = listener === null ? null : openTraceChannel<TraceMessage>(listener);
      const port = channel?.port ?? null;
      const live = sandbox === undefined ? null : openTraceChannel<LiveMessage>((message) => heard(message, memories));
      const channels = [channel, live].filter((one) => one !== null);
      const common = { kind: 'run', id, spec, limits, queueUs, tracePort: port, cancel: control } as const;
      return {
        task: live === null ? common : { ...common, sandbox: { state: sandbox!.begin(live.post), port: live.port } },
        channels,
        transferList: channels.map((one) => one.port),
        deadlineMs: spec.budgets.wallMs + graceMs,
      };
    },
    answer: (answer, queueUs) => {
      sandbox?.ended(answer.kind === 'answered' ? image : null);
      resolve(runAnswer(answer, request, queueUs));
    },
    endUnrun: (reason, queueUs) => {
      sandbox?.ended(null);
      const result = unrunResult(id, spec, reason, queueUs);
      resolve({ kind: 'result', result, observations: NOTHING_OBSERVED, replay: null, defect: null });
    },
    fail: (error) => {
      sandbox?.ended(null);
      reject(error);
    },
  };
  return { job, answer: promise };
}

function runAnswer(answer: ThreadAnswer, { id, spec }: RunRequest, queueUs: number): RunAnswer {
  if (answer.kind === 'answered' && (answer.answer.kind === 'result' || answer.answer.kind === 'problem')) {
    return answer.answer.kind === 'result' ? { ...answer.answer, defect: null } : answer.answer;
  }
  const result = unrunResult(id, spec, answer.kind === 'lost' ? 'worker_lost' : 'internal', queueUs);
  const defect = answer.kind === 'answered' ? new Error(`a run was answered with ${answer.answer.kind}`) : answer.error;
  return { kind: 'result', result, observations: NOTHING_OBSERVED, replay: null, defect };
}
