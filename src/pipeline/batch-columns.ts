/** Bytes of one column of a binary batch: LEB128 of pairs of 32-bit words, so that no BigInt is made on the way. */

const FIRST_BYTES = 1024;
/** A varint of 64 bits. */
const MAX_VARINT_BYTES = 10;

export class Column {
  #bytes = new Uint8Array(FIRST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  bytes(values: Uint8Array): void {
    this.#reserve(values.length);
    this.#bytes.set(values, this.#length);
    this.#length += values.length;
  }

  /** LEB128 of an unsigned 64-bit number, given as two words. */
  varint(low: number, high: number): void {
    this.#reserve(MAX_VARINT_BYTES);
    const bytes = this.#bytes;
    let at = this.#length;
    let rest = low >>> 0;
    let upper = high >>> 0;
    while (upper !== 0) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest = ((rest >>> 7) | (upper << 25)) >>> 0;
      upper >>>= 7;
    }
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.#length = at;
  }

  /** A signed 64-bit number, folded: 0, -1, 1, -2, … */
  zigzag(low: number, high: number): void {
    const sign = high >> 31;
    this.varint((low << 1) ^ sign, ((high << 1) | (low >>> 31)) ^ sign);
  }

  /** A signed number of at most 53 bits, folded. */
  zigzagNumber(value: number): void {
    const low = value | 0;
    this.zigzag(low, Math.floor((value - (low >>> 0)) / 0x1_0000_0000));
  }

  copyTo(target: Uint8Array, offset: number): void {
    target.set(this.#bytes.subarray(0, this.#length), offset);
  }
}
