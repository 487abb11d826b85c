/** What the child process says of one hostile case. */

export interface Report {
  /** Each way in which its runs ended: outcomes, names of limits, or a problem's text. */
  readonly ends: readonly string[];
  readonly runs: number;
  /** Longest time of a run outside of its execution: reading, verifying, compiling, answering. */
  readonly loadMs: number;
  /** Longest time that an execution went on beyond its wall budget; below 0 when none did. */
  readonly overrunMs: number;
  /** Time of an honest run right after it, and whether that was right. */
  readonly honestMs: number;
  readonly honestOk: boolean;
  /** Most memory that the process had. */
  readonly rssMib: number;
}

/** Wall budget of one run of a case: long enough for V8 to optimise what is hot. */
export const WALL_MS = 2_000;
