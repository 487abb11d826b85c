/** Batches that have come and wait for their reader. There is one reader. */

export class BatchQueue<Item> {
  readonly #items: Item[] = [];
  #end: { readonly error: Error | null } | null = null;
  #wake: (() => void) | null = null;

  push(item: Item): void {
    this.#items.push(item);
    this.#wake?.();
  }

  /** What waits is still read, then the end, or the error. The first call counts. */
  finish(error: Error | null): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  /** The next item; undefined at the end. Rejects with the error of `finish`. */
  async next(): Promise<Item | undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) return item;
      if (this.#end?.error) throw this.#end.error;
      if (this.#end !== null) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }
}
