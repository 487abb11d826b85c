/**
 * Asynchronous runs and batches: stored before 202 is sent, run when their turn comes, ended exactly once. What the process had not ended
 * when it ended itself is run again by the next one: a run has no effect but its result, so nobody can tell. An end is told to nobody before it
 * is stored.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyBaseLogger, FastifyReply } from 'fastify';
import type { Accepted } from '../contract/accepted.ts';
import { FairQueue } from '../pool/fair-queue.ts';
import type { RunReference } from '../store/kept-runs.ts';
import type { AcceptedRun, RunEnding, StoredRun } from '../store/store.ts';
import { endOfStored, type RunEnd, storedFormOf } from '../store/stored-end.ts';
import { type ExecutionTools, executeAccepted, executeAcceptedBatch, type Turn } from './execute-accepted.ts';
import { jsonReader } from './json-body.ts';
import type { Principal } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { runReaders } from './run-reader.ts';
import type { Api, Services } from './services.ts';
import { DEFECT } from './start-run.ts';
import { storageFull } from './storage-full.ts';

/** Unfinished runs that are read from the store at once when the process starts; each brings its request along. */
const RECOVERY_PAGE = 16;
/** After a failure of the store an end is written again after so long, ms. */
const STORE_RETRY_MS = 1_000;
/** Runs and batches under way for each thread: one that runs, one that is made ready. */
const UNDER_WAY_PER_THREAD = 2;

/** What is accepted. */
export interface Acceptable {
  readonly kind: AcceptedRun['kind'];
  readonly principal: Principal;
  /** The body, as the store keeps it. */
  readonly request: string;
  /** See request-key.ts. */
  readonly requestKey: string;
  /** Idempotency-Key; null: none. */
  readonly key: string | null;
}

/** One that has not ended. */
export interface AcceptedEntry extends RunReference, Turn {
  readonly kind: AcceptedRun['kind'];
  isCancelled: boolean;
  /** Tells the end to those who wait. */
  readonly settle: (end: Settled) => void;
  readonly settled: Promise<Settled>;
}

/** `put_off`: it stays in the store for the next start of the process. */
type Settled = { readonly kind: 'stored'; readonly end: RunEnd | null } | { readonly kind: 'put_off' };

const PUT_OFF: RunEnd = {
  kind: 'problem',
  problem: {
    code: 'draining',
    detail: 'The server is shutting down; what it accepted is run when it has started again.',
  },
};

export class AcceptedRuns {
  readonly #services: Services;
  readonly #log: FastifyBaseLogger;
  readonly #toolsFor: (tenant: string) => ExecutionTools;
  readonly #queue = new FairQueue<AcceptedEntry>();
  /** What has not ended, by id. */
  readonly #open = new Map<string, AcceptedEntry>();
  /** How many of each tenant, those that are being accepted included. */
  readonly #counts = new Map<string, number>();
  /** Keys that are being claimed just now. */
  readonly #claiming = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  #isStopping = false;

