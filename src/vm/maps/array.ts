/**
 * array and percpu_array (with one possible CPU the two are alike). Behind each value lies at least one closed byte, so that an access past
 * an element's end is a fault even in the middle of the array.
 *
 *   DATA   +-------------+-----+-------------+-----+
 *          | value 0     |gap  | value 1     |gap  | …      stride = value size + gap, a multiple of 8
 *          +-------------+-----+-------------+-----+
 */

import { ERRNO } from '../../spec/errno.ts';
import type { MapSpec } from '../../spec/object.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { elementsOf, type MapElement, roundUp8, UPDATE, type VmMap, valuePermission, writeDescriptor } from './map.ts';

function strideOf(spec: MapSpec): number {
  return roundUp8(spec.valueSize + 1);
}

export function arrayBytes(spec: MapSpec): number {
  return strideOf(spec) * spec.maxEntries;
}

export class ArrayMap implements VmMap {
  readonly spec: MapSpec;
  readonly #memory: GuestMemory;
  readonly #data: number;
  readonly #stride: number;
  changed = 0;

  constructor(memory: GuestMemory, index: number, spec: MapSpec) {
    this.spec = spec;
    this.#memory = memory;
    this.#stride = strideOf(spec);
    this.#data = memory.allocate(arrayBytes(spec));
    memory.openEach(this.#data, spec.valueSize, this.#stride, spec.maxEntries, valuePermission(spec));
    const end = this.#data + (spec.maxEntries - 1) * this.#stride + spec.valueSize;
    memory.addRegion({ name: spec.name, kind: 'map', start: this.#data, end, stride: this.#stride });
    writeDescriptor(memory, index, spec, this.#data, this.#stride);
  }

  #address(index: number): number {
    return index < this.spec.maxEntries ? this.#data + index * this.#stride : 0;
  }

  lookup(key: number): number {
    return this.#address(this.#memory.view.getUint32(key, true));
  }

  /** Order of the checks: kernel array_map_update_elem. */
  update(key: number, value: number, flags: bigint): number {
    if ((flags & ~UPDATE.LOCK) > UPDATE.EXIST) return -ERRNO.EINVAL;
    const address = this.lookup(key);
    if (address === 0) return -ERRNO.E2BIG;
    if ((flags & UPDATE.NOEXIST) !== 0n) return -ERRNO.EEXIST;
    if ((flags & UPDATE.LOCK) !== 0n) return -ERRNO.EINVAL;
    this.#memory.bytes.copyWithin(address, value, value + this.spec.valueSize);
    this.changed = address;
    return 0;
  }

  delete(_key: number): number {
    return -ERRNO.EINVAL;
  }

  /** All values are open from the start. */
  reopen(): void {}

  size(): number {
    return this.spec.maxEntries;
  }

  entries(): MapElement[] {
    return elementsOf(this);
  }

  get places(): number {
    return this.spec.maxEntries;
  }

  keyAt(place: number): Uint8Array {
    const key = new Uint8Array(4);
    new DataView(key.buffer).setUint32(0, place, true);
    return key;
  }

  elementAt(place: number): MapElement {
    const address = this.#address(place);
    const value = Uint8Array.from(this.#memory.bytes.subarray(address, address + this.spec.valueSize));
    return { key: this.keyAt(place), value, address };
  }
}
