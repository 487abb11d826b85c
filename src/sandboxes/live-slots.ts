/**
 * The slots of a run that is going on, written from this thread. A change is a seqlock write, as Linux programs see bpf_map_update_elem:
 * the generation is odd while it lasts, and a hop that reads meanwhile tries again.
 *
 *   generation word      even            odd                 even + 2
 *                         |  add 1        |  slots stored     |  add 1
 */

import type { SlotAddresses } from '../contract/sandbox-task.ts';

const WORD_BYTES = 4;

/** Slot index, and the number of the program + 1; 0 empties the slot. */
export type SlotChange = readonly [index: number, slot: number];

export class LiveSlots {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #addresses: ReadonlyMap<number, SlotAddresses>;

  constructor(memory: SharedArrayBuffer, progArrays: readonly SlotAddresses[]) {
    this.#words = new Int32Array(memory);
    this.#addresses = new Map(progArrays.map((one) => [one.map, one]));
  }

  /** Changes slots of one array, all of them between the same two tail calls. `generations`: as how many changes this counts. */
  write(map: number, changes: readonly SlotChange[], generations = 1): void {
    const place = this.#addresses.get(map);
    if (place === undefined) throw new Error(`map ${map} is no prog array of the run`);
    const generation = place.generation / WORD_BYTES;
    const slots = place.slots / WORD_BYTES;
    Atomics.add(this.#words, generation, 1);
    for (const [index, slot] of changes) Atomics.store(this.#words, slots + index, slot);
    Atomics.add(this.#words, generation, 2 * generations - 1);
  }
}
