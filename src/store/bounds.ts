/** The bounds of store.ts, checked the same way by every driver. A caller that passes one is our own bug, so it throws. */

import { MAX_STORE_KEY_LENGTH, MAX_STORE_PAGE, MAX_STORE_VALUE_BYTES } from './store.ts';

/** @throws RangeError for a key that is empty, too long, or has a line break */
export function checkKeys(...keys: readonly string[]): void {
  for (const key of keys) {
    if (key.length === 0 || key.length > MAX_STORE_KEY_LENGTH || /[\n\0]/.test(key)) {
      throw new RangeError(`a store key of ${key.length} characters, empty or with a line break`);
    }
  }
}

/** @throws RangeError for a value that is too long */
export function checkValues(...values: readonly (string | Uint8Array | null)[]): void {
  for (const value of values) {
    if (sizeOf(value) > MAX_STORE_VALUE_BYTES) throw new RangeError(`a store value of ${sizeOf(value)} bytes`);
  }
}

/** @throws RangeError for a page of no or too many rows */
export function checkPage(most: number): void {
  if (!(most >= 1 && most <= MAX_STORE_PAGE)) throw new RangeError(`a page of ${most} rows`);
}

/** Bytes of the values together, texts in UTF-8. */
export function sizeOf(...values: readonly (string | Uint8Array | null)[]): number {
  return values.reduce(
    (sum, value) => sum + (typeof value === 'string' ? Buffer.byteLength(value) : (value?.length ?? 0)),
    0,
  );
}
