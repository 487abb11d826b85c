/** How late the event loop is: a timer of a known period says so by coming late. */

/** The timer's period, ms. */
const TICK_MS = 500;

export class EventLoopDelay {
  #ticked = performance.now();
  #delay = 0;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#delay = Math.max(0, now - this.#ticked - TICK_MS);
      this.#ticked = now;
    }, TICK_MS).unref();
  }

  /** The delay of the last tick, or of the one that is overdue, ms. */
  get milliseconds(): number {
    return Math.max(this.#delay, performance.now() - this.#ticked - TICK_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
