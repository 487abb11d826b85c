/** What every map of a VM can do. Results are addresses or negative errno values, as the kernel's map operations give them. */

import { MAP_DESCRIPTOR, PERMISSION } from '../../contract/memory.ts';
import { MAP_FLAGS, MAP_TYPES } from '../../spec/maps.ts';
import type { MapEntry, MapSpec } from '../../spec/object.ts';
import type { GuestMemory } from '../guest-memory.ts';

/** Flags of an update (uapi). */
export const UPDATE = { ANY: 0n, NOEXIST: 1n, EXIST: 2n, LOCK: 4n } as const;

/** `address` is that of the value (of a prog array, of the slot). */
export type MapElement = MapEntry & { readonly address: number };

export interface VmMap {
  readonly spec: MapSpec;
  /** Address of the value of this key, or 0. `key` is an address of keySize bytes. */
  lookup(key: number): number;
  /** 0 or a negative errno. */
  update(key: number, value: number, flags: bigint): number;
  delete(key: number): number;
  /** Address of the value that the last update wrote. */
  readonly changed: number;
  /** The map's bytes were put back from a copy: opens to programs what a copy does not say. */
  reopen(): void;
  /** How many elements there are now. */
  size(): number;
  /** Elements in the order of their places; copies. */
  entries(): MapElement[];
  /** Places that elements may have, some of them empty. */
  readonly places: number;
  /** The key of the element at a place, to be looked at only; null: there is none. */
  keyAt(place: number): Uint8Array | null;
  /** A copy of the element at a place that has one. */
  elementAt(place: number): MapElement;
}

/** All elements of a map. */
export function elementsOf(map: Pick<VmMap, 'places' | 'keyAt' | 'elementAt'>): MapElement[] {
  const found: MapElement[] = [];
  for (let place = 0; place < map.places; place++) if (map.keyAt(place) !== null) found.push(map.elementAt(place));
  return found;
}

/** Writes the words of a map's descriptor that all types share, and answers its address. */
export function writeDescriptor(
  memory: GuestMemory,
  index: number,
  spec: MapSpec,
  data: number,
  stride: number,
): number {
  const descriptor = MAP_DESCRIPTOR.BASE + index * MAP_DESCRIPTOR.BYTES;
  memory.noteDescriptor(index);
  const put = (offset: number, value: number) => memory.view.setUint32(descriptor + offset, value, true);
  put(MAP_DESCRIPTOR.TYPE, MAP_TYPES[spec.type].number);
  put(MAP_DESCRIPTOR.MAX_ENTRIES, spec.maxEntries);
  put(MAP_DESCRIPTOR.KEY_SIZE, spec.keySize);
  put(MAP_DESCRIPTOR.VALUE_SIZE, spec.valueSize);
  put(MAP_DESCRIPTOR.DATA, data);
  put(MAP_DESCRIPTOR.STRIDE, stride);
  return descriptor;
}

/** What programs may do with the bytes of a value (BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG; a frozen map of global data is read-only). */
export function valuePermission(spec: MapSpec): number {
  if ((spec.flags & MAP_FLAGS.rdonly_prog) !== 0) return PERMISSION.READ;
  if ((spec.flags & MAP_FLAGS.wronly_prog) !== 0) return PERMISSION.WRITE;
  return PERMISSION.READ_WRITE;
}

export function roundUp8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
