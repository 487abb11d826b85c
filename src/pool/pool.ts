/**
 * Admission to the run threads: a fair queue with a limit and a deadline in front, one task a thread, an answer for every run and replay
 * whatever becomes of its thread.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { Limits } from '../contract/limits.ts';
import type { Problem } from '../contract/problem.ts';
import {
  ENGINE_LIMITS,
  type EngineLimits,
  REPLAY_CONTROL,
  type RunTask,
  THREAD_WANTED,
  type WorkerAnswer,
} from '../contract/task.ts';
import { type AskHandle, type AskRequest, askJob } from './ask-job.ts';
import { type BatchHandle, type BatchRequest, batchJob } from './batch-job.ts';
import { FairQueue } from './fair-queue.ts';
import type { Job, UnrunReason } from './job.ts';
import { isProven, PROOF, PROOF_DEADLINE_MS } from './proof.ts';
import { type ReplayHandle, type ReplayRequest, replayJob } from './replay-job.ts';
import { type RunHandle, type RunRequest, runJob } from './run-job.ts';
import { RunThread, type ThreadAnswer, type ThreadStart } from './run-thread.ts';

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
  /** When the threads start; default: at once. */
  readonly starts?: ThreadStart;
  readonly limits: Limits;
  readonly observer: PoolObserver;
}

