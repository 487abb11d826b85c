/** One VM's linear memory: placing regions, opening bytes to the guest, and clearing everything before the next owner. */

import {
  CELLS_END,
  CHAIN,
  DATA_END,
  DATA_REGION,
  MAP_DESCRIPTOR,
  MEMORY_PAGES,
  PERMISSION,
  SHADOW_OFFSET,
  STACK,
} from '../contract/memory.ts';
import { REGION_GAP, type Region, regionNear } from '../contract/place.ts';
import type { Driver } from './driver.ts';

const ALIGNMENT = 8;
/** The shadow is read in words, four permissions at a time. */
const WORD_BYTES = 4;
const EACH_BYTE = 0x0101_0101;

export class GuestMemory {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly view: DataView<SharedArrayBuffer>;
  /** The memory as 32-bit words. */
  readonly words: Uint32Array<SharedArrayBuffer>;
  /** Guest bytes that one owner may place (policy of the memory's size class; the address space itself is the same for all). */
  readonly capacity: number;
  /** What runs programs on this memory; it holds none between two owners' runs. */
  driver: Driver | undefined;
  readonly #regions: Region[] = [];
  #top = DATA_REGION;
  #work = 0;
  #chainRows = 0;
  #nestedFrames = false;
  #descriptors = 0;

  constructor(capacity: number) {
    // Shared, so that one module variant serves runs and sandboxes. The pages cost nothing until they are touched.
    this.memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES, shared: true });
    const buffer = this.memory.buffer as SharedArrayBuffer;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.words = new Uint32Array(buffer, 0, buffer.byteLength / WORD_BYTES);
    this.capacity = Math.min(capacity, DATA_END - DATA_REGION);
    this.#openStack();
  }

  #openStack(): void {
    const start = STACK.BASE - STACK.MAX_BYTES;
    this.open(start, STACK.MAX_BYTES, PERMISSION.READ_WRITE);
    this.#regions.push({ name: 'stack', kind: 'stack', start, end: STACK.BASE, stride: 0 });
  }

  /** Bytes placed so far. */
  get used(): number {
    return this.#top - DATA_REGION;
  }

  get regions(): readonly Region[] {
    return this.#regions;
  }

  /** Address of `size` fresh zero bytes that are closed to the guest. Throws when the capacity is passed: callers meter first. */
  allocate(size: number): number {
    const address = Math.ceil((this.#top + REGION_GAP) / ALIGNMENT) * ALIGNMENT;
    const top = address + size + REGION_GAP;
    if (top - DATA_REGION > this.capacity) {
      throw new Error(`guest memory: ${size} bytes do not fit behind ${this.used} of ${this.capacity}`);
    }
    this.#top = top;
    return address;
  }

  /** The engine has written so many rows of the chain. */
  noteChainRows(rows: number): void {
    this.#chainRows = Math.max(this.#chainRows, Math.min(rows, 2 * CHAIN.KEPT));
  }

  /** Descriptors of maps up to this number are in use. */
  noteDescriptor(index: number): void {
    this.#descriptors = Math.max(this.#descriptors, index + 1);
  }

  /** Frames below the entry program's may be in use. */
  noteNestedFrames(): void {
    this.#nestedFrames = true;
  }

  /** Bytes that `allocate(size)` takes at most. */
  static footprint(size: number): number {
    return size + 2 * REGION_GAP + ALIGNMENT;
  }

  addRegion(region: Region): void {
    this.#regions.push(region);
  }

  /** Sets the permission of each byte. */
  open(address: number, size: number, permission: number): void {
    this.bytes.fill(permission, SHADOW_OFFSET + address, SHADOW_OFFSET + address + size);
  }

  /** Sets the permissions of bytes that differ: one PERMISSION a byte. */
  openWith(address: number, permissions: Uint8Array): void {
    this.bytes.set(permissions, SHADOW_OFFSET + address);
  }

  /** Opens `size` bytes at each of `count` places, `stride` bytes apart. Doubles what it has, since there may be millions. */
  openEach(address: number, size: number, stride: number, count: number, permission: number): void {
    this.open(address, size, permission);
    const from = SHADOW_OFFSET + address;
    const whole = stride * count;
    for (let done = stride; done < whole; done *= 2) {
      this.bytes.copyWithin(from + done, from, from + Math.min(done, whole - done));
    }
  }

  /** Notes bytes that a helper has gone through: instructions do not count them, and the clock must be looked at all the same. */
  noteWork(bytes: number): void {
    this.#work += bytes;
  }

  /** Bytes noted since the last call. */
  takeWork(): number {
    const work = this.#work;
    this.#work = 0;
    return work;
  }

  /** True when all bytes carry the permission. `address` may be any number. */
  allows(address: number, size: number, permission: number): boolean {
    if (address < 0 || address + size > SHADOW_OFFSET) return false;
    const from = SHADOW_OFFSET + address;
    const end = from + size;
    const wholeWords = Math.min(Math.ceil(from / WORD_BYTES) * WORD_BYTES, end);
    const tail = Math.max(Math.floor(end / WORD_BYTES) * WORD_BYTES, wholeWords);
    const mask = permission * EACH_BYTE;
    for (let word = wholeWords / WORD_BYTES; word < tail / WORD_BYTES; word++) {
      if ((this.words[word]! & mask) !== mask) return false;
    }
    return this.#carry(from, wholeWords, permission) && this.#carry(tail, end, permission);
  }

  #carry(from: number, end: number, permission: number): boolean {
    for (let at = from; at < end; at++) if ((this.bytes[at]! & permission) !== permission) return false;
    return true;
  }

  /** The region that holds the address, or else the one that ends or starts within a gap of it. */
  regionNear(address: number): Region | undefined {
    return regionNear(this.#regions, address);
  }

  /** By words: on a shared memory V8 fills bytes one at a time, which takes four times as long. */
  #zero(start: number, end: number): void {
    this.words.fill(0, start / WORD_BYTES, Math.ceil(end / WORD_BYTES));
  }

  /** Zeroes every byte that an owner or the engine can have written, shadow included. */
  clear(): void {
    this.#zero(0, CELLS_END);
    this.#zero(MAP_DESCRIPTOR.BASE, MAP_DESCRIPTOR.BASE + MAP_DESCRIPTOR.BYTES * this.#descriptors);
    this.#zero(CHAIN.BASE, CHAIN.BASE + this.#chainRows * CHAIN.ROW_BYTES);
    const lowestFrame = this.#nestedFrames ? STACK.LIMIT : STACK.BASE - STACK.MAX_BYTES;
    for (const shadow of [0, SHADOW_OFFSET]) {
      this.#zero(shadow + lowestFrame, shadow + STACK.BASE);
      this.#zero(shadow + DATA_REGION, shadow + this.#top);
    }
    this.#top = DATA_REGION;
    this.#chainRows = 0;
    this.#work = 0;
    this.#nestedFrames = false;
    this.#descriptors = 0;
    this.driver?.lend(0, () => {});
    this.#regions.length = 0;
    this.#openStack();
  }
}
