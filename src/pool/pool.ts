/**
 * Admission to the run threads: a fair queue with a limit and a deadline in front, one task a thread, an answer for every run whatever
 * becomes of its thread. A run that was admitted always ends in a whole RunResult or in a problem.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { Transferable } from 'node:worker_threads';
import type { Limits } from '../contract/limits.ts';
import type { OutcomeCode } from '../contract/outcome.ts';
import type { Problem } from '../contract/problem.ts';
import type { RunResult } from '../contract/result.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import { ENGINE_LIMITS, type EngineLimits, type Observations, type RunTask } from '../contract/task.ts';
import { NOTHING_OBSERVED, unrunResult } from '../contract/unrun-result.ts';
import { FairQueue, type Waiting } from './fair-queue.ts';
import { isProven, PROOF, PROOF_DEADLINE_MS } from './proof.ts';
import { RunThread, type ThreadAnswer } from './run-thread.ts';
import { openTraceChannel, type TraceListener } from './trace-channel.ts';

/** A thread that failed its proof is replaced again after this time. */
const PROOF_RETRY_MS = 1_000;

export const RECYCLE_REASONS = ['worker_lost', 'internal'] as const;
export type RecycleReason = (typeof RECYCLE_REASONS)[number];

/** What the pool reports as it happens; the metrics listen. */
export interface PoolObserver {
  waited(seconds: number): void;
  recycled(reason: RecycleReason): void;
  probed(passed: boolean): void;
}

export interface PoolOptions {
  /** URL of the worker body, as text. */
  readonly worker: string;
  readonly threads: number;
  readonly limits: Limits;
  readonly observer: PoolObserver;
}

export interface RunRequest {
  readonly id: string;
  readonly spec: RunSpec;
  /** Whose run it is: the queue is fair between principals. */
  readonly principal: string;
  /** Hears chain rows and prints while the run goes on; null: nobody listens. */
  readonly listener: TraceListener | null;
}

