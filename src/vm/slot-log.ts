/**
 * What a run saw of live changes to prog arrays, so that its replay sees the same at the same hop. A hop that reads another generation than
 * the hop before it adds a row with everything that changed in that array; hops in between need none.
 */

import { MAP_DESCRIPTOR } from '../contract/memory.ts';
import type { SlotLogRow } from '../contract/slot-log.ts';
import type { VmMap } from './maps/map.ts';
import { ProgArrayMap } from './maps/prog-array.ts';

/** Rows that a run keeps; a run that sees more changes is not replayed exactly, and says so. */
export const MAX_SLOT_LOG_ROWS = 100_000;

export class SlotLog {
  readonly rows: SlotLogRow[] = [];
  readonly #maps: readonly VmMap[];
  /** Slots as the last row left them; nothing is known of an array that has not changed yet, so its first row holds all slots. */
  readonly #known = new Map<number, Int32Array>();
  #complete = true;

  constructor(maps: readonly VmMap[]) {
    this.#maps = maps;
  }

  /** False when rows were dropped. */
  get complete(): boolean {
    return this.#complete;
  }

  #progArray(map: number): ProgArrayMap {
    const found = this.#maps[map];
    if (!(found instanceof ProgArrayMap)) throw new Error(`map ${map} is no prog array`);
    return found;
  }

  /** The array's contents now are known to who replays the run. */
  know(map: number): void {
    const now = this.#progArray(map).snapshot();
    if (now !== null) this.#known.set(map, now.slots);
  }

  /** A hop read `slot` at `index` in `generation` (twice the number of completed changes). */
  note(
    at: { invocation: number; attempt: number },
    descriptor: number,
    generation: number,
    index: number,
    slot: number,
  ): void {
    if (this.rows.length >= MAX_SLOT_LOG_ROWS) {
      this.#complete = false;
      return;
    }
    const map = mapNumber(descriptor);
    const known = this.#known.get(map);
    const now = this.#progArray(map).snapshot();
    let changes: (readonly [number, number])[] = [[index, slot]];
    // When the array has moved on meanwhile, the next hop finds yet another generation and adds a row with the rest.
    if (now?.generation === generation) {
      changes = [];
      now.slots.forEach((value, position) => {
        if (value !== known?.[position]) changes.push([position, value]);
      });
      this.#known.set(map, now.slots);
    } else known?.set([slot], index);
    this.rows.push({ ...at, map, generation: generation >>> 1, changes });
  }

  /** In a replay: the rows of this attempt on this map, put back into the array. */
  restore(rows: readonly SlotLogRow[], at: { invocation: number; attempt: number }, descriptor: number): void {
    const map = mapNumber(descriptor);
    for (const row of rows) {
      if (row.invocation !== at.invocation || row.attempt !== at.attempt || row.map !== map) continue;
      this.#progArray(map).restore(row.generation, row.changes);
    }
  }
}

function mapNumber(descriptor: number): number {
  return (descriptor - MAP_DESCRIPTOR.BASE) / MAP_DESCRIPTOR.BYTES;
}
