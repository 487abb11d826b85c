/** The store in memory: for tests, and the shortest text of what a driver does. Nothing outlives the process. */

import { checkKeys, checkPage, checkValues, sizeOf } from './bounds.ts';
import { ownCopy } from './own-copy.ts';
import type {
  Acceptance,
  AcceptedRun,
  Full,
  IdempotencyClaim,
  ProgramStore,
  Quota,
  RunEnding,
  RunStore,
  SandboxStore,
  ShareStore,
  Store,
  StoredProgram,
  StoredRun,
  StoredSandbox,
  StoredShare,
  StoreOptions,
  Usage,
} from './store.ts';

interface Claim extends IdempotencyClaim {
  readonly id: string;
}

/** A key of two parts; neither part holds the separator, which no tenant and no id may have. */
const pair = (tenant: string, key: string): string => `${tenant}\n${key}`;

export class MemoryStore implements Store {
  readonly #quota: Quota;
  readonly #now: () => number;
  readonly #programs = new Map<string, StoredProgram>();
  /** In the order of acceptance. */
  readonly #runs = new Map<string, StoredRun>();
  readonly #claims = new Map<string, Claim>();
  readonly #sandboxes = new Map<string, StoredSandbox>();
  readonly #shares = new Map<string, StoredShare>();
  readonly #usage = new Map<string, Usage>();
  #lastSequence = 0;

  constructor({ quota, now = Date.now }: StoreOptions) {
    this.#quota = quota;
    this.#now = now;
  }

