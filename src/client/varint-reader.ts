/** LEB128 numbers of a stretch of bytes, as pairs of 32-bit words, with every bound checked. */

/** Bytes of a batch that are not as the format says; the message names the place. */
export class BatchError extends Error {
  override readonly name = 'BatchError';
}

const CONTINUES = 0x80;
const PAYLOAD = 0x7f;
const WORD = 0x1_0000_0000;
/** The tenth byte of a varint holds bit 63 only. */
const LAST_SHIFT = 63;

export class VarintReader {
  readonly #bytes: Uint8Array;
  readonly #name: string;
  readonly #end: number;
  #at: number;
  /** Words of the number that was read last. */
  low = 0;
  high = 0;

  /** @param name of the stretch, for errors */
  constructor(bytes: Uint8Array, name: string, start: number, end: number) {
    this.#bytes = bytes;
    this.#name = name;
    this.#at = start;
    this.#end = end;
  }

  /** @throws BatchError always */
  refuse(what: string): never {
    throw new BatchError(`${this.#name}, byte ${this.#at} of the batch: ${what}`);
  }

  byte(): number {
    if (this.#at >= this.#end) this.refuse('it ends too early');
    return this.#bytes[this.#at++]!;
  }

  /** A view of the next bytes, not a copy. */
  bytes(length: number): Uint8Array {
    if (length > this.#end - this.#at) this.refuse(`${length} bytes are promised, ${this.#end - this.#at} are left`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Reads an unsigned number of up to 64 bits into `low` and `high`. */
  varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift <= LAST_SHIFT; shift += 7) {
      const byte = this.byte();
      const part = byte & PAYLOAD;
      if (shift === LAST_SHIFT && byte > 1) this.refuse('a number has more than 64 bits');
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        high = part >>> 4;
      } else high |= part << (shift - 32);
      if ((byte & CONTINUES) === 0) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
  }

  /** Reads a folded signed number of 64 bits into `low` and `high` (two's complement). */
  zigzag(): void {
    this.varint();
    const sign = -(this.low & 1);
    this.low = (((this.low >>> 1) | (this.high << 31)) ^ sign) >>> 0;
    this.high = ((this.high >>> 1) ^ sign) >>> 0;
  }

  /** An unsigned number that is at most `most`. */
  number(what: string, most: number): number {
    this.varint();
    const value = this.high * WORD + this.low;
    if (value > most) this.refuse(`${what} is ${value}, more than ${most}`);
    return value;
  }

  /** A signed number; exact up to 53 bits, and out of any bound that a caller may have beyond. */
  signedNumber(): number {
    this.zigzag();
    return (this.high | 0) * WORD + this.low;
  }

  /** The number that was read last, unsigned. */
  get wide(): bigint {
    return this.high === 0 ? BigInt(this.low) : (BigInt(this.high) << 32n) | BigInt(this.low);
  }

  /** @throws BatchError when bytes are left over */
  finish(): void {
    if (this.#at !== this.#end) this.refuse(`${this.#end - this.#at} bytes are left over`);
  }
}
