/** Work on a sandbox, one piece after the other. */

export class Line {
  #last: Promise<unknown> = Promise.resolve();

  /** Does the work when everything before it is done, however that ended. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Resolves when all that has been taken so far is done. */
  async done(): Promise<void> {
    await this.#last;
  }
}