export interface PoolGauges {
  readonly threads: number;
  readonly busy: number;
  readonly queued: number;
  readonly oldestSeconds: number;
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
  readonly #queueTimers = new Map<Job, NodeJS.Timeout>();
  readonly #proofs = new Set<Promise<boolean>>();
  #draining = false;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    const { limits } = options;
    this.#engineLimits = Object.fromEntries(
      ENGINE_LIMITS.map((name) => [name, limits[name]]),
    ) as unknown as EngineLimits;
    this.#threads = Array.from({ length: options.threads }, () => new RunThread(options.worker, options.starts));
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

  /** Admits a run. A full queue and a draining pool answer with a problem, unless it was admitted before. */
  submit(request: RunRequest): RunHandle {
    const refusal = request.admitted === true ? null : this.refusal(request.principal);
    if (refusal !== null) return { answer: Promise.resolve({ kind: 'problem', problem: refusal }), cancel() {} };
    const { job, answer } = runJob(request, this.#options.limits.maxAnswerGraceMs);
    this.#admit(job);
    return { answer, cancel: () => this.#cancel(job) };
  }

  /** Admits a replay, under the same queue as runs; a stream's next slice is always admitted. */
  replay(request: ReplayRequest): ReplayHandle {
    const { maxReplayMs, maxAnswerGraceMs, maxQueueMs } = this.#options.limits;
    const refusal = request.continued ? null : this.refusal(request.principal);
    const { job, answer } = replayJob(request, { maxReplayMs, graceMs: maxAnswerGraceMs, maxQueueMs });
    const handle = {
      cancel: () => this.#cancel(job),
      addCredit: (bytes: number) => void Atomics.add(job.control, REPLAY_CONTROL.CREDIT, bytes),
      credit: () => Atomics.load(job.control, REPLAY_CONTROL.CREDIT),
    };
    if (refusal !== null) return { ...handle, answer: Promise.resolve({ kind: 'problem', problem: refusal }) };
    this.#admit(job);
    return { ...handle, answer };
  }

  /** Admits a question to a worker. */
  ask<Answer extends WorkerAnswer>(request: AskRequest<Answer>): AskHandle<Answer> {
    const refusal = this.refusal(request.principal);
    if (refusal !== null) return { answer: Promise.resolve({ kind: 'problem', problem: refusal }), cancel() {} };
    const { job, answer } = askJob(request, this.#options.limits);
    this.#admit(job);
    return { answer, cancel: () => this.#cancel(job) };
  }

  /** Admits runs of a batch. It is not refused: `refusal` says beforehand whether a batch may begin. */
  batch(request: BatchRequest): BatchHandle {
    const { job, answer } = batchJob(request, this.#options.limits.maxAnswerGraceMs);
    this.#admit(job);
    return { answer, cancel: () => this.#cancel(job) };
  }

  /** Run threads, busy or not. */
  get threads(): number {
    return this.#threads.length;
  }

  #admit(job: Job): void {
    this.#admitted.add(job);
    this.#queue.push(job);
    this.#dispatch();
    if (this.#running.has(job)) return;
    if (!job.continued) {
      const { maxQueueMs } = this.#options.limits;
      this.#queueTimers.set(
        job,
        setTimeout(() => this.#endWaiting(job, 'expired_in_queue'), maxQueueMs),
      );
    }
    this.#askForThreads();
  }

  /** Somebody waits: work that can be cut into pieces gives its thread back, sooner when it is another principal who waits. */
  #askForThreads(): void {
    for (const job of this.#running) {
      if (!job.yields) continue;
      const wanted = this.#queue.othersWait(job.principal) ? THREAD_WANTED.BY_ANOTHER : THREAD_WANTED.BY_SAME;
      Atomics.store(job.control, REPLAY_CONTROL.YIELD, wanted);
    }
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
    await Promise.allSettled([...this.#admitted].map((job) => job.settled));
  }

  /** Cancels everything that waits or runs. */
  cancelAll(): void {
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift())
      this.#finishUnrun(job, 'cancelled');
    for (const job of this.#running) Atomics.store(job.control, 0, 1);
  }

  /** Cancels all, waits for the answers, ends the threads. */
  async close(): Promise<void> {
    this.#draining = true;
    this.cancelAll();
    await this.drain();
    this.#closed = true;
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  /**
   * Why new work of a principal would not be admitted now; null: it would. Nobody may have more runs waiting than there are places free: so
   * one who fills the queue fills half of it, two fill a third each, and whoever comes next still finds a place.
   */
  refusal(principal: string): Problem | null {
    const { queueLimit } = this.#options.limits;
    if (this.#draining) return { code: 'draining', detail: 'The server is shutting down and takes no new runs.' };
    const own = this.#queue.waiting(principal);
    const free = queueLimit - this.#queue.size;
    if (this.#idle.length > 0 || own < free) return null;
    const detail =
      free <= 0
        ? `All threads are busy and ${queueLimit} runs wait already (limit queueLimit).`
        : `All threads are busy and ${own} runs of this client wait already; the ${free} places that are free are left to others (limit queueLimit, ${queueLimit}).`;
    return { code: 'queue_full', detail, limit: 'queueLimit' };
  }

  #dispatch(): void {
    while (this.#idle.length > 0) {
      const job = this.#queue.shift();
      if (job === undefined) return;
      this.#stopQueueTimer(job);
      this.#running.add(job);
      void this.#serve(this.#idle.pop()!, job);
    }
  }

  async #serve(thread: RunThread, job: Job): Promise<void> {
    const waited = performance.now() - job.since;
    const queueUs = microseconds(waited);
    this.#options.observer.waited(waited / 1000);
    try {
      const { task, channels, transferList, deadlineMs } = job.open(this.#engineLimits, queueUs, thread.memories);
      if (this.#queue.size > 0) this.#askForThreads();
      const answer = await thread.run(task, [...transferList], deadlineMs);
      if (answer.kind === 'answered') await Promise.all(channels.map((channel) => channel.finish()));
      else for (const channel of channels) channel.close();
      this.#leave(job);
      // Before the thread is given on: who writes to its memory lets go of it first.
      job.answer(answer, queueUs);
      const reason = recycleReason(answer);
      if (reason === null) this.#release(thread);
      else void this.#recycle(thread, reason);
    } catch (error) {
      this.#leave(job);
      void this.#recycle(thread, 'internal');
      job.fail(error);
    }
  }

  #leave(job: Job): void {
    this.#running.delete(job);
    this.#admitted.delete(job);
  }

  #cancel(job: Job): void {
    Atomics.store(job.control, 0, 1);
    this.#endWaiting(job, 'cancelled');
  }

  /** Ends a job that is still in the queue; nothing for one that is not. */
  #endWaiting(job: Job, reason: UnrunReason): void {
    if (this.#queue.remove(job)) this.#finishUnrun(job, reason);
  }

  #finishUnrun(job: Job, reason: UnrunReason): void {
    this.#stopQueueTimer(job);
    this.#leave(job);
    const waited = performance.now() - job.since;
    this.#options.observer.waited(waited / 1000);
    job.endUnrun(reason, microseconds(waited));
  }

  #stopQueueTimer(job: Job): void {
    clearTimeout(this.#queueTimers.get(job));
    this.#queueTimers.delete(job);
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
  const { answer: told } = answer;
  if (told.kind === 'result') return told.result.outcome.code === 'internal' ? 'internal' : null;
  if (told.kind !== 'batch') return null;
  const failed = told.answers.some((one) => one.kind === 'result' && one.facts.outcome.code === 'internal');
  return failed ? 'internal' : null;
}
