/** What a run saw of live changes to prog arrays. */

/** A live change of a prog array, as a replay sees it again: at the same tail-call attempt. */
export interface SlotLogRow {
  /** Number of the invocation in the run, and of the tail-call attempt in it. */
  readonly invocation: number;
  readonly attempt: number;
  readonly map: number;
  /** Completed changes of that array. */
  readonly generation: number;
  /** Slot index and content (program number + 1, 0 is empty). */
  readonly changes: readonly (readonly [number, number])[];
}
