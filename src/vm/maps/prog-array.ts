/**
 * prog_array: u32 slots that hold a program's number + 1, which is its index in the VM's table; 0 is empty. They are closed to the guest.
 * A change is a seqlock write: the generation is odd while it lasts and has grown by 2 afterwards, and a hop that reads meanwhile tries again.
 */

import { MAP_DESCRIPTOR } from '../../contract/memory.ts';
import { ERRNO } from '../../spec/errno.ts';
import type { MapSpec } from '../../spec/object.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { elementsOf, type MapElement, type VmMap, writeDescriptor } from './map.ts';

const SLOT_BYTES = 4;

export function progArrayBytes(spec: MapSpec): number {
  return SLOT_BYTES * spec.maxEntries;
}

export class ProgArrayMap implements VmMap {
  readonly spec: MapSpec;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #slots: number;
  readonly #generation: number;
  /** Programs change no slots. */
  readonly changed = 0;

  constructor(memory: GuestMemory, index: number, spec: MapSpec) {
    this.spec = spec;
    this.#words = new Int32Array(memory.bytes.buffer);
    const data = memory.allocate(progArrayBytes(spec));
    const descriptor = writeDescriptor(memory, index, spec, data, SLOT_BYTES);
    this.#slots = data / SLOT_BYTES;
    this.#generation = (descriptor + MAP_DESCRIPTOR.GENERATION) / SLOT_BYTES;
  }

  /** Initial contents: no generation, no seqlock. `program` is a program's number. */
  initialise(slot: number, program: number): void {
    this.#words[this.#slots + slot] = program + 1;
  }

  /** Contents at the start of a run, all else empty; hops take `generation` (completed changes) as seen. */
  start(generation: number, slots: Iterable<readonly [number, number]>): void {
    this.clear();
    this.restore(generation, slots);
    this.#words[this.#generation + 1] = generation * 2;
  }

  /** Empties every slot, unseen. */
  clear(): void {
    this.#words.fill(0, this.#slots, this.#slots + this.spec.maxEntries);
  }

  /** Guest addresses of slot 0 and of the generation's word. */
  addresses(): { readonly slots: number; readonly generation: number } {
    return { slots: this.#slots * SLOT_BYTES, generation: this.#generation * SLOT_BYTES };
  }

  /** Slots have no permissions. */
  reopen(): void {}

  /** Replaces several slots at once, between two tail calls of a chain that runs meanwhile. null empties a slot. */
  replace(changes: ReadonlyMap<number, number | null>): void {
    Atomics.add(this.#words, this.#generation, 1);
    for (const [slot, program] of changes) {
      Atomics.store(this.#words, this.#slots + slot, program === null ? 0 : program + 1);
    }
    Atomics.add(this.#words, this.#generation, 1);
  }

  /** Slots and their generation, read together: null while a change is under way. */
  snapshot(): { generation: number; slots: Int32Array } | null {
    const generation = Atomics.load(this.#words, this.#generation);
    if ((generation & 1) !== 0) return null;
    const slots = this.#words.slice(this.#slots, this.#slots + this.spec.maxEntries);
    return Atomics.load(this.#words, this.#generation) === generation ? { generation, slots } : null;
  }

  /** Puts back what a run saw, for its replay. `generation` counts completed changes. */
  restore(generation: number, slots: Iterable<readonly [number, number]>): void {
    for (const [slot, value] of slots) this.#words[this.#slots + slot] = value;
    this.#words[this.#generation] = generation * 2;
  }

  /** Programs cannot reach elements of a prog array (EINVAL at load: cannot pass map_type 3). */
  lookup(_key: number): number {
    return 0;
  }

  update(_key: number, _value: number, _flags: bigint): number {
    return -ERRNO.EINVAL;
  }

  delete(_key: number): number {
    return -ERRNO.EINVAL;
  }

  size(): number {
    return this.entries().length;
  }

  /** Filled slots: index, program number. */
  entries(): MapElement[] {
    return elementsOf(this);
  }

  get places(): number {
    return this.spec.maxEntries;
  }

  keyAt(place: number): Uint8Array | null {
    return Atomics.load(this.#words, this.#slots + place) === 0 ? null : wordBytes(place);
  }

  elementAt(place: number): MapElement {
    const value = Atomics.load(this.#words, this.#slots + place) - 1;
    return { key: wordBytes(place), value: wordBytes(value), address: (this.#slots + place) * SLOT_BYTES };
  }
}

/** A u32 as little-endian bytes. */
function wordBytes(word: number): Uint8Array {
  const bytes = new Uint8Array(SLOT_BYTES);
  new DataView(bytes.buffer).setUint32(0, word, true);
  return bytes;
}
