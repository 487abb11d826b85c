/** The drivers of the store, for tests that every driver has to pass. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Quota, Store, StoreOptions } from '../../src/store/store.ts';

export interface StoreDriver {
  readonly name: string;
  /** Whether a store opened again in the same folder has what the first one had. */
  readonly outlives: boolean;
  readonly open: (folder: string, options: StoreOptions) => Promise<Store>;
}

export const STORE_DRIVERS: readonly StoreDriver[] = [
  { name: 'memory', outlives: false, open: async (_folder, options) => new MemoryStore(options) },
  { name: 'sqlite', outlives: true, open: openSqliteStore },
];

export const AMPLE: Quota = { maxStoredItems: 1_000, maxStoredBytes: 1e9 };

/** A folder that leaves with the test. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'waggle-store-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