export type RunAnswer =
  | {
      readonly kind: 'result';
      readonly result: RunResult;
      readonly observations: Observations;
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

export interface PoolGauges {
  readonly threads: number;
  readonly busy: number;
  readonly queued: number;
  readonly oldestSeconds: number;
}

interface Job extends Waiting {
  readonly request: RunRequest;
  readonly cancelCell: Int32Array<SharedArrayBuffer>;
  readonly answer: PromiseWithResolvers<RunAnswer>;
  queueTimer: NodeJS.Timeout | undefined;
}

const microseconds = (milliseconds: number) => Math.round(milliseconds * 1000);

export class RunPool {
  readonly #options: PoolOptions;
  readonly #engineLimits: EngineLimits;
  readonly #idle: RunThread[];
  readonly #threads: readonly RunThread[];
  readonly #queue = new FairQueue<Job>();
  readonly #running = new Set<Job>();
  /** Waiting or running. */
  readonly #admitted = new Set<Job>();
  readonly #proofs = new Set<Promise<boolean>>();
  #draining = false;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    const { limits } = options;
    this.#engineLimits = Object.fromEntries(
      ENGINE_LIMITS.map((name) => [name, limits[name]]),
    ) as unknown as EngineLimits;
    this.#threads = Array.from({ length: options.threads }, () => new RunThread(options.worker));
    this.#idle = [...this.#threads];
  }

  gauges(): PoolGauges {
    const oldest = this.#queue.oldest();
    return {
      threads: this.#threads.length,
      busy: this.#running.size,
      queued: this.#queue.size,
      oldestSeconds: oldest === undefined ? 0 : (performance.now() - oldest) / 1000,
    };
  }

  /** Admits a run. A full queue and a draining pool answer with a problem. */
  submit(request: RunRequest): RunHandle {
    const refusal = this.#refusal();
    if (refusal !== null) return { answer: Promise.resolve({ kind: 'problem', problem: refusal }), cancel() {} };
    const job: Job = {
      request,
      principal: request.principal,
      since: performance.now(),
      cancelCell: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
      answer: Promise.withResolvers<RunAnswer>(),
      queueTimer: undefined,
    };
    this.#admitted.add(job);
    this.#queue.push(job);
    this.#dispatch();
    if (!this.#running.has(job)) {
      job.queueTimer = setTimeout(() => this.#endWaiting(job, 'expired_in_queue'), this.#options.limits.maxQueueMs);
    }
    return { answer: job.answer.promise, cancel: () => this.#cancel(job) };
  }

  /**
   * The known run on a thread that is free now; `busy` when all of them are at work, which is a healthy state. Proofs that are under way
   * (of another probe, of a thread that was replaced) answer for this one.
   */
  async probe(): Promise<'passed' | 'failed' | 'busy'> {
    if (this.#proofs.size > 0) return (await Promise.race(this.#proofs)) ? 'passed' : 'failed';
    const thread = this.#idle.pop();
    if (thread === undefined) return this.#running.size > 0 ? 'busy' : 'failed';
    const passed = await this.#prove(thread);
    if (passed) this.#release(thread);
    else void this.#recycle(thread, 'internal');
    return passed ? 'passed' : 'failed';
  }

  /** From now on new runs are refused; resolves when all that were admitted have been answered. */
  async drain(): Promise<void> {
    this.#draining = true;
    await Promise.allSettled([...this.#admitted].map((job) => job.answer.promise));
  }

  /** Cancels everything that waits or runs. */
  cancelAll(): void {
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift())
      this.#finishUnrun(job, 'cancelled');
    for (const job of this.#running) Atomics.store(job.cancelCell, 0, 1);
  }

  /** Cancels all, waits for the answers, ends the threads. */
  async close(): Promise<void> {
    this.#draining = true;
    this.cancelAll();
    await this.drain();
    this.#closed = true;
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  #refusal(): Problem | null {
    const { queueLimit } = this.#options.limits;
    if (this.#draining) return { code: 'draining', detail: 'The server is shutting down and takes no new runs.' };
    if (this.#idle.length > 0 || this.#queue.size < queueLimit) return null;
    return {
      code: 'queue_full',
      detail: `All threads are busy and ${queueLimit} runs wait already (limit queueLimit).`,
      limit: 'queueLimit',
    };
  }

  #dispatch(): void {
    while (this.#idle.length > 0) {
      const job = this.#queue.shift();
      if (job === undefined) return;
      clearTimeout(job.queueTimer);
      this.#running.add(job);
      void this.#serve(this.#idle.pop()!, job);
    }
  }

  async #serve(thread: RunThread, job: Job): Promise<void> {
    const { id, spec, listener } = job.request;
    const waited = performance.now() - job.since;
    const queueUs = microseconds(waited);
    this.#options.observer.waited(waited / 1000);
    try {
      const channel = listener === null ? null : openTraceChannel(listener);
      const task: RunTask = {
        kind: 'run',
        id,
        spec,
        limits: this.#engineLimits,
        queueUs,
        tracePort: channel?.port ?? null,
        cancel: job.cancelCell,
      };
      const transferList: Transferable[] = channel === null ? [] : [channel.port];
      if (spec.object !== null) transferList.push(spec.object.buffer as ArrayBuffer);
      const answer = await thread.run(task, transferList, spec.budgets.wallMs + this.#options.limits.maxAnswerGraceMs);
      if (answer.kind === 'answered') await channel?.finish();
      else channel?.close();
      this.#leave(job);
      const reason = recycleReason(answer);
      if (reason === null) this.#release(thread);
      else void this.#recycle(thread, reason);
      job.answer.resolve(runAnswer(answer, job.request, queueUs));
    } catch (error) {
      this.#leave(job);
      void this.#recycle(thread, 'internal');
      job.answer.reject(error);
    }
  }

  #leave(job: Job): void {
    this.#running.delete(job);
    this.#admitted.delete(job);
  }

  #cancel(job: Job): void {
    Atomics.store(job.cancelCell, 0, 1);
    this.#endWaiting(job, 'cancelled');
  }

  /** Ends a job that is still in the queue; nothing for one that is not. */
  #endWaiting(job: Job, code: OutcomeCode): void {
    if (this.#queue.remove(job)) this.#finishUnrun(job, code);
  }

  #finishUnrun(job: Job, code: OutcomeCode): void {
    clearTimeout(job.queueTimer);
    this.#leave(job);
    const waited = performance.now() - job.since;
    this.#options.observer.waited(waited / 1000);
    const result = unrunResult(job.request.id, job.request.spec, code, microseconds(waited));
    job.answer.resolve({ kind: 'result', result, observations: NOTHING_OBSERVED, defect: null });
  }

  #release(thread: RunThread): void {
    this.#idle.push(thread);
    this.#dispatch();
  }

  /** Replaces a thread's worker; it takes work again when the new one has proved itself. */
  async #recycle(thread: RunThread, reason: RecycleReason): Promise<void> {
    this.#options.observer.recycled(reason);
    while (!this.#closed) {
      thread.replace();
      if (await this.#prove(thread)) {
        this.#release(thread);
        return;
      }
      await delay(PROOF_RETRY_MS, undefined, { ref: false });
    }
  }

  async #prove(thread: RunThread): Promise<boolean> {
    const proof = this.#runProof(thread);
    this.#proofs.add(proof);
    const passed = await proof;
    this.#proofs.delete(proof);
    this.#options.observer.probed(passed);
    return passed;
  }

  async #runProof(thread: RunThread): Promise<boolean> {
    const task: RunTask = {
      kind: 'run',
      id: 'proof',
      spec: PROOF,
      limits: this.#engineLimits,
      queueUs: 0,
      tracePort: null,
      cancel: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
    };
    const answer = await thread.run(task, [], PROOF_DEADLINE_MS);
    return answer.kind === 'answered' && isProven(answer.answer);
  }
}

/** Why a thread must not go on after this answer; null: it may. */
function recycleReason(answer: ThreadAnswer): RecycleReason | null {
  if (answer.kind === 'lost') return 'worker_lost';
  if (answer.kind === 'threw') return 'internal';
  return answer.answer.kind === 'result' && answer.answer.result.outcome.code === 'internal' ? 'internal' : null;
}

function runAnswer(answer: ThreadAnswer, { id, spec }: RunRequest, queueUs: number): RunAnswer {
  if (answer.kind === 'answered') {
    return answer.answer.kind === 'result' ? { ...answer.answer, defect: null } : answer.answer;
  }
  const result = unrunResult(id, spec, answer.kind === 'lost' ? 'worker_lost' : 'internal', queueUs);
  return { kind: 'result', result, observations: NOTHING_OBSERVED, defect: answer.error };
}
