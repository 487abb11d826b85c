/**
 * Everything that outlives the process, as one interface: programs by hash, accepted asynchronous runs, sandboxes, shares. Values are plain
 * data: JSON stays text (so a body is given back byte for byte), bytes are bytes, times are ms since 1970.
 *
 * What holds for every driver (test/store/conformance.ts):
 * - When a promise of a write has resolved, the write outlives the end of the process and of the machine (the memory driver excepted).
 * - Each call is one transaction; calls of one caller happen in the order in which they were made.
 * - What has expired does not exist any more, whether or not it has been swept. What another tenant owns does not exist either.
 * - Large values are kept once for equal bytes, whoever stores them; neither an answer nor the work done for it tells that they were there.
 * - Values handed in and given out are nobody else's: they may be changed.
 * - A value beyond a bound of this file is our own bug (RangeError); a disk that fails or is full rejects with StoreFailure.
 */

import type { Limits } from '../contract/limits.ts';

/** Longest id, tenant, hash or other key, in characters. */
export const MAX_STORE_KEY_LENGTH = 256;
/** Longest text or byte array of one value: the highest maxBodyBytes, and a result that holds as much. */
export const MAX_STORE_VALUE_BYTES = 512 * 1024 * 1024;
/** Most rows that one call lists. */
export const MAX_STORE_PAGE = 1_000;

/** What one tenant may keep: programs, runs and shares together. */
export type Quota = Pick<Limits, 'maxStoredItems' | 'maxStoredBytes'>;
/** The tenant has no room for one more; nothing was stored. */
export interface Full {
  readonly kind: 'full';
  /** Name of the limit, as in /v1/limits. */
  readonly limit: keyof Quota;
}

export interface StoreOptions {
  readonly quota: Quota;
  /** Clock, ms since 1970; default Date.now. The embedded store has its own clock in tests only. */
  readonly now?: () => number;
}

/** A failure of what lies below (disk full, unreadable file): the same call may succeed later. */
export class StoreFailure extends Error {
  override readonly name = 'StoreFailure';
}

/** A program that a tenant has stored. */
export interface StoredProgram {
  readonly tenant: string;
  /** `sha256:` and the hash of the canonical form. */
  readonly id: string;
  /** The canonical form. */
  readonly form: Uint8Array;
  /** JSON: what else was found out about it (name, verification). */
  readonly facts: string;
  readonly storedAt: number;
}

export interface ProgramStore {
  /** Stores a program unless the tenant has it; a known one stays as it is, `facts` and `storedAt` too. */
  put(program: StoredProgram): Promise<{ readonly kind: 'new' | 'known' } | Full>;
  get(tenant: string, id: string): Promise<StoredProgram | null>;
  /** Whether it was there. */
  delete(tenant: string, id: string): Promise<boolean>;
}

/** What was accepted with 202: a run, or a batch as a whole. */
export interface AcceptedRun {
  /** Unique among all tenants. */
  readonly id: string;
  readonly tenant: string;
  readonly kind: 'run' | 'batch';
  /** The principal's bucket, by which it is queued again after a restart. */
  readonly bucket: string;
  /** The request's body, JSON or NDJSON. */
  readonly request: string;
  readonly acceptedAt: number;
}

/** An `Idempotency-Key` of the tenant: whoever claims it first has it until it expires. */
export interface IdempotencyClaim {
  readonly key: string;
  /** Hash of the request, by which the same request is told from another one with the same key. */
  readonly requestKey: string;
  readonly expiresAt: number;
}

/** How a run ended: its one terminal state. */
export interface RunEnding {
  /** The answer's body: JSON (a result or a problem document), or NDJSON for a batch. */
  readonly result: string;
  /** Opaque bytes for what needs more than the result (replay); null: nothing. */
  readonly replay: Uint8Array | null;
  readonly finishedAt: number;
  /** Then the run with its result is gone. */
  readonly expiresAt: number;
}

