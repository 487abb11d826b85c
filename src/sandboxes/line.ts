/** Work on a sandbox, one piece after the other. */

export class Line {
  #last: Promise<unknown> = Promise.resolve();
  #length = 0;

  /** Pieces that wait or go on. */
  get length(): number {
    return this.#length;
  }

  /** Does the work when everything before it is done, however that ended. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    this.#length += 1;
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#length -= 1;
    }
  }

  /** Resolves when all that has been taken so far is done. */
  async done(): Promise<void> {
    await this.#last;
  }
}
