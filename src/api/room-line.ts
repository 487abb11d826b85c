/** Jobs that wait until there is room. Each is done at once when its turn comes, and the room is looked at again before the next. */

interface Job {
  readonly run: () => void;
  readonly done: () => void;
}

export class RoomLine {
  readonly #hasRoom: () => boolean;
  readonly #jobs = new Set<Job>();
  #isClosed = false;

  constructor(hasRoom: () => boolean) {
    this.#hasRoom = hasRoom;
  }

  /** Resolves when the job is done, or will not be: the line was closed, or `stop` said so. Rejects with what the job throws. */
  enter(job: () => void, stop?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        stop?.removeEventListener('abort', leave);
        this.#jobs.delete(entry);
        resolve();
      };
      const run = (): void => {
        try {
          job();
        } catch (error) {
          reject(error);
        }
      };
      const entry: Job = { run, done: leave };
      if (this.#isClosed || stop?.aborted === true) {
        resolve();
        return;
      }
      stop?.addEventListener('abort', leave, { once: true });
      this.#jobs.add(entry);
      this.look();
    });
  }

  /** There may be room now. */
  look(): void {
    for (const job of this.#jobs) {
      if (!this.#hasRoom()) return;
      // Out of the line first: what it sends looks again.
      this.#jobs.delete(job);
      job.run();
      job.done();
    }
  }

  /** There will never be room. */
  close(): void {
    this.#isClosed = true;
    for (const { done } of this.#jobs) done();
  }
}
