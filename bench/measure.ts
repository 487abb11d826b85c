/**
 * Times of many subjects on a noisy machine: short batches, all subjects in turn, round after round. The minimum is the figure (noise only
 * adds), the median beside it says how noisy the machine was.
 */

import type { Subject } from './subject.ts';

/** A batch should last about so long: less than a time slice of the scheduler, so that some batches are not interrupted. */
const BATCH_MS = 1.5;
const WARM_UP_MS = 120;
const MAX_BATCH = 1_000_000;

export interface Timing {
  /** Nanoseconds of one run. */
  readonly minimum: number;
  readonly median: number;
}

class Stopwatch {
  readonly #subject: Subject;
  readonly #samples: number[] = [];
  #repeat = 1;

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  /** Until V8 has optimised it, and the size of a batch is known. */
  warmUp(): void {
    const end = performance.now() + WARM_UP_MS;
    while (performance.now() < end) {
      const elapsed = this.#subject.run(this.#repeat).elapsed;
      const fitting = Math.ceil((this.#repeat * BATCH_MS * 1e6) / Math.max(elapsed, 1));
      this.#repeat = Math.min(Math.max(fitting, 1), this.#repeat * 8, MAX_BATCH);
    }
  }

  sample(): void {
    this.#samples.push(this.#subject.run(this.#repeat).elapsed / this.#repeat);
  }

  timing(): Timing {
    const sorted = this.#samples.toSorted((left, right) => left - right);
    return { minimum: sorted[0] ?? Number.NaN, median: sorted[sorted.length >> 1] ?? Number.NaN };
  }
}

/**
 * @param seconds time for the rounds, warm-up not counted; there is at least one round
 * @returns a timing for each subject, in their order, and the number of rounds
 */
export function measure(subjects: readonly Subject[], seconds: number): { timings: Timing[]; rounds: number } {
  const watches = subjects.map((subject) => new Stopwatch(subject));
  for (const watch of watches) watch.warmUp();
  const end = performance.now() + seconds * 1000;
  let rounds = 0;
  do {
    for (const watch of watches) watch.sample();
    rounds++;
  } while (performance.now() < end);
  return { timings: watches.map((watch) => watch.timing()), rounds };
}
