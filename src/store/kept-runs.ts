/**
 * The runs that have an id: running ones with the promise of their end, and finished ones with their result and what makes them again.
 * Finished runs stand as bytes (the structured-clone format), so that what the limit counts is what they take.
 */

import { deserialize, serialize } from 'node:v8';
import type { Problem } from '../contract/problem.ts';
import type { RunResult } from '../contract/result.ts';
import type { ReplaySource, StartedFacts } from '../contract/task.ts';

/** Counted for each kept run beside its bytes: its id, its place in the table, its buffer's objects. */
export const KEPT_RUN_OVERHEAD_BYTES = 512;
/** Ids of runs that have left, which are told from ids that never were; the oldest are forgotten first. */
export const MAX_GONE_IDS = 16_384;

/** A run that has ended with a result. */
export interface FinishedRun {
  readonly result: RunResult;
  /** null: the run did not begin. */
  readonly started: StartedFacts | null;
  /** What makes its steps again; null: it did not begin, or cannot be made again. */
  readonly source: ReplaySource | null;
}

/** How a run ended. One that ended with a problem has no result, and is not kept. */
export type RunEnd =
  | { readonly kind: 'finished'; readonly run: FinishedRun }
  | { readonly kind: 'problem'; readonly problem: Problem };

/** What stands under an id. */
export type KeptRun =
  | {
      readonly state: 'running';
      /** Never rejects. */
      readonly ended: Promise<RunEnd>;
      readonly cancel: () => void;
    }
  | { readonly state: 'finished'; readonly run: FinishedRun }
  /** It was here, and had to leave for newer ones; or is larger than all room that there is. */
  | { readonly state: 'gone'; readonly tooLarge: boolean }
  | { readonly state: 'unknown' };

interface Running {
  readonly ended: Promise<RunEnd>;
  readonly cancel: () => void;
}

export class KeptRuns {
  readonly #maxBytes: number;
  readonly #running = new Map<string, Running>();
  /** In the order of use, the least recently used first. */
  readonly #finished = new Map<string, Uint8Array>();
  /** Ids of runs that are gone, and whether they were too large to be kept at all. */
  readonly #gone = new Map<string, boolean>();
  #bytes = 0;

  /** @param maxBytes limit maxReplayBytes */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of the finished runs, with KEPT_RUN_OVERHEAD_BYTES for each. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Finished runs that are kept. */
  get size(): number {
    return this.#finished.size;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Notes a run that has begun; the answer is to be called once, when it has ended. */
  begin(id: string, cancel: () => void): (end: RunEnd) => void {
    const { promise, resolve } = Promise.withResolvers<RunEnd>();
    this.#running.set(id, { ended: promise, cancel });
    return (end) => {
      this.#running.delete(id);
      if (end.kind === 'finished') this.#keep(id, end.run);
      resolve(end);
    };
  }

  /**
   * What stands under an id; a finished run counts as used. Byte arrays in its source are views of what is kept: they must be neither
   * written nor transferred.
   */
  get(id: string): KeptRun {
    const running = this.#running.get(id);
    if (running !== undefined) return { state: 'running', ...running };
    const bytes = this.#finished.get(id);
    if (bytes === undefined) {
      const tooLarge = this.#gone.get(id);
      return tooLarge === undefined ? { state: 'unknown' } : { state: 'gone', tooLarge };
    }
    this.#finished.delete(id);
    this.#finished.set(id, bytes);
    return { state: 'finished', run: deserialize(bytes) as FinishedRun };
  }

  #keep(id: string, run: FinishedRun): void {
    // A copy of the exact size: the serialiser's own buffer may be twice as large.
    const bytes = new Uint8Array(serialize(run));
    // It would push out all others, and then leave itself.
    if (costOf(bytes) > this.#maxBytes) {
      this.#leave(id, true);
      return;
    }
    this.#finished.set(id, bytes);
    this.#bytes += costOf(bytes);
    for (const [oldest, kept] of this.#finished) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#finished.delete(oldest);
      this.#bytes -= costOf(kept);
      this.#leave(oldest, false);
    }
  }

  #leave(id: string, tooLarge: boolean): void {
    this.#gone.set(id, tooLarge);
    if (this.#gone.size <= MAX_GONE_IDS) return;
    for (const oldest of this.#gone.keys()) {
      this.#gone.delete(oldest);
      return;
    }
  }
}

function costOf(bytes: Uint8Array): number {
  return bytes.length + KEPT_RUN_OVERHEAD_BYTES;
}
