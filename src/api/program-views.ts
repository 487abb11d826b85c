/** Views of stored programs that were made before, least recently used out first. A tenant finds only what was made for it. */

/** Bytes of them all together. */
export const MAX_VIEW_BYTES = 64 * 1024 * 1024;
/** Counted for each beside its bytes. */
const OVERHEAD_BYTES = 512;

export class ProgramViews {
  readonly #views = new Map<string, Buffer>();
  #bytes = 0;

  get(key: string): Buffer | undefined {
    const known = this.#views.get(key);
    if (known === undefined) return undefined;
    this.#views.delete(key);
    this.#views.set(key, known);
    return known;
  }

  set(key: string, view: Buffer): void {
    if (this.#views.has(key)) return;
    this.#views.set(key, view);
    this.#bytes += view.length + OVERHEAD_BYTES;
    for (const [oldest, { length }] of this.#views) {
      if (this.#bytes <= MAX_VIEW_BYTES) return;
      this.#views.delete(oldest);
      this.#bytes -= length + OVERHEAD_BYTES;
    }
  }
}
