/** The embedded store as the API thread sees it: each call is a message to the store's own thread. */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { ownCopy } from './own-copy.ts';
import { receivedError } from './sent-error.ts';
import type { Store, StoreOptions, Usage } from './store.ts';
import { type FromThread, PART_CALLS, type Part, type ThreadData, type ToThread } from './store-calls.ts';

const THREAD = new URL('./sqlite-thread.ts', import.meta.url);

interface Waiting {
  readonly promise: Promise<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Opens the store in a folder, which is made if it is missing.
 * @throws DataFolderError when the folder cannot be written, is another process's, or a newer version's
 */
export async function openSqliteStore(folder: string, { quota, now = Date.now }: StoreOptions): Promise<Store> {
  const { maxStoredItems, maxStoredBytes } = quota;
  const workerData: ThreadData = { folder, quota: { maxStoredItems, maxStoredBytes } };
  const thread = new Worker(THREAD, { workerData, name: 'store' });
  const [first] = (await once(thread, 'message')) as [FromThread];
  if (first.kind === 'refused') {
    await once(thread, 'exit');
    throw receivedError(first.error);
  }
  return new SqliteStore(thread, now);
}

class SqliteStore implements Store {
  readonly #thread: Worker;
  readonly #now: () => number;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  /** Of the thread, which it has ended. */
  #defect: Error | null = null;

  constructor(thread: Worker, now: () => number) {
    this.#thread = thread;
    this.#now = now;
    thread.on('message', (message: FromThread) => this.#receive(message));
    thread.on('error', (error) => {
      this.#defect = error;
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
      // A defect of ours: it ends the process, as one of this thread would.
      throw error;
    });
  }

  readonly programs = this.#part('programs');
  readonly runs = this.#part('runs');
  readonly sandboxes = this.#part('sandboxes');
  readonly shares = this.#part('shares');

  usage(tenant: string): Promise<Usage> {
    return this.#call(null, 'usage', [tenant]) as Promise<Usage>;
  }

  sweep(): Promise<number> {
    return this.#call(null, 'sweep', []) as Promise<number>;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#waiting.values()].map(({ promise }) => promise));
    if (this.#defect !== null) return;
    const ended = once(this.#thread, 'exit');
    this.#thread.postMessage({ kind: 'close' } satisfies ToThread);
    await ended;
  }

  #part<Name extends Part>(part: Name): Store[Name] {
    const calls = PART_CALLS[part].map((method) => [method, (...list: unknown[]) => this.#call(part, method, list)]);
    return Object.fromEntries(calls) as Store[Name];
  }

  #call(part: Part | null, method: string, list: readonly unknown[]): Promise<unknown> {
    if (this.#defect !== null) return Promise.reject(this.#defect);
    this.#calls += 1;
    const number = this.#calls;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(number, { promise, resolve, reject });
    const message: ToThread = { kind: 'call', number, part, method, arguments: ownCopy(list), now: this.#now() };
    this.#thread.postMessage(message);
    return promise;
  }

  #receive(message: FromThread): void {
    if (message.kind !== 'answer' && message.kind !== 'error') return;
    const waiting = this.#waiting.get(message.number);
    this.#waiting.delete(message.number);
    if (message.kind === 'answer') waiting?.resolve(message.answer);
    else waiting?.reject(receivedError(message.error));
  }
}