/** A run without its request and its result. */
export interface RunEntry extends Omit<AcceptedRun, 'request'> {
  /** Above 0, and higher for one that was accepted later. */
  readonly sequence: number;
  /** Starts of the process that found it unfinished (noteStart): one that ends the process again and again can be given up. */
  readonly starts: number;
}

export interface StoredRun extends RunEntry {
  readonly request: string;
  /** null: not finished. */
  readonly ending: RunEnding | null;
}

export type Acceptance =
  | { readonly kind: 'accepted' }
  /** The key is taken, by a run that was accepted with this requestKey; nothing was stored. */
  | { readonly kind: 'claimed'; readonly id: string; readonly requestKey: string }
  | Full;

export interface RunStore {
  /** Stores a run and, in the same transaction, claims the key. */
  accept(run: AcceptedRun, claim: IdempotencyClaim | null): Promise<Acceptance>;
  /** Ends a run; false: it has ended already (that ending stays), or is unknown. Never refused for want of quota. */
  finish(id: string, ending: RunEnding): Promise<boolean>;
  get(tenant: string, id: string): Promise<StoredRun | null>;
  /** Adds one to `starts` of each unfinished run: to be called once, before listUnfinished, by a process that has just started. */
  noteStart(): Promise<void>;
  /**
   * Unfinished runs of all tenants in the order of their acceptance, at most `most` (<= MAX_STORE_PAGE) of them, those with a higher
   * sequence than `after` (0: from the first). Stop when an answer is empty.
   */
  listUnfinished(after: number, most: number): Promise<RunEntry[]>;
}

/** A sandbox without its bytes. */
export interface SandboxEntry {
  /** Unique among all tenants. */
  readonly id: string;
  readonly tenant: string;
  /** `snapshot`: kept beside the sandbox that it was taken from, under an id of its own. */
  readonly kind: 'sandbox' | 'snapshot';
  /** JSON: names, times, what else its owner wants to have without waking it. */
  readonly facts: string;
  readonly expiresAt: number;
}

export interface StoredSandbox extends SandboxEntry {
  /** Its whole state. Equal states (forks) are kept once. */
  readonly snapshot: Uint8Array;
}

export interface SandboxStore {
  /** Stores a sandbox, or replaces the one with this id. Outside the quota: the number of sandboxes and their sizes have limits of their own. */
  put(sandbox: StoredSandbox): Promise<void>;
  get(tenant: string, id: string): Promise<StoredSandbox | null>;
  /** Entries of all tenants in the order of their ids, at most `most` (<= MAX_STORE_PAGE) of them, those after the id `after`. */
  list(after: string | null, most: number): Promise<SandboxEntry[]>;
  /** Whether it was there. */
  setExpiry(tenant: string, id: string, expiresAt: number): Promise<boolean>;
  /** Whether it was there. */
  delete(tenant: string, id: string): Promise<boolean>;
}

export interface StoredShare {
  /** Unguessable: whoever has it may read the share. */
  readonly id: string;
  /** Who made it, and whose quota it takes. */
  readonly tenant: string;
  /** JSON. */
  readonly body: string;
  /** SHA-256 of the delete token in hex; the token itself is not kept. */
  readonly deleteTokenHash: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface ShareStore {
  put(share: StoredShare): Promise<{ readonly kind: 'stored' } | Full>;
  get(id: string): Promise<StoredShare | null>;
  /** Whether it was there. */
  delete(id: string): Promise<boolean>;
}

/** What counts against a quota. */
export interface Usage {
  readonly items: number;
  /** Bytes of texts and values as they were handed in, each counted for each tenant that has it. */
  readonly bytes: number;
}

export interface Store {
  readonly programs: ProgramStore;
  readonly runs: RunStore;
  readonly sandboxes: SandboxStore;
  readonly shares: ShareStore;
  usage(tenant: string): Promise<Usage>;
  /** Removes what has expired and bytes that nothing refers to; how many rows left. To be called now and then. */
  sweep(): Promise<number>;
  /** Waits for the calls that were made, then lets go of everything. No call may follow. */
  close(): Promise<void>;
}
