/**
 * hash: chained buckets over a fixed store of elements, all in the VM's memory, so that a copy of the memory is a copy of the map.
 *
 *   BUCKETS  u32 a bucket: number + 1 of its first element, 0 is empty
 *   DATA     +------+------+-----------+-------------+-----+
 *            | next | used | key       | value       | gap |   an element; `next` as in a bucket, `used` 1 while it is in the map
 *            | u32  | u32  | to 8      |             | ≥ 1 |   only the value's bytes are open to the guest
 *            +------+------+-----------+-------------+-----+
 *
 * As in the kernel's preallocated table, an update of a present key writes to the spare element, and the old one becomes the spare: a
 * pointer from an earlier lookup keeps the old value until the next such update (htab_map_update_elem, alloc_htab_elem, extra_elems).
 */

import { MAP_DESCRIPTOR } from '../../contract/memory.ts';
import { ERRNO } from '../../spec/errno.ts';
import type { MapSpec } from '../../spec/object.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { FNV_OFFSET, FNV_PRIME, HASH_ELEMENT, hashValueOffset } from './hash-layout.ts';
import { elementsOf, type MapElement, roundUp8, UPDATE, type VmMap, valuePermission, writeDescriptor } from './map.ts';

const { NEXT, USED, KEY } = HASH_ELEMENT;
/** One element beyond maxEntries, so that a full table can still replace a value. */
const SPARE_ELEMENTS = 1;
/** What one step along a bucket's chain counts as work, in bytes. Keys of one bucket are easy to find: the hash has no secret. */
export const PROBE_WORK = 64;

function layoutOf(spec: MapSpec): { buckets: number; stride: number; valueOffset: number } {
  const valueOffset = hashValueOffset(spec.keySize);
  return {
    buckets: 2 ** Math.ceil(Math.log2(Math.max(spec.maxEntries, 2))),
    stride: roundUp8(valueOffset + spec.valueSize + 1),
    valueOffset,
  };
}

export function hashBytes(spec: MapSpec): number {
  const { buckets, stride } = layoutOf(spec);
  return 4 * buckets + stride * (spec.maxEntries + SPARE_ELEMENTS);
}

export class HashMap implements VmMap {
  readonly spec: MapSpec;
  readonly #memory: GuestMemory;
  readonly #descriptor: number;
  readonly #data: number;
  readonly #buckets: number;
  readonly #bucketMask: number;
  readonly #stride: number;
  readonly #valueOffset: number;
  changed = 0;

  constructor(memory: GuestMemory, index: number, spec: MapSpec) {
    const { buckets, stride, valueOffset } = layoutOf(spec);
    this.spec = spec;
    this.#memory = memory;
    this.#stride = stride;
    this.#valueOffset = valueOffset;
    this.#bucketMask = buckets - 1;
    const address = memory.allocate(hashBytes(spec));
    this.#buckets = address;
    this.#data = address + 4 * buckets;
    this.#descriptor = writeDescriptor(memory, index, spec, this.#data, stride);
    this.#put(MAP_DESCRIPTOR.BUCKETS, this.#buckets);
    this.#put(MAP_DESCRIPTOR.BUCKET_MASK, this.#bucketMask);
    this.#put(MAP_DESCRIPTOR.SPARE, spec.maxEntries + SPARE_ELEMENTS);
    // From the first value to the end of the last: `m[2]+4` is byte 4 of a value.
    const start = this.#data + valueOffset;
    const end = start + stride * (spec.maxEntries + SPARE_ELEMENTS - 1) + spec.valueSize;
    memory.addRegion({ name: spec.name, kind: 'map', start, end, stride });
  }

