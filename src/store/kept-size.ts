/** What a kept run takes in memory: what the limits maxReplayBytes and maxMemoBytes count. */

import type { KeptForm } from '../contract/finished-run.ts';

/** V8 on 64 bits: an object's header with its share of the hidden class, a field, a text's header, a byte array with its buffer. */
const OBJECT_BYTES = 56;
const FIELD_BYTES = 16;
const TEXT_BYTES = 24;
const BYTE_ARRAY_BYTES = 256;

/** Bytes that a kept run takes, estimated from above. */
export function sizeOfKept({ result, rest, spec, sandbox }: KeptForm): number {
  return sizeOfValue(result) + sizeOfValue(rest) + sizeOfValue(spec) + sizeOfValue(sandbox);
}

/** Bytes of plain data, all that it leads to included. Equal parts count each time. */
function sizeOfValue(value: unknown): number {
  if (typeof value === 'string') return TEXT_BYTES + value.length;
  if (typeof value !== 'object' || value === null) return 0;
  if (value instanceof Uint8Array) return BYTE_ARRAY_BYTES + value.length;
  let bytes = OBJECT_BYTES;
  if (Array.isArray(value)) {
    for (const element of value) bytes += FIELD_BYTES + sizeOfValue(element);
    return bytes;
  }
  for (const key in value) bytes += FIELD_BYTES + sizeOfValue((value as Record<string, unknown>)[key]);
  return bytes;
}
