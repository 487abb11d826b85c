/** Transport encodings of bytes, undone strictly: what is not exactly hex, base64 or text is refused, never repaired. */

import type { Bytes } from '../contract/run.ts';

export type Decoded = { readonly bytes: Uint8Array<ArrayBuffer> } | { readonly fault: string };

const HEX = /^(?:[0-9a-fA-F]{2})*$/;

/** The bytes (in a buffer of their own, so that a transfer takes nothing else along), or what is wrong with their spelling. */
export function decodeBytes({ hex, base64, text }: Bytes): Decoded {
  if (hex !== undefined) {
    if (hex.length % 2 !== 0) return { fault: `hex has ${hex.length} digits, and a byte needs two` };
    if (!HEX.test(hex))
      return { fault: `hex has another character than 0-9, a-f, A-F at offset ${hex.search(/[^0-9a-fA-F]/)}` };
    return { bytes: new Uint8Array(Buffer.from(hex, 'hex')) };
  }
  if (base64 !== undefined) {
    const bytes = Buffer.from(base64, 'base64');
    if (bytes.toString('base64') !== base64) return { fault: 'base64 is not what RFC 4648 §4 writes, with padding' };
    return { bytes: new Uint8Array(bytes) };
  }
  if (!text!.isWellFormed()) return { fault: 'text has half of a surrogate pair, which has no UTF-8 form' };
  return { bytes: new Uint8Array(Buffer.from(text!, 'utf8')) };
}

/** Characters that the spelling takes in the body. */
export function spelledLength({ hex, base64, text }: Bytes): number {
  return (hex ?? base64 ?? text ?? '').length;
}