  readonly programs: ProgramStore = {
    put: async (program) => {
      checkKeys(program.tenant, program.id);
      checkValues(program.form, program.facts);
      const key = pair(program.tenant, program.id);
      if (this.#programs.has(key)) return { kind: 'known' };
      const full = this.#take(program.tenant, sizeOf(program.form, program.facts));
      if (full !== null) return full;
      this.#programs.set(key, ownCopy(program));
      return { kind: 'new' };
    },
    get: async (tenant, id) => ownCopy(this.#programs.get(pair(tenant, id)) ?? null),
    delete: async (tenant, id) => {
      const program = this.#programs.get(pair(tenant, id));
      if (program === undefined) return false;
      this.#programs.delete(pair(tenant, id));
      this.#free(tenant, sizeOf(program.form, program.facts));
      return true;
    },
  };

  readonly runs: RunStore = {
    accept: async (run, claim) => this.#accept(run, claim),
    finish: async (id, ending) => this.#finish(id, ending),
    get: async (tenant, id) => {
      const run = this.#runs.get(id);
      return run?.tenant === tenant && this.#isRunAlive(run) ? ownCopy(run) : null;
    },
    noteStart: async () => {
      for (const [id, run] of this.#runs) {
        if (run.ending === null) this.#runs.set(id, { ...run, starts: run.starts + 1 });
      }
    },
    listUnfinished: async (after, most) => {
      checkPage(most);
      const unfinished = [...this.#runs.values()].filter((run) => run.ending === null && run.sequence > after);
      return unfinished.slice(0, most).map(({ request: _request, ending: _ending, ...entry }) => entry);
    },
  };

  readonly sandboxes: SandboxStore = {
    put: async (sandbox) => {
      checkKeys(sandbox.id, sandbox.tenant);
      checkValues(sandbox.facts, sandbox.snapshot);
      this.#sandboxes.set(sandbox.id, ownCopy(sandbox));
    },
    get: async (tenant, id) => ownCopy(this.#sandbox(tenant, id) ?? null),
    list: async (after, most) => {
      checkPage(most);
      return [...this.#sandboxes.values()]
        .filter((sandbox) => this.#isAlive(sandbox) && (after === null || sandbox.id > after))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, most)
        .map(({ id, tenant, kind, facts, expiresAt }) => ({ id, tenant, kind, facts, expiresAt }));
    },
    setExpiry: async (tenant, id, expiresAt) => {
      const sandbox = this.#sandbox(tenant, id);
      if (sandbox !== undefined) this.#sandboxes.set(id, { ...sandbox, expiresAt });
      return sandbox !== undefined;
    },
    delete: async (tenant, id) => this.#sandbox(tenant, id) !== undefined && this.#sandboxes.delete(id),
  };

  readonly shares: ShareStore = {
    put: async (share) => {
      checkKeys(share.id, share.tenant, share.deleteTokenHash);
      checkValues(share.body);
      const full = this.#take(share.tenant, sizeOf(share.body));
      if (full !== null) return full;
      this.#shares.set(share.id, { ...share });
      return { kind: 'stored' };
    },
    get: async (id) => {
      const share = this.#shares.get(id);
      return share !== undefined && this.#isAlive(share) ? { ...share } : null;
    },
    delete: async (id) => {
      const share = this.#shares.get(id);
      if (share === undefined || !this.#isAlive(share)) return false;
      this.#removeShare(share);
      return true;
    },
  };

  async usage(tenant: string): Promise<Usage> {
    return { ...(this.#usage.get(tenant) ?? { items: 0, bytes: 0 }) };
  }

  async sweep(): Promise<number> {
    let swept = 0;
    for (const share of this.#shares.values()) {
      if (this.#isAlive(share)) continue;
      this.#removeShare(share);
      swept += 1;
    }
    for (const run of this.#runs.values()) {
      if (this.#isRunAlive(run)) continue;
      this.#runs.delete(run.id);
      this.#free(run.tenant, runSize(run));
      swept += 1;
    }
    for (const rows of [this.#claims, this.#sandboxes]) {
      for (const [key, row] of rows) if (!this.#isAlive(row) && rows.delete(key)) swept += 1;
    }
    return swept;
  }

  async close(): Promise<void> {}

  #accept(run: AcceptedRun, claim: IdempotencyClaim | null): Acceptance {
    checkKeys(run.id, run.tenant, run.bucket);
    checkValues(run.request);
    if (claim !== null) {
      checkKeys(claim.key, claim.requestKey);
      const earlier = this.#claims.get(pair(run.tenant, claim.key));
      if (earlier !== undefined && this.#isAlive(earlier)) {
        return { kind: 'claimed', id: earlier.id, requestKey: earlier.requestKey };
      }
    }
    const stored: StoredRun = { ...run, sequence: this.#lastSequence + 1, starts: 0, ending: null };
    const full = this.#take(run.tenant, runSize(stored));
    if (full !== null) return full;
    this.#lastSequence = stored.sequence;
    this.#runs.set(run.id, stored);
    if (claim !== null) this.#claims.set(pair(run.tenant, claim.key), { ...claim, id: run.id });
    return { kind: 'accepted' };
  }

  #finish(id: string, ending: RunEnding): boolean {
    checkValues(ending.result, ending.replay);
    const run = this.#runs.get(id);
    if (run === undefined || run.ending !== null) return false;
    this.#runs.set(id, { ...run, ending: ownCopy(ending) });
    this.#count(run.tenant, 0, sizeOf(ending.result, ending.replay));
    return true;
  }

  #sandbox(tenant: string, id: string): StoredSandbox | undefined {
    const sandbox = this.#sandboxes.get(id);
    return sandbox?.tenant === tenant && this.#isAlive(sandbox) ? sandbox : undefined;
  }

  #removeShare(share: StoredShare): void {
    this.#shares.delete(share.id);
    this.#free(share.tenant, sizeOf(share.body));
  }

  #isAlive({ expiresAt }: { readonly expiresAt: number }): boolean {
    return expiresAt > this.#now();
  }

  #isRunAlive({ ending }: StoredRun): boolean {
    return ending === null || this.#isAlive(ending);
  }

  /** Counts one more item, unless the quota has no room for it. */
  #take(tenant: string, size: number): Full | null {
    const { items, bytes } = this.#usage.get(tenant) ?? { items: 0, bytes: 0 };
    if (items >= this.#quota.maxStoredItems) return { kind: 'full', limit: 'maxStoredItems' };
    if (bytes + size > this.#quota.maxStoredBytes) return { kind: 'full', limit: 'maxStoredBytes' };
    this.#count(tenant, 1, size);
    return null;
  }

  #free(tenant: string, size: number): void {
    this.#count(tenant, -1, -size);
  }

  #count(tenant: string, items: number, bytes: number): void {
    const before = this.#usage.get(tenant) ?? { items: 0, bytes: 0 };
    this.#usage.set(tenant, { items: before.items + items, bytes: before.bytes + bytes });
  }
}

function runSize({ request, ending }: StoredRun): number {
  return sizeOf(request) + (ending === null ? 0 : sizeOf(ending.result, ending.replay));
}