  constructor(app: Api, services: Services) {
    const { log } = app;
    const readerOf = runReaders(app, services);
    const readLine = jsonReader('line');
    this.#services = services;
    this.#log = log;
    this.#toolsFor = (tenant) => ({ services, log, readLine, read: readerOf(tenant) });
    services.lifecycle.onDrain.add((deadlineMs) => this.#drain(deadlineMs));
  }

  /**
   * Stores a run or batch and puts it in the queue; the id of the one that the same request was accepted as before, if it was.
   * @throws ProblemError draining, queue_full, limit_exceeded, idempotency_in_flight, idempotency_mismatch
   */
  async accept({ kind, principal, request, requestKey, key }: Acceptable): Promise<string> {
    const { tenant, bucket } = principal;
    const { limits, store } = this.#services;
    if (this.#isStopping) throw new ProblemError({ code: 'draining', detail: 'The server is shutting down.' });
    const claimed = key === null ? null : `${tenant}\n${key}`;
    if (claimed !== null && this.#claiming.has(claimed)) {
      const detail = 'Another request with this Idempotency-Key is being accepted just now; send it again.';
      throw new ProblemError({ code: 'idempotency_in_flight', detail });
    }
    const release = this.#count(tenant);
    if (claimed !== null) this.#claiming.add(claimed);
    let isAccepted = false;
    try {
      const run = { id: randomUUID(), tenant, kind, bucket, request, acceptedAt: Date.now() };
      const claim = key === null ? null : { key, requestKey, expiresAt: run.acceptedAt + limits.maxResultMs };
      const acceptance = await store.runs.accept(run, claim);
      if (acceptance.kind === 'full') throw storageFull(acceptance, limits);
      if (acceptance.kind === 'accepted') {
        isAccepted = true;
        this.#enter(run, release);
        return run.id;
      }
      if (acceptance.requestKey === requestKey) return acceptance.id;
      const detail =
        'This Idempotency-Key was used for a request with another body; use a new key, or send the same body.';
      throw new ProblemError({ code: 'idempotency_mismatch', detail });
    } finally {
      if (claimed !== null) this.#claiming.delete(claimed);
      if (!isAccepted) release();
    }
  }

  /** Takes up what an earlier process has accepted and not ended. To be called once, before anything is accepted. */
  async recover(): Promise<void> {
    const { runs } = this.#services.store;
    await runs.noteStart();
    let found = 0;
    for (let page = await runs.listUnfinished(0, RECOVERY_PAGE); page.length > 0; ) {
      for (const run of page) this.#enter(run, this.#count(run.tenant, false));
      found += page.length;
      page = await runs.listUnfinished(page.at(-1)!.sequence, RECOVERY_PAGE);
    }
    if (found > 0) this.#log.info({ runs: found }, 'taken up again');
  }

  /** One of the tenant's that has not ended, of this kind. */
  find({ tenant, id }: RunReference, kind: AcceptedRun['kind']): AcceptedEntry | null {
    const entry = this.#open.get(id);
    return entry?.tenant === tenant && entry.kind === kind ? entry : null;
  }

  /** Ends it as cancelled, as soon as possible. */
  cancel(entry: AcceptedEntry): void {
    entry.isCancelled = true;
    entry.stop.abort();
    // One that waits needs no thread any more.
    if (this.#queue.remove(entry)) this.#begin(entry);
  }

  /** Takes a place among the tenant's; what is returned gives it back. */
  #count(tenant: string, limited = true): () => void {
    const { maxAcceptedRuns } = this.#services.limits;
    const count = this.#counts.get(tenant) ?? 0;
    if (limited && count >= maxAcceptedRuns) {
      const detail = `${maxAcceptedRuns} asynchronous runs and batches have not ended (limit maxAcceptedRuns).`;
      throw new ProblemError({ code: 'queue_full', detail, limit: 'maxAcceptedRuns' });
    }
    this.#counts.set(tenant, count + 1);
    return () => {
      const left = this.#counts.get(tenant)! - 1;
      if (left === 0) this.#counts.delete(tenant);
      else this.#counts.set(tenant, left);
    };
  }

  #enter({ id, tenant, kind, bucket }: Omit<AcceptedRun, 'request'>, release: () => void): void {
    const { promise: settled, resolve: settle } = Promise.withResolvers<Settled>();
    const stop = new AbortController();
    const entry: AcceptedEntry = {
      id,
      tenant,
      kind,
      principal: bucket,
      since: performance.now(),
      stop,
      isCancelled: false,
      settle,
      settled,
    };
    this.#open.set(id, entry);
    const end = kind === 'run' ? this.#services.runs.begin({ tenant, id }, () => this.cancel(entry)) : () => {};
    void settled.then((how) => {
      this.#open.delete(id);
      release();
      end(how.kind === 'stored' ? (how.end ?? DEFECT) : PUT_OFF);
    });
    this.#queue.push(entry);
    this.#pump();
  }

  #pump(): void {
    const most = UNDER_WAY_PER_THREAD * this.#services.pool.threads;
    while (!this.#isStopping && this.#underWay.size < most) {
      const entry = this.#queue.shift();
      if (entry === undefined) return;
      this.#begin(entry);
    }
  }