  #get(word: number): number {
    return this.#memory.view.getUint32(this.#descriptor + word, true);
  }

  #put(word: number, value: number): void {
    this.#memory.view.setUint32(this.#descriptor + word, value, true);
  }

  #element(number: number): number {
    return this.#data + (number - 1) * this.#stride;
  }

  /** FNV-1a over the key's bytes. */
  #bucketOf(key: number): number {
    let hash = FNV_OFFSET;
    for (let at = key; at < key + this.spec.keySize; at++) {
      hash = Math.imul(hash ^ this.#memory.bytes[at]!, FNV_PRIME);
    }
    return this.#buckets + 4 * ((hash ^ (hash >>> 15)) & this.#bucketMask);
  }

  #sameKey(key: number, element: number): boolean {
    const stored = element + KEY;
    for (let index = 0; index < this.spec.keySize; index++) {
      if (this.#memory.bytes[key + index] !== this.#memory.bytes[stored + index]) return false;
    }
    return true;
  }

  /** Address of the u32 that links to the element with this key (a bucket or a `next`), or 0. */
  #findLink(key: number): number {
    let link = this.#bucketOf(key);
    for (;;) {
      const number = this.#memory.view.getUint32(link, true);
      if (number === 0) return 0;
      const element = this.#element(number);
      this.#memory.noteWork(PROBE_WORK);
      if (this.#sameKey(key, element)) return link;
      link = element + NEXT;
    }
  }

  lookup(key: number): number {
    const link = this.#findLink(key);
    return link === 0 ? 0 : this.#element(this.#memory.view.getUint32(link, true)) + this.#valueOffset;
  }

  update(key: number, value: number, flags: bigint): number {
    const { view, bytes } = this.#memory;
    if ((flags & ~UPDATE.LOCK) > UPDATE.EXIST) return -ERRNO.EINVAL;
    if ((flags & UPDATE.LOCK) !== 0n) return -ERRNO.EINVAL;
    const link = this.#findLink(key);
    if (link !== 0 && flags === UPDATE.NOEXIST) return -ERRNO.EEXIST;
    if (link === 0 && flags === UPDATE.EXIST) return -ERRNO.ENOENT;
    if (link === 0 && this.#get(MAP_DESCRIPTOR.ELEMENTS) >= this.spec.maxEntries) return -ERRNO.E2BIG;
    const number = link === 0 ? this.#takeElement() : this.#get(MAP_DESCRIPTOR.SPARE);
    const element = this.#element(number);
    // The key may lie in the value of this very element, if a program still holds its address: it is hashed and copied before the value comes.
    const bucket = link === 0 ? this.#bucketOf(key) : 0;
    bytes.copyWithin(element + KEY, key, key + this.spec.keySize);
    bytes.copyWithin(element + this.#valueOffset, value, value + this.spec.valueSize);
    this.#memory.open(element + this.#valueOffset, this.spec.valueSize, valuePermission(this.spec));
    view.setUint32(element + USED, 1, true);
    this.changed = element + this.#valueOffset;
    if (link === 0) {
      view.setUint32(element + NEXT, view.getUint32(bucket, true), true);
      view.setUint32(bucket, number, true);
      this.#put(MAP_DESCRIPTOR.ELEMENTS, this.#get(MAP_DESCRIPTOR.ELEMENTS) + 1);
    } else {
      const old = view.getUint32(link, true);
      view.setUint32(element + NEXT, view.getUint32(this.#element(old) + NEXT, true), true);
      view.setUint32(link, number, true);
      view.setUint32(this.#element(old) + USED, 0, true);
      this.#put(MAP_DESCRIPTOR.SPARE, old);
    }
    return 0;
  }

  delete(key: number): number {
    const { view } = this.#memory;
    const link = this.#findLink(key);
    if (link === 0) return -ERRNO.ENOENT;
    const number = view.getUint32(link, true);
    view.setUint32(link, view.getUint32(this.#element(number) + NEXT, true), true);
    this.#freeElement(number);
    this.#put(MAP_DESCRIPTOR.ELEMENTS, this.#get(MAP_DESCRIPTOR.ELEMENTS) - 1);
    return 0;
  }

  /** A free element's number: the last one deleted, else one never used. The caller has checked that the table is not full. */
  #takeElement(): number {
    const free = this.#get(MAP_DESCRIPTOR.FREE);
    if (free !== 0) {
      this.#put(MAP_DESCRIPTOR.FREE, this.#memory.view.getUint32(this.#element(free) + NEXT, true));
      return free;
    }
    const used = this.#get(MAP_DESCRIPTOR.USED) + 1;
    this.#put(MAP_DESCRIPTOR.USED, used);
    return used;
  }

  /** The value's bytes stay open: a program may still hold their address, as on Linux. */
  #freeElement(number: number): void {
    const { view } = this.#memory;
    const element = this.#element(number);
    view.setUint32(element + USED, 0, true);
    view.setUint32(element + NEXT, this.#get(MAP_DESCRIPTOR.FREE), true);
    this.#put(MAP_DESCRIPTOR.FREE, number);
  }

  reopen(): void {
    const open = (number: number) => {
      const element = this.#element(number);
      if (this.#memory.view.getUint32(element + USED, true) === 0) return;
      this.#memory.open(element + this.#valueOffset, this.spec.valueSize, valuePermission(this.spec));
    };
    // Elements beyond USED were never in use, but for the one that every table has to spare.
    for (let number = 1; number <= this.#get(MAP_DESCRIPTOR.USED); number++) open(number);
    open(this.spec.maxEntries + SPARE_ELEMENTS);
  }

  size(): number {
    return this.#get(MAP_DESCRIPTOR.ELEMENTS);
  }

  entries(): MapElement[] {
    return elementsOf(this);
  }

  get places(): number {
    return this.spec.maxEntries + SPARE_ELEMENTS;
  }

  keyAt(place: number): Uint8Array | null {
    const { view, bytes } = this.#memory;
    const element = this.#element(place + 1);
    if (view.getUint32(element + USED, true) === 0) return null;
    return bytes.subarray(element + KEY, element + KEY + this.spec.keySize);
  }

  elementAt(place: number): MapElement {
    const { bytes } = this.#memory;
    const element = this.#element(place + 1);
    const address = element + this.#valueOffset;
    return {
      key: Uint8Array.from(bytes.subarray(element + KEY, element + KEY + this.spec.keySize)),
      value: Uint8Array.from(bytes.subarray(address, address + this.spec.valueSize)),
      address,
    };
  }
}
