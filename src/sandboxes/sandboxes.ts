/** All sandboxes of the service: made, found, expired, counted, and put away when the process ends. */

import { randomUUID } from 'node:crypto';
import type { Limits } from '../contract/limits.ts';
import type { Problem } from '../contract/problem.ts';
import type { Rejection, Verification } from '../contract/result.ts';
import type { SandboxAnswer, SandboxSpec } from '../contract/sandbox-task.ts';
import type { RunPool } from '../pool/pool.ts';
import { MAX_STORE_PAGE, type Store } from '../store/store.ts';
import { Room } from './room.ts';
import { Sandbox, type SandboxParts } from './sandbox.ts';
import { readSnapshot, writeSnapshot } from './snapshot.ts';

/** Between two looks for sandboxes that have expired, ms. */
const SWEEP_MS = 1_000;
/** Sandboxes that go to the store at the same time: their writes share one sync of the disk. */
const PUT_AWAY_AT_ONCE = 64;

export interface SandboxesOptions {
  /** The thread for loading and map commands. */
  readonly loader: RunPool;
  readonly store: Store;
  readonly limits: Limits;
  /** ms since 1970. */
  readonly now?: () => number;
}

/** Who owns the sandbox, and whose place in the queue its making takes. */
export interface SandboxOwner {
  readonly tenant: string;
  readonly bucket: string;
}

export type CreateAnswer =
  | { readonly kind: 'created'; readonly sandbox: Sandbox; readonly verification: Verification }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  | { readonly kind: 'problem'; readonly problem: Problem };

export type CopyAnswer =
  | { readonly kind: 'made'; readonly sandbox: Sandbox }
  | { readonly kind: 'problem'; readonly problem: Problem };

export type SnapshotAnswer =
  | { readonly kind: 'stored'; readonly id: string; readonly bytes: number; readonly expiresAt: number }
  /** The sandbox has, meanwhile. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'problem'; readonly problem: Problem };

/** How many there are, by what they do. */
export interface SandboxCounts {
  readonly idle: number;
  readonly running: number;
  /** In the store, not woken since the start of the process. */
  readonly stored: number;
}

export class Sandboxes {
  readonly #options: SandboxesOptions;
  readonly #now: () => number;
  readonly #sandboxes = new Map<string, Sandbox>();
  /** Those of an earlier process, by id. */
  readonly #stored = new Map<string, { readonly tenant: string; readonly expiresAt: number }>();
  /** Snapshots by id: whose, and until when. */
  readonly #snapshots = new Map<string, { readonly tenant: string; readonly expiresAt: number }>();
  /** Sandboxes on their way out of the store. */
  readonly #waking = new Map<string, Promise<Sandbox | null>>();
  readonly #room: Room;
  readonly #sweeper: NodeJS.Timeout;

