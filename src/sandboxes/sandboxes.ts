/** All sandboxes of the service: made, found, expired, counted, and put away when the process ends. */

import { randomUUID } from 'node:crypto';
import type { Limits } from '../contract/limits.ts';
import type { Problem } from '../contract/problem.ts';
import type { Rejection, Verification } from '../contract/result.ts';
import type { SandboxAnswer, SandboxSpec } from '../contract/sandbox-task.ts';
import type { RunPool } from '../pool/pool.ts';
import { MAX_STORE_PAGE, type Store } from '../store/store.ts';
import { Sandbox, type SandboxParts } from './sandbox.ts';
import { readSnapshot, writeSnapshot } from './snapshot.ts';

/** Between two looks for sandboxes that have expired, ms. */
const SWEEP_MS = 1_000;

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

/** A snapshot that was written to the store. */
export interface SnapshotEntry {
  readonly id: string;
  readonly bytes: number;
  readonly expiresAt: number;
}

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
  /** Sandboxes on their way out of the store. */
  readonly #waking = new Map<string, Promise<Sandbox | null>>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(options: SandboxesOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#sweeper = setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  /** Reads what an earlier process has left. */
  async open(): Promise<void> {
    for (let after: string | null = null; ; ) {
      const page = await this.#options.store.sandboxes.list(after, MAX_STORE_PAGE);
      for (const { id, tenant, kind, expiresAt } of page) {
        if (kind === 'sandbox') this.#stored.set(id, { tenant, expiresAt });
        after = id;
      }
      if (page.length < MAX_STORE_PAGE) return;
    }
  }

  counts(): SandboxCounts {
    const running = [...this.#sandboxes.values()].filter((one) => one.queued > 0).length;
    return { running, idle: this.#sandboxes.size - running, stored: this.#stored.size };
  }

  #refusal(tenant: string): Problem | null {
    const { maxSandboxes, maxSandboxesBytes } = this.#options.limits;
    let own = 0;
    let bytes = 0;
    for (const sandbox of this.#sandboxes.values()) {
      bytes += sandbox.bytes;
      if (sandbox.identity.tenant === tenant) own += 1;
    }
    for (const stored of this.#stored.values()) if (stored.tenant === tenant) own += 1;
    if (own >= maxSandboxes) {
      const detail = `There are ${own} sandboxes of yours, maxSandboxes is ${maxSandboxes}; delete one, or wait until one expires.`;
      return { code: 'too_many_sandboxes', detail, limit: 'maxSandboxes' };
    }
    if (bytes >= maxSandboxesBytes) {
      const detail = `All sandboxes of this server take ${bytes} bytes, maxSandboxesBytes is ${maxSandboxesBytes}; try again when some have expired.`;
      return { code: 'too_many_sandboxes', detail, limit: 'maxSandboxesBytes' };
    }
    return null;
  }

  /** ttl in seconds. */
  async create({ tenant, bucket }: SandboxOwner, spec: SandboxSpec, ttl: number): Promise<CreateAnswer> {
    const refusal = this.#refusal(tenant);
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
    return { kind: 'created', sandbox: this.#add(tenant, { state, programs, maps }, ttl), verification };
  }

  #add(tenant: string, parts: SandboxParts, ttl: number, id: string = randomUUID()): Sandbox {
    const createdAt = this.#now();
    const sandbox = new Sandbox({ id, tenant, createdAt }, parts, createdAt + ttl * 1000);
    this.#sandboxes.set(id, sandbox);
    return sandbox;
  }

  /** The tenant's sandbox; null: there is none with this id, or it has expired, or it is another's. */
  async find(tenant: string, id: string): Promise<Sandbox | null> {
    const sandbox = this.#sandboxes.get(id) ?? (await this.#wake(id));
    if (sandbox === null || sandbox.identity.tenant !== tenant || sandbox.expiresAt <= this.#now()) return null;
    return sandbox;
  }

  /** Brings a sandbox of an earlier process back. */
  async #wake(id: string): Promise<Sandbox | null> {
    const stored = this.#stored.get(id);
    if (stored === undefined) return null;
    const known = this.#waking.get(id);
    if (known !== undefined) return known;
    const waking = this.#read(stored.tenant, id);
    this.#waking.set(id, waking);
    try {
      const sandbox = await waking;
      // Deleted meanwhile, or expired.
      if (sandbox === null || !this.#stored.delete(id)) return null;
      this.#sandboxes.set(id, sandbox);
      return sandbox;
    } finally {
      this.#waking.delete(id);
    }
  }

  async #read(tenant: string, id: string): Promise<Sandbox | null> {
    const stored = await this.#options.store.sandboxes.get(tenant, id);
    if (stored === null) return null;
    const read = readSnapshot(stored.snapshot);
    if ('engine' in read) return null;
    const { createdAt } = JSON.parse(stored.facts) as { createdAt: number };
    return new Sandbox({ id, tenant, createdAt }, read.parts, stored.expiresAt);
  }

  /** Sandboxes of a tenant that are awake, in the order in which they were made. */
  list(tenant: string): Sandbox[] {
    return [...this.#sandboxes.values()].filter((one) => one.identity.tenant === tenant && one.expiresAt > this.#now());
  }

  /** Sets when a sandbox ends, ttl seconds from now. */
  async extend(sandbox: Sandbox, ttl: number): Promise<void> {
    sandbox.expiresAt = this.#now() + ttl * 1000;
    const { id, tenant } = sandbox.identity;
    await this.#options.store.sandboxes.setExpiry(tenant, id, sandbox.expiresAt);
  }

  /** A copy under an id of its own, as it stands when all that was asked before has ended. */
  async fork(sandbox: Sandbox, ttl: number): Promise<CopyAnswer> {
    const { tenant } = sandbox.identity;
    const refusal = this.#refusal(tenant);
    if (refusal !== null) return { kind: 'problem', problem: refusal };
    return { kind: 'made', sandbox: this.#add(tenant, await sandbox.parts(), ttl) };
  }

  /** Writes a copy to the store, where it outlives the sandbox and the process. */
  async snapshot(sandbox: Sandbox, ttl: number): Promise<SnapshotEntry> {
    const { tenant } = sandbox.identity;
    const bytes = writeSnapshot(await sandbox.parts());
    const createdAt = this.#now();
    const expiresAt = createdAt + ttl * 1000;
    const id = randomUUID();
    const facts = JSON.stringify({ createdAt });
    await this.#options.store.sandboxes.put({ id, tenant, kind: 'snapshot', facts, expiresAt, snapshot: bytes });
    return { id, bytes: bytes.length, expiresAt };
  }

  /** A new sandbox from a snapshot; null: the tenant has none with this id. */
  async restore(tenant: string, snapshot: string, ttl: number): Promise<CopyAnswer | null> {
    const refusal = this.#refusal(tenant);
    if (refusal !== null) return { kind: 'problem', problem: refusal };
    const stored = await this.#options.store.sandboxes.get(tenant, snapshot);
    if (stored === null || stored.kind !== 'snapshot') return null;
    const read = readSnapshot(stored.snapshot);
    if ('parts' in read) return { kind: 'made', sandbox: this.#add(tenant, read.parts, ttl) };
    const detail = `The snapshot was written by ${read.engine}, whose maps lie in memory in another way; make the sandbox again.`;
    return { kind: 'problem', problem: { code: 'snapshot_gone', detail } };
  }

  /** Removes a snapshot; false: the tenant has none with this id. */
  async deleteSnapshot(tenant: string, id: string): Promise<boolean> {
    const stored = await this.#options.store.sandboxes.get(tenant, id);
    if (stored === null || stored.kind !== 'snapshot') return false;
    return this.#options.store.sandboxes.delete(tenant, id);
  }

  /** Ends a sandbox and what runs on it. */
  async delete(sandbox: Sandbox): Promise<void> {
    const { id, tenant } = sandbox.identity;
    this.#sandboxes.delete(id);
    sandbox.close();
    await this.#options.store.sandboxes.delete(tenant, id);
  }

  /** Ends what has expired. The store forgets its own. */
  sweep(): void {
    const now = this.#now();
    for (const [id, sandbox] of this.#sandboxes) {
      if (sandbox.expiresAt > now) continue;
      this.#sandboxes.delete(id);
      sandbox.close();
    }
    for (const [id, { expiresAt }] of this.#stored) if (expiresAt <= now) this.#stored.delete(id);
  }

  /** Puts every sandbox into the store, when what runs on it has ended. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    const { sandboxes } = this.#options.store;
    for (const sandbox of this.#sandboxes.values()) {
      await sandbox.settled();
      const { id, tenant, createdAt } = sandbox.identity;
      if (sandbox.expiresAt <= this.#now()) continue;
      const facts = JSON.stringify({ createdAt });
      const snapshot = writeSnapshot(sandbox.partsNow());
      await sandboxes.put({ id, tenant, kind: 'sandbox', facts, expiresAt: sandbox.expiresAt, snapshot });
    }
    this.#sandboxes.clear();
  }
}
