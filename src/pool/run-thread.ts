/**
 * One run thread: a Piscina of exactly one worker. What a task can do to the thread is a value here (answered, threw, lost); a thread
 * that must not be trusted any more is replaced as a whole, and nobody waits for the old one to die: V8 may ignore terminate() inside
 * an optimised tail-call cycle for seconds.
 */

import type { Transferable } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { WorkerAnswer, WorkerTask } from '../contract/task.ts';
import type { ThreadMemories } from './job.ts';

/** V8 heap of one run thread. It does not bound ArrayBuffers or Wasm memories: those are metered by the engine. */
export const THREAD_HEAP_MIB = 512;
export const THREAD_STACK_MIB = 4;

export type ThreadAnswer =
  | { readonly kind: 'answered'; readonly answer: WorkerAnswer }
  /** The worker body threw: a defect of ours. */
  | { readonly kind: 'threw'; readonly error: Error }
  /** The thread died, or was killed because it did not answer in time. */
  | { readonly kind: 'lost'; readonly error: Error };

export type ThreadStart = 'at_once' | 'with_first_task';

export class RunThread {
  readonly #worker: string;
  readonly #starts: ThreadStart;
  readonly memories: ThreadMemories = new Map();
  #piscina: Piscina<WorkerTask, WorkerAnswer>;

  /**
   * @param worker the URL of the worker body, as text
   * @param starts `at_once`, or with the first task: for a thread that many services never need
   */
  constructor(worker: string, starts: ThreadStart = 'at_once') {
    this.#worker = worker;
    this.#starts = starts;
    this.#piscina = this.#create();
  }

  #create(): Piscina<WorkerTask, WorkerAnswer> {
    const piscina = new Piscina<WorkerTask, WorkerAnswer>({
      filename: this.#worker,
      minThreads: this.#starts === 'at_once' ? 1 : 0,
      // A worker that has started stays.
      idleTimeout: Number.POSITIVE_INFINITY,
      maxThreads: 1,
      recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MIB, stackSizeMb: THREAD_STACK_MIB },
    });
    // A worker that dies between tasks is replaced by Piscina itself; without a listener the event would end the process.
    piscina.on('error', () => {});
    return piscina;
  }

  /** Runs one task; after deadlineMs without an answer the thread counts as lost, and must be replaced. */
  async run(task: WorkerTask, transferList: Transferable[], deadlineMs: number): Promise<ThreadAnswer> {
    const piscina = this.#piscina;
    const [thread] = piscina.threads;
    const { promise: late, resolve } = Promise.withResolvers<ThreadAnswer>();
    // Not by an AbortSignal: Piscina takes some microseconds for each, and the thread is replaced as a whole anyway.
    const timer = setTimeout(() => {
      resolve({ kind: 'lost', error: new Error(`no answer within ${deadlineMs} ms`) });
    }, deadlineMs);
    const told = piscina.run(task, { transferList: transferList as never }).then(
      (answer): ThreadAnswer => ({ kind: 'answered', answer }),
      (failure: unknown): ThreadAnswer => {
        // Piscina rejects alike for a body that threw and a worker that is gone; only in the second case its thread is another one.
        const isLost = thread !== undefined && piscina.threads[0] !== thread;
        return {
          kind: isLost ? 'lost' : 'threw',
          error: failure instanceof Error ? failure : new Error(String(failure)),
        };
      },
    );
    const answer = await Promise.race([told, late]);
    clearTimeout(timer);
    return answer;
  }

  /** A new worker in place of the old one. */
  replace(): void {
    void this.#piscina.destroy();
    this.memories.clear();
    this.#piscina = this.#create();
  }

  async close(): Promise<void> {
    await this.#piscina.destroy();
  }
}