  constructor(options: SandboxesOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#room = new Room(options.limits);
    this.#sweeper = setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  /** Reads what an earlier process has left. */
  async open(): Promise<void> {
    for (let after: string | null = null; ; ) {
      const page = await this.#options.store.sandboxes.list(after, MAX_STORE_PAGE);
      for (const { id, tenant, kind, expiresAt } of page) {
        if (kind === 'sandbox') {
          this.#stored.set(id, { tenant, expiresAt });
          this.#room.enter(tenant, 0);
        } else this.#snapshots.set(id, { tenant, expiresAt });
        after = id;
      }
      if (page.length < MAX_STORE_PAGE) return;
    }
  }

  counts(): SandboxCounts {
    const running = [...this.#sandboxes.values()].filter((one) => one.isRunning).length;
    return { running, idle: this.#sandboxes.size - running, stored: this.#stored.size };
  }

  /** ttl in seconds. */
  async create({ tenant, bucket }: SandboxOwner, spec: SandboxSpec, ttl: number): Promise<CreateAnswer> {
    const refusal = this.#room.refusal(tenant);
    if (refusal !== null) return { kind: 'problem', problem: refusal };
    const { loader, limits } = this.#options;
    const answer = await loader.ask<Extract<SandboxAnswer, { kind: 'created' | 'rejected' }>>({
      principal: bucket,
      task: (engineLimits) => ({
        kind: 'create_sandbox',
        tenant,
        spec,
        limits: engineLimits,
        maxBytes: limits.maxSandboxBytes,
      }),
      answers: ['created', 'rejected'],
    }).answer;
    if (answer.kind !== 'created') return answer;
    const { state, programs, maps, verification } = answer;
    // Others may have come in meanwhile.
    const full = this.#room.refusal(tenant);
    if (full !== null) return { kind: 'problem', problem: full };
    return { kind: 'created', sandbox: this.#add(tenant, { state, programs, maps }, ttl), verification };
  }

  /** A sandbox of parts that were made while others could come in. */
  #copy(tenant: string, parts: SandboxParts, ttl: number): CopyAnswer {
    const full = this.#room.refusal(tenant);
    if (full !== null) return { kind: 'problem', problem: full };
    return { kind: 'made', sandbox: this.#add(tenant, parts, ttl) };
  }

  #add(tenant: string, parts: SandboxParts, ttl: number, id: string = randomUUID()): Sandbox {
    const createdAt = this.#now();
    const sandbox = new Sandbox({ id, tenant, createdAt }, parts, createdAt + ttl * 1000);
    this.#enter(sandbox);
    return sandbox;
  }

  #enter(sandbox: Sandbox): void {
    const { id, tenant } = sandbox.identity;
    this.#sandboxes.set(id, sandbox);
    this.#room.enter(tenant, sandbox.bytes);
  }

  #leave(sandbox: Sandbox): void {
    const { id, tenant } = sandbox.identity;
    if (this.#sandboxes.delete(id)) this.#room.leave(tenant, sandbox.bytes);
    sandbox.close();
  }

  #forget(id: string): boolean {
    const stored = this.#stored.get(id);
    if (stored === undefined) return false;
    this.#room.leave(stored.tenant, 0);
    return this.#stored.delete(id);
  }

  /** The tenant's sandbox; null: there is none with this id, or it has expired, or it is another's. */
  async find(tenant: string, id: string): Promise<Sandbox | null> {
    const sandbox = this.#sandboxes.get(id) ?? (await this.#wake(tenant, id));
    if (sandbox === null || sandbox.identity.tenant !== tenant || sandbox.expiresAt <= this.#now()) return null;
    return sandbox;
  }

  /** Brings a sandbox of an earlier process back. */
  async #wake(tenant: string, id: string): Promise<Sandbox | null> {
    if (this.#stored.get(id)?.tenant !== tenant) return null;
    const known = this.#waking.get(id);
    if (known !== undefined) return known;
    const waking = this.#woken(tenant, id).finally(() => this.#waking.delete(id));
    this.#waking.set(id, waking);
    return waking;
  }

  async #woken(tenant: string, id: string): Promise<Sandbox | null> {
    const sandbox = await this.#read(tenant, id);
    // Deleted meanwhile, or expired.
    if (!this.#forget(id) || sandbox === null) return null;
    this.#enter(sandbox);
    return sandbox;
  }

  async #read(tenant: string, id: string): Promise<Sandbox | null> {
    const stored = await this.#options.store.sandboxes.get(tenant, id);
    if (stored === null) return null;
    const read = readSnapshot(stored.snapshot);
    if ('engine' in read) return null;
    const { createdAt } = JSON.parse(stored.facts) as { createdAt: number };
    return new Sandbox({ id, tenant, createdAt }, read.parts, stored.expiresAt);
  }

  /** Sets when a sandbox ends, ttl seconds from now. */
  async extend(sandbox: Sandbox, ttl: number): Promise<void> {
    sandbox.expiresAt = this.#now() + ttl * 1000;
    const { id, tenant } = sandbox.identity;
    await this.#options.store.sandboxes.setExpiry(tenant, id, sandbox.expiresAt);
  }

  /**
   * A copy under an id of its own, as it stands when all that was asked before has ended; `ended`: the sandbox has, meanwhile.
   * @param isUnwanted asked at that time: nobody waits for the copy any more, and nobody would know its id
   */
  async fork(
    sandbox: Sandbox,
    ttl: number,
    isUnwanted = () => false,
  ): Promise<CopyAnswer | { readonly kind: 'ended' }> {
    const { tenant } = sandbox.identity;
    const refusal = this.#room.refusal(tenant);
    if (refusal !== null) return { kind: 'problem', problem: refusal };
    const parts = await sandbox.parts();
    if (parts === null || isUnwanted()) return { kind: 'ended' };
    return this.#copy(tenant, parts, ttl);
  }

  /** Writes a copy to the store, where it outlives the sandbox and the process. */
  async snapshot(sandbox: Sandbox, ttl: number): Promise<SnapshotAnswer> {
    const { tenant } = sandbox.identity;
    const refusal = this.#snapshotRefusal(tenant);
    if (refusal !== null) return { kind: 'problem', problem: refusal };
    const createdAt = this.#now();
    const expiresAt = createdAt + ttl * 1000;
    const id = randomUUID();
    // At once, so that many at the same time cannot pass the limit together.
    this.#snapshots.set(id, { tenant, expiresAt });
    let isStored = false;
    try {
      const parts = await sandbox.parts();
      if (parts === null) return { kind: 'ended' };
      const bytes = writeSnapshot(parts);
      const facts = JSON.stringify({ createdAt });
      await this.#options.store.sandboxes.put({ id, tenant, kind: 'snapshot', facts, expiresAt, snapshot: bytes });
      isStored = true;
      return { kind: 'stored', id, bytes: bytes.length, expiresAt };
    } finally {
      if (!isStored) this.#snapshots.delete(id);
    }
  }

  #snapshotRefusal(tenant: string): Problem | null {
    const { maxSnapshots } = this.#options.limits;
    let own = 0;
    for (const snapshot of this.#snapshots.values()) if (snapshot.tenant === tenant) own += 1;
    if (own < maxSnapshots) return null;
    const detail = `There are ${own} snapshots of yours, maxSnapshots is ${maxSnapshots}; delete one, or wait until one expires.`;
    return { code: 'too_many_sandboxes', detail, limit: 'maxSnapshots' };
  }

  /** A new sandbox from a snapshot; null: the tenant has none with this id. */
  async restore(tenant: string, snapshot: string, ttl: number): Promise<CopyAnswer | null> {
    const refusal = this.#room.refusal(tenant);
    if (refusal !== null) return { kind: 'problem', problem: refusal };
    const stored = await this.#options.store.sandboxes.get(tenant, snapshot);
    if (stored === null || stored.kind !== 'snapshot') return null;
    const read = readSnapshot(stored.snapshot);
    if ('parts' in read) return this.#copy(tenant, read.parts, ttl);
    const detail = `The snapshot was written by ${read.engine}, whose maps lie in memory in another way; make the sandbox again.`;
    return { kind: 'problem', problem: { code: 'snapshot_gone', detail } };
  }

  /** Removes a snapshot; false: the tenant has none with this id. */
  async deleteSnapshot(tenant: string, id: string): Promise<boolean> {
    if (this.#snapshots.get(id)?.tenant !== tenant) return false;
    this.#snapshots.delete(id);
    return this.#options.store.sandboxes.delete(tenant, id);
  }

  /** Ends a sandbox and what runs on it. */
  async delete(sandbox: Sandbox): Promise<void> {
    const { id, tenant } = sandbox.identity;
    this.#leave(sandbox);
    await this.#options.store.sandboxes.delete(tenant, id);
  }

  /** Ends what has expired. The store forgets its own. */
  sweep(): void {
    const now = this.#now();
    const bytes = new Map<string, number>();
    for (const sandbox of this.#sandboxes.values()) {
      const { tenant } = sandbox.identity;
      if (sandbox.expiresAt <= now) this.#leave(sandbox);
      else bytes.set(tenant, (bytes.get(tenant) ?? 0) + sandbox.bytes);
    }
    this.#room.recount(bytes);
    for (const [id, { expiresAt }] of this.#stored) if (expiresAt <= now) this.#forget(id);
    for (const [id, { expiresAt }] of this.#snapshots) if (expiresAt <= now) this.#snapshots.delete(id);
  }

  /**
   * Puts every sandbox into the store, when what runs on it has ended; the small ones first, since there may not be time for all.
   * @returns why some were not put away
   */
  async close(): Promise<readonly unknown[]> {
    clearInterval(this.#sweeper);
    const left = [...this.#sandboxes.values()].sort((one, other) => other.bytes - one.bytes);
    const failures: unknown[] = [];
    const putAway = async (): Promise<void> => {
      for (let sandbox = left.pop(); sandbox !== undefined; sandbox = left.pop()) {
        await this.#putAway(sandbox).catch((error: unknown) => failures.push(error));
      }
    };
    await Promise.all(Array.from({ length: PUT_AWAY_AT_ONCE }, putAway));
    this.#sandboxes.clear();
    return failures;
  }

  async #putAway(sandbox: Sandbox): Promise<void> {
    await sandbox.settled();
    const { identity, expiresAt } = sandbox;
    const { id, tenant, createdAt } = identity;
    if (expiresAt <= this.#now()) return;
    const facts = JSON.stringify({ createdAt });
    const snapshot = writeSnapshot(sandbox.partsNow());
    await this.#options.store.sandboxes.put({ id, tenant, kind: 'sandbox', facts, expiresAt, snapshot });
  }
}
