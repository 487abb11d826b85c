/** A store in memory that outlives the service, as a data folder does; with some of its calls replaced. */

import { limitsWith } from '../../src/contract/limits.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { RunStore, Store } from '../../src/store/store.ts';

export function lastingStore(changes: (runs: RunStore) => Partial<RunStore> = () => ({})): Store {
  const store = new MemoryStore({ quota: limitsWith() });
  const { programs, runs, sandboxes, shares } = store;
  return {
    programs,
    runs: Object.assign(Object.create(runs) as RunStore, changes(runs)),
    sandboxes,
    shares,
    usage: (tenant) => store.usage(tenant),
    sweep: () => store.sweep(),
    close: async () => {},
  };
}
