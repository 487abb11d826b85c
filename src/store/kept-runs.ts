/**
 * The runs that have an id: running ones with the promise of their end, and finished ones with their result and what makes them again.
 * Finished runs stand in a form whose size is known (kept-size.ts), so that what the limit counts is what they take.
 */

import { type FinishedRun, formOfRun, type KeptForm, runOfForm } from '../contract/finished-run.ts';
import type { Problem } from '../contract/problem.ts';
import { sizeOfKept } from './kept-size.ts';
import type { RunStore } from './store.ts';
import { endOfStored, type RunEnd } from './stored-end.ts';

/** Counted for each kept run beside its bytes: its id, its place in the table, its buffer's objects. */
export const KEPT_RUN_OVERHEAD_BYTES = 512;
/** Ids of runs that have left, which are told from ids that never were; the oldest are forgotten first. */
export const MAX_GONE_IDS = 16_384;

/** Runs that ended by a problem whose problem is remembered. */
export const MAX_REFUSED_RUNS = 4_096;

/** A run as somebody names it: an id that belongs to another tenant is the id of no run. */
export interface RunReference {
  readonly tenant: string;
  readonly id: string;
}

/** What stands under an id. */
export type KeptRun =
  | {
      readonly state: 'running';
      /** Never rejects. */
      readonly ended: Promise<RunEnd>;
      readonly cancel: () => void;
    }
  | { readonly state: 'finished'; readonly run: FinishedRun }
  /** An asynchronous run that ended with a problem. */
  | { readonly state: 'refused'; readonly problem: Problem }
  /** It was here, and had to leave for newer ones; or is larger than all room that there is. */
  | { readonly state: 'gone'; readonly tooLarge: boolean }
  | { readonly state: 'unknown' };

interface Running {
  readonly tenant: string;
  readonly ended: Promise<RunEnd>;
  readonly cancel: () => void;
}

interface Shelved {
  readonly kept: KeptForm;
  /** With KEPT_RUN_OVERHEAD_BYTES. */
  readonly cost: number;
}

/** Runs of one tenant that have ended. */
interface Shelf {
  /** By id, in the order of use, the least recently used first. */
  readonly runs: Map<string, Shelved>;
  bytes: number;
}

interface Gone {
  readonly tenant: string;
  /** Was it too large to be kept at all? */
  readonly tooLarge: boolean;
}

export class KeptRuns {
  readonly #maxBytes: number;
  readonly #store: RunStore;
  readonly #running = new Map<string, Running>();
  /** Finished runs by tenant. Each has one kept run at least. */
  readonly #shelves = new Map<string, Shelf>();
  /** By id, in the order of leaving. */
  readonly #gone = new Map<string, Gone>();
  /** Ended by a problem, by id, the oldest first. */
  readonly #refused = new Map<string, { readonly tenant: string; readonly problem: Problem }>();
  #bytes = 0;

  /**
   * @param maxBytes limit maxReplayBytes
   * @param store where asynchronous runs outlive their place here
   */
  constructor(maxBytes: number, store: RunStore) {
    this.#maxBytes = maxBytes;
    this.#store = store;
  }

  /** Bytes of the finished runs, with KEPT_RUN_OVERHEAD_BYTES for each. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Finished runs that are kept. */
  get size(): number {
    let size = 0;
    for (const { runs } of this.#shelves.values()) size += runs.size;
    return size;
  }

  get running(): number {
    return this.#running.size;
  }

  /**
   * Notes a run that has begun; the answer is to be called once, when it has ended.
   * @param isAsked somebody may ask under its id how it ended, also when that was a problem
   */
  begin({ tenant, id }: RunReference, cancel: () => void, isAsked = false): (end: RunEnd) => void {
    const { promise, resolve } = Promise.withResolvers<RunEnd>();
    this.#running.set(id, { tenant, ended: promise, cancel });
    return (end) => {
      this.#running.delete(id);
      if (end.kind === 'finished') this.keep({ tenant, id }, formOfRun(end.run));
      else if (isAsked) this.#refuse({ tenant, id }, end.problem);
      resolve(end);
    };
  }

  /**
   * What stands under a tenant's id; a finished run counts as used. What its source holds is what is kept: it must be neither written nor
   * transferred.
   */
  get({ tenant, id }: RunReference): KeptRun {
    const running = this.#running.get(id);
    if (running?.tenant === tenant) return { state: 'running', ended: running.ended, cancel: running.cancel };
    const shelf = this.#shelves.get(tenant)?.runs;
    const shelved = shelf?.get(id);
    if (shelf === undefined || shelved === undefined) {
      const refused = this.#refused.get(id);
      if (refused?.tenant === tenant) return { state: 'refused', problem: refused.problem };
      const gone = this.#gone.get(id);
      return gone?.tenant === tenant ? { state: 'gone', tooLarge: gone.tooLarge } : { state: 'unknown' };
    }
    shelf.delete(id);
    shelf.set(id, shelved);
    return { state: 'finished', run: runOfForm(shelved.kept) };
  }

  /** The same, and an asynchronous run that is no longer kept here is found in the store, and kept again. */
  async find(reference: RunReference): Promise<KeptRun> {
    const kept = this.get(reference);
    if (kept.state === 'running' || kept.state === 'finished' || kept.state === 'refused') return kept;
    const stored = await this.#store.get(reference.tenant, reference.id);
    if (stored === null || stored.kind !== 'run') return kept;
    // It waits for the next start of the process.
    if (stored.ending === null) return { state: 'running', ended: new Promise(() => {}), cancel: () => {} };
    const end = endOfStored(stored.ending);
    if (end.kind === 'problem') return { state: 'refused', problem: end.problem };
    this.keep(reference, formOfRun(end.run));
    return { state: 'finished', run: end.run };
  }

  /** Keeps a run that has ended. */
  keep({ tenant, id }: RunReference, kept: KeptForm): void {
    const cost = sizeOfKept(kept) + KEPT_RUN_OVERHEAD_BYTES;
    // It would push out all others, and then leave itself.
    if (cost > this.#maxBytes) {
      this.#leave({ tenant, id }, true);
      return;
    }
    const shelf = this.#shelves.get(tenant) ?? { runs: new Map<string, Shelved>(), bytes: 0 };
    this.#shelves.set(tenant, shelf);
    shelf.runs.set(id, { kept, cost });
    shelf.bytes += cost;
    this.#bytes += cost;
    while (this.#bytes > this.#maxBytes) this.#makeRoom();
  }

  /** The tenant who takes the most room gives up the least recently used run, so that nobody pushes out the runs of others with his own. */
  #makeRoom(): void {
    const [tenant, shelf] = [...this.#shelves].reduce((most, one) => (one[1].bytes > most[1].bytes ? one : most));
    const [id, { cost }] = shelf.runs.entries().next().value!;
    shelf.runs.delete(id);
    shelf.bytes -= cost;
    this.#bytes -= cost;
    if (shelf.runs.size === 0) this.#shelves.delete(tenant);
    this.#leave({ tenant, id }, false);
  }

  #refuse({ tenant, id }: RunReference, problem: Problem): void {
    this.#refused.set(id, { tenant, problem });
    if (this.#refused.size <= MAX_REFUSED_RUNS) return;
    for (const oldest of this.#refused.keys()) {
      this.#refused.delete(oldest);
      return;
    }
  }

  #leave({ tenant, id }: RunReference, tooLarge: boolean): void {
    this.#gone.set(id, { tenant, tooLarge });
    if (this.#gone.size <= MAX_GONE_IDS) return;
    for (const oldest of this.#gone.keys()) {
      this.#gone.delete(oldest);
      return;
    }
  }
}
