/** So many units a minute: a level that fills up steadily, and may be drawn below zero by what is counted afterwards. */

export const WINDOW_SECONDS = 60;

/** Sums of parts of units are this exact. */
const TOLERANCE = 1e-6;

export class Quota {
  readonly #size: number;
  #level: number;
  #since: number;

  /**
   * @param size units a minute, and the most that can be saved up
   * @param now milliseconds, of any clock that never goes back
   */
  constructor(size: number, now: number) {
    this.#size = size;
    this.#level = size;
    this.#since = now;
  }

  /** Units that are left; below zero: owed. */
  left(now: number): number {
    const passed = Math.max(0, now - this.#since) / 1000;
    this.#level = Math.min(this.#size, this.#level + (passed * this.#size) / WINDOW_SECONDS);
    this.#since = now;
    return this.#level;
  }

  /** Whether there are so many. */
  has(units: number, now: number): boolean {
    return this.left(now) + TOLERANCE >= units;
  }

  /** Whole units that can be spent. */
  whole(now: number): number {
    return Math.max(0, Math.floor(this.left(now) + TOLERANCE));
  }

  spend(units: number, now: number): void {
    this.#level = this.left(now) - units;
  }

  /** Whole seconds until there are so many units, one at least. */
  secondsUntil(units: number, now: number): number {
    const missing = Math.min(units, this.#size) - this.left(now);
    return Math.max(1, Math.ceil((missing * WINDOW_SECONDS) / this.#size));
  }
}
