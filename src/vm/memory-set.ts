/**
 * A worker's memories: a fixed set by size class, made once and handed from owner to owner. They are never made per run: a shared memory
 * that was dropped is not collected in time, and a process died after some 16,000 of them.
 */

import { DATA_END, DATA_REGION } from '../contract/memory.ts';
import { GuestMemory } from './guest-memory.ts';

/** Size classes: most runs are small, and only the large class may grow the process. */
export const MEMORY_CLASSES = [
  { name: 'small', capacity: 4 * 1024 * 1024, count: 2 },
  { name: 'large', capacity: DATA_END - DATA_REGION, count: 1 },
] as const;

export class MemorySet {
  readonly #free: GuestMemory[][] = MEMORY_CLASSES.map((row) =>
    Array.from({ length: row.count }, () => new GuestMemory(row.capacity)),
  );

  readonly #stale = new Set<GuestMemory>();

  /** A cleared memory that can place `bytes`; undefined when all of a sufficient class are in use. */
  acquire(bytes: number): GuestMemory | undefined {
    for (const [index, row] of MEMORY_CLASSES.entries()) {
      if (row.capacity < bytes) continue;
      const memory = this.#free[index]?.pop();
      if (memory === undefined) continue;
      if (this.#stale.delete(memory)) memory.clear();
      return memory;
    }
    return undefined;
  }

  /**
   * Takes a memory back and clears it; with `stale`, when it is next acquired: the API thread knew its prog arrays, and may write there until
   * it has the answer of this task.
   */
  release(memory: GuestMemory, stale = false): void {
    if (stale) this.#stale.add(memory);
    else memory.clear();
    const index = MEMORY_CLASSES.findIndex((row) => row.capacity >= memory.capacity);
    this.#free[index]?.push(memory);
  }
}
