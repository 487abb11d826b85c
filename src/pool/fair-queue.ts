/** First come, first served within a principal; between principals in turn, so that one who sends much delays mostly himself. */

export interface Waiting {
  readonly principal: string;
  /** performance.now() at admission, ms. */
  readonly since: number;
}

export class FairQueue<T extends Waiting> {
  /** A Map keeps insertion order: its first key is the principal whose turn it is. */
  readonly #lines = new Map<string, T[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    const line = this.#lines.get(item.principal);
    if (line === undefined) this.#lines.set(item.principal, [item]);
    else line.push(item);
    this.#size += 1;
  }

  /** The next one in turn; undefined when nobody waits. */
  shift(): T | undefined {
    for (const [principal, line] of this.#lines) {
      const item = line.shift();
      this.#lines.delete(principal);
      if (line.length > 0) this.#lines.set(principal, line);
      this.#size -= 1;
      return item;
    }
    return undefined;
  }

  /** How many of this principal wait. */
  waiting(principal: string): number {
    return this.#lines.get(principal)?.length ?? 0;
  }

  /** Does anybody but this principal wait? */
  othersWait(principal: string): boolean {
    return this.#lines.size > (this.#lines.has(principal) ? 1 : 0);
  }

  /** Takes one out that no longer waits; false when it was not in. */
  remove(item: T): boolean {
    const line = this.#lines.get(item.principal);
    const place = line?.indexOf(item) ?? -1;
    if (line === undefined || place < 0) return false;
    line.splice(place, 1);
    if (line.length === 0) this.#lines.delete(item.principal);
    this.#size -= 1;
    return true;
  }

  /** When the one who waits longest was admitted (performance.now() ms); undefined when nobody waits. */
  oldest(): number | undefined {
    let oldest: number | undefined;
    for (const [first] of this.#lines.values()) {
      if (first !== undefined && (oldest === undefined || first.since < oldest)) oldest = first.since;
    }
    return oldest;
  }
}
