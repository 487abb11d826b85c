/** Where a hash keeps its parts: shared by the map itself and by the code that is translated for a lookup. The drawing stands in hash.ts. */

import { roundUp8 } from './map.ts';

/** An element's words and key, from its start. */
export const HASH_ELEMENT = { NEXT: 0, USED: 4, KEY: 8 } as const;

/** FNV-1a, 32 bits; the bucket is (hash ^ hash >>> 15) & mask. */
export const FNV_OFFSET = 0x811c_9dc5;
export const FNV_PRIME = 0x0100_0193;

/** Of the value, from the element's start. */
export function hashValueOffset(keySize: number): number {
  return HASH_ELEMENT.KEY + roundUp8(keySize);
}
