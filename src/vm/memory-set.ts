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

  /** A cleared memory that can place `bytes`; undefined when all of a sufficient class are in use. */
  acquire(bytes: number): GuestMemory | undefined {
    for (const [index, row] of MEMORY_CLASSES.entries()) {
      if (row.capacity < bytes) continue;
      const memory = this.#free[index]?.pop();
      if (memory !== undefined) return memory;
    }
    return undefined;
  }

  /** Clears the memory and takes it back. */
  release(memory: GuestMemory): void {
    memory.clear();
    const index = MEMORY_CLASSES.findIndex((row) => row.capacity >= memory.capacity);
    this.#free[index]?.push(memory);
  }
}
