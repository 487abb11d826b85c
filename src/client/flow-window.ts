/** How many bytes of batches a client lets come: granted as they are read, so that a reader that stops stops the server. */

import { MAX_CREDIT_BYTES } from '../contract/trace.ts';

export class FlowWindow {
  readonly #bytes: number;
  /** Received, and not read yet. */
  #unread = 0;
  /** Read, and not granted again yet. */
  #owed = 0;

  /** @param bytes that may be on their way or unread; one batch more may come */
  constructor(bytes: number) {
    if (!(bytes >= 1 && bytes <= MAX_CREDIT_BYTES)) throw new RangeError(`credit is 1 to ${MAX_CREDIT_BYTES} bytes`);
    this.#bytes = Math.floor(bytes);
  }

  /** What a new subscription may be given. What is unread beyond the window is not granted when it is read: it is owed below 0. */
  begin(): number {
    const free = this.#bytes - this.#unread;
    this.#owed = Math.min(free, 0);
    return Math.max(free, 0);
  }

  receive(bytes: number): void {
    this.#unread += bytes;
  }

  /**
   * The bytes have been read.
   * @returns credit to give now, in messages of at most MAX_CREDIT_BYTES: none until half of the window is owed
   */
  read(bytes: number): number[] {
    this.#unread -= bytes;
    this.#owed += bytes;
    if (this.#owed < this.#bytes / 2) return [];
    const grants: number[] = [];
    for (; this.#owed > 0; this.#owed -= grants.at(-1)!) grants.push(Math.min(this.#owed, MAX_CREDIT_BYTES));
    return grants;
  }
}
