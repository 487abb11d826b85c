/** Whose global data a map holds: .data, .bss and .rodata have the same names in every object. */

import { hash } from 'node:crypto';
import type { MapSpec } from '../spec/object.ts';

/** No name of C begins so: only sections of global data do. */
function isGlobalData({ name }: MapSpec): boolean {
  return name.startsWith('.');
}

/**
 * The maps of an object, its global data marked. Constants are known by their bytes; variables belong to the programs of one object, and
 * the object is known by its bytes.
 */
export function withOrigins(maps: readonly MapSpec[], object: Uint8Array): MapSpec[] {
  let objectHash: string | undefined;
  return maps.map((map) => {
    if (!isGlobalData(map)) return map;
    if (map.frozen) return { ...map, origin: hash('sha256', map.entries[0]?.value ?? new Uint8Array(), 'base64') };
    objectHash ??= hash('sha256', object, 'base64');
    return { ...map, origin: objectHash };
  });
}