  #begin(entry: AcceptedEntry): void {
    const done = this.#execute(entry).finally(() => {
      this.#underWay.delete(done);
      this.#pump();
    });
    this.#underWay.add(done);
  }

  async #execute(entry: AcceptedEntry): Promise<void> {
    const { tenant, id, kind } = entry;
    try {
      const stored = await this.#services.store.runs.get(tenant, id);
      // Its quota may have been given away meanwhile, or another process has ended it.
      if (stored === null || stored.ending !== null) {
        entry.settle({ kind: 'stored', end: stored?.ending == null ? null : endOfAny(stored) });
        return;
      }
      const how = kind === 'run' ? await this.#executeRun(entry, stored) : await this.#executeBatch(entry, stored);
      const kept = how !== null && (await this.#finish(entry, how.form));
      entry.settle(kept ? { kind: 'stored', end: how.end } : { kind: 'put_off' });
    } catch (error) {
      this.#log.error({ run: id, err: error }, 'an accepted run was ended by a defect');
      const kept = await this.#finish(entry, storedFormOf(DEFECT)).catch(() => false);
      entry.settle(kept ? { kind: 'stored', end: DEFECT } : { kind: 'put_off' });
    }
  }

  async #executeRun(entry: AcceptedEntry, stored: StoredRun) {
    const end = await executeAccepted(this.#toolsFor(entry.tenant), entry, stored);
    return end === null ? null : { form: storedFormOf(end), end };
  }

  async #executeBatch(entry: AcceptedEntry, stored: StoredRun) {
    const lines = await executeAcceptedBatch(this.#toolsFor(entry.tenant), entry, stored);
    if (lines === null) return null;
    const form =
      typeof lines === 'string' ? { result: lines, replay: null } : storedFormOf({ kind: 'problem', problem: lines });
    return { form, end: null };
  }

  /** Stores the end; false when the process must end before the store takes it. */
  async #finish({ id, kind }: AcceptedEntry, form: Pick<RunEnding, 'result' | 'replay'>): Promise<boolean> {
    const { store, limits } = this.#services;
    for (;;) {
      const finishedAt = Date.now();
      try {
        await store.runs.finish(id, { ...form, finishedAt, expiresAt: finishedAt + limits.maxResultMs });
        return true;
      } catch (error) {
        this.#log.error({ run: id, kind, err: error }, 'the end of a run could not be stored');
        if (this.#isStopping) return false;
        await delay(STORE_RETRY_MS, undefined, { ref: false });
      }
    }
  }

  /** What is under way may end within the time for running work; everything else stays in the store. */
  async #drain(deadlineMs: number): Promise<void> {
    this.#isStopping = true;
    for (let entry = this.#queue.shift(); entry !== undefined; entry = this.#queue.shift()) {
      entry.settle({ kind: 'put_off' });
    }
    const stop = setTimeout(() => {
      for (const entry of this.#open.values()) entry.stop.abort();
    }, deadlineMs);
    await Promise.allSettled(this.#underWay);
    clearTimeout(stop);
  }
}

function endOfAny({ kind, ending }: StoredRun): RunEnd | null {
  return kind === 'run' && ending !== null ? endOfStored(ending) : null;
}

/** When to ask again for what has not ended, s. */
const RETRY_AFTER_SECONDS = 1;

/** 202 for what has not ended. */
export function unfinishedReply(reply: FastifyReply, id: string): FastifyReply {
  const body: Accepted = { id, state: 'running' };
  return reply.code(202).header('retry-after', String(RETRY_AFTER_SECONDS)).send(body);
}

/** 202 for what was accepted, with the place to ask for it. */
export function acceptedReply(reply: FastifyReply, id: string, location: string): FastifyReply {
  return unfinishedReply(reply.header('location', location).header('preference-applied', 'respond-async'), id);
}
