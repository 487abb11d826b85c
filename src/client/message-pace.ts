/** Keeps a client's control messages below the server's limit, which would close the socket (4429). */

/** Part of the limit that is used: the server's clock is not ours. */
const SHARE = 0.8;

export class MessagePace {
  #perSecond = Number.POSITIVE_INFINITY;
  #burst = Number.POSITIVE_INFINITY;
  #left = Number.POSITIVE_INFINITY;
  #at = performance.now();

  /** The limits of a new socket, as `welcome` names them. */
  begin(limits: Readonly<Record<string, number>>): void {
    this.#perSecond = SHARE * (limits.maxTraceMessagesPerSecond ?? Number.POSITIVE_INFINITY);
    this.#burst = SHARE * (limits.maxTraceMessageBurst ?? Number.POSITIVE_INFINITY);
    this.#left = this.#burst;
    this.#at = performance.now();
  }

  /** Counts one message. @returns milliseconds to wait before it is sent */
  take(): number {
    const now = performance.now();
    if (this.#perSecond < Number.POSITIVE_INFINITY) {
      this.#left = Math.min(this.#burst, this.#left + ((now - this.#at) / 1000) * this.#perSecond);
    }
    this.#at = now;
    this.#left--;
    return this.#left >= 0 ? 0 : (-this.#left / this.#perSecond) * 1000;
  }
}
