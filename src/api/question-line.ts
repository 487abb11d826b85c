/** The questions of one socket: so many may wait, and one at a time is answered, so that answers do not pile up for a slow reader. */

import { MAX_WAITING_QUESTIONS } from '../contract/trace.ts';

export class QuestionLine {
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** Takes a place; false when there is none. Whoever has one must leave. */
  enter(): boolean {
    if (this.#waiting >= MAX_WAITING_QUESTIONS) return false;
    this.#waiting += 1;
    return true;
  }

  leave(): void {
    this.#waiting -= 1;
  }

  /** Runs the job when those before it are done. Rejects as the job does; those behind it go on all the same. */
  inTurn(job: () => Promise<void>): Promise<void> {
    const turn = this.#tail.then(job);
    this.#tail = turn.catch(() => undefined);
    return turn;
  }
}
