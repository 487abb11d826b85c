/** Zero-terminated strings by byte offset, as .BTF, .strtab and .shstrtab hold them. */

import { MAX_STRING_BYTES, MAX_STRING_TABLE_READ_BYTES } from './limits.ts';

/** Throws the error of the format that the table belongs to; `offset` counts from the table's first byte. */
export type StringTableFailure = (offset: number, message: string, limit: string | null) => never;

/** Reads strings lazily and each only once: what nobody asks for costs nothing. */
export class StringTable {
  readonly #bytes: Uint8Array;
  readonly #fail: StringTableFailure;
  readonly #decoder = new TextDecoder('utf-8');
  readonly #known = new Map<number, string>();
  #readBytes = 0;

  constructor(bytes: Uint8Array, fail: StringTableFailure) {
    this.#bytes = bytes;
    this.#fail = fail;
  }

  /** The string at `offset`. Bytes that are not UTF-8 become U+FFFD. Fails outside the table, without a zero, or past a bound. */
  at(offset: number): string {
    const known = this.#known.get(offset);
    if (known !== undefined) return known;
    if (offset >= this.#bytes.length) this.#fail(offset, `string offset ${offset} is outside the table`, null);
    const longest = Math.min(this.#bytes.length, offset + MAX_STRING_BYTES + 1);
    const end = this.#bytes.subarray(offset, longest).indexOf(0);
    if (end < 0) {
      const tooLong = longest < this.#bytes.length;
      this.#fail(
        offset,
        tooLong ? `string of more than ${MAX_STRING_BYTES} bytes` : 'string without a terminating zero',
        tooLong ? 'MAX_STRING_BYTES' : null,
      );
    }
    this.#readBytes += end;
    if (this.#readBytes > MAX_STRING_TABLE_READ_BYTES) {
      this.#fail(
        offset,
        `more than ${MAX_STRING_TABLE_READ_BYTES} bytes of distinct strings`,
        'MAX_STRING_TABLE_READ_BYTES',
      );
    }
    const text = this.#decoder.decode(this.#bytes.subarray(offset, offset + end));
    this.#known.set(offset, text);
    return text;
  }
}
