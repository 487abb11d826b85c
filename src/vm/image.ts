/**
 * The maps of a VM as bytes. Maps come first in the data region and are placed alike for the same list of maps, so a copy of their bytes and
 * of their descriptors is a copy of the maps. Slots of prog arrays are not part of it: they have another writer.
 *
 *   DATA_REGION                      + mapBytes
 *   +-------+-------+- ... -+--------+-----------------------------+
 *   | map 0 | map 1 |       | map n  |  packet, context (not here) |
 *   +-------+-------+- ... -+--------+-----------------------------+
 */

import { DATA_REGION, MAP_DESCRIPTOR } from '../contract/memory.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { VmMap } from './maps/map.ts';
import { ProgArrayMap } from './maps/prog-array.ts';

export interface MapsImage {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly descriptors: Uint8Array<ArrayBuffer>;
}

/** Maps on a memory, as a VM has them. */
export interface PlacedMaps {
  readonly memory: GuestMemory;
  readonly maps: readonly VmMap[];
  /** Bytes of the data region that hold maps: it begins with them. */
  readonly mapBytes: number;
}

function places(placed: PlacedMaps): readonly [number, number, number, number] {
  const descriptorsEnd = MAP_DESCRIPTOR.BASE + MAP_DESCRIPTOR.BYTES * placed.maps.length;
  return [DATA_REGION, DATA_REGION + placed.mapBytes, MAP_DESCRIPTOR.BASE, descriptorsEnd];
}

/** A copy of all maps. The prog arrays of the VM are emptied: it has ended. */
export function captureMaps(placed: PlacedMaps): MapsImage {
  for (const map of placed.maps) if (map instanceof ProgArrayMap) map.clear();
  const [start, end, descriptors, descriptorsEnd] = places(placed);
  const { bytes } = placed.memory;
  return {
    data: Uint8Array.from(bytes.subarray(start, end)),
    descriptors: Uint8Array.from(bytes.subarray(descriptors, descriptorsEnd)),
  };
}

/** Puts a copy back into the fresh maps of a VM with the same list of maps. */
export function restoreMaps(
  placed: PlacedMaps,
  { data, descriptors }: { readonly data: Uint8Array; readonly descriptors: Uint8Array },
): void {
  const [start, end, descriptorsStart, descriptorsEnd] = places(placed);
  if (data.length !== end - start || descriptors.length !== descriptorsEnd - descriptorsStart) {
    throw new Error(`an image of ${data.length} bytes was put on maps of ${end - start}`);
  }
  placed.memory.bytes.set(data, start);
  placed.memory.bytes.set(descriptors, descriptorsStart);
  for (const map of placed.maps) map.reopen();
}
