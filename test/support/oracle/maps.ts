/** The oracle's maps: a JavaScript Map over elements whose bytes are guest memory. */

import { type OracleMemory, type OracleRegion, openRegion } from './memory.ts';

const ERRNO = { ENOENT: 2, E2BIG: 7, EEXIST: 17, EINVAL: 22 } as const;
const UPDATE = { ANY: 0n, NOEXIST: 1n, EXIST: 2n, LOCK: 4n } as const;

/** A map and where its parts lie. */
export interface OracleMapSetup {
  readonly kind: 'array' | 'hash' | 'prog_array';
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** What lddw of the map puts into a register. */
  readonly handle: bigint;
  /** Guest address of the value of element 0 (array) or of the first element that is used (hash). */
  readonly values: bigint;
  /** Bytes from one element's value to the next. */
  readonly stride: bigint;
  /** Elements that are there before the run, in the order in which they are put in. */
  readonly entries?: readonly OracleMapEntry[];
  /** prog_array: program numbers by slot. */
  readonly slots?: ReadonlyMap<number, number>;
}

export interface OracleMapEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface OracleMap {
  readonly setup: OracleMapSetup;
  /** Guest address of the key's value; 0 without one. */
  lookup(key: Uint8Array): bigint;
  /** 0 or a negative errno. */
  update(key: Uint8Array, value: Uint8Array, flags: bigint): number;
  delete(key: Uint8Array): number;
  entries(): OracleMapEntry[];
}

const READ_WRITE = 3;

function addressOf({ values, stride }: OracleMapSetup, element: number): bigint {
  return values + BigInt(element) * stride;
}

class OracleArray implements OracleMap {
  readonly setup: OracleMapSetup;
  readonly #elements: readonly OracleRegion[];

  constructor(setup: OracleMapSetup, memory: OracleMemory) {
    this.setup = setup;
    this.#elements = Array.from({ length: setup.maxEntries }, (_, index) =>
      openRegion(addressOf(setup, index), new Uint8Array(setup.valueSize), READ_WRITE),
    );
    for (const element of this.#elements) memory.add(element);
  }

  #element(key: Uint8Array): OracleRegion | undefined {
    return this.#elements[new DataView(key.buffer, key.byteOffset).getUint32(0, true)];
  }

  lookup(key: Uint8Array): bigint {
    return this.#element(key)?.base ?? 0n;
  }

  update(key: Uint8Array, value: Uint8Array, flags: bigint): number {
    if ((flags & ~UPDATE.LOCK) > UPDATE.EXIST) return -ERRNO.EINVAL;
    const element = this.#element(key);
    if (element === undefined) return -ERRNO.E2BIG;
    if ((flags & UPDATE.NOEXIST) !== 0n) return -ERRNO.EEXIST;
    // No value here has a lock in it.
    if ((flags & UPDATE.LOCK) !== 0n) return -ERRNO.EINVAL;
    element.bytes.set(value);
    return 0;
  }

  delete(_key: Uint8Array): number {
    return -ERRNO.EINVAL;
  }

  entries(): OracleMapEntry[] {
    return this.#elements.map(({ bytes }, index) => {
      const key = new Uint8Array(4);
      new DataView(key.buffer).setUint32(0, index, true);
      return { key, value: bytes };
    });
  }
}

/**
 * Preallocated as Linux's: new keys take the element that was freed last, else the next fresh one; an update of a present key writes to
 * the spare element, and the old one becomes the spare, so that an address from an earlier lookup still shows the old value.
 */
class OracleHash implements OracleMap {
  readonly setup: OracleMapSetup;
  readonly #memory: OracleMemory;
  readonly #elements: (OracleRegion | undefined)[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #free: number[] = [];
  #fresh = 0;
  #spare: number;

  constructor(setup: OracleMapSetup, memory: OracleMemory) {
    this.setup = setup;
    this.#memory = memory;
    this.#spare = setup.maxEntries;
  }

  lookup(key: Uint8Array): bigint {
    const element = this.#byKey.get(keyText(key));
    return element === undefined ? 0n : addressOf(this.setup, element);
  }

  update(key: Uint8Array, value: Uint8Array, flags: bigint): number {
    if (flags > UPDATE.EXIST) return -ERRNO.EINVAL;
    const text = keyText(key);
    const old = this.#byKey.get(text);
    if (old !== undefined && flags === UPDATE.NOEXIST) return -ERRNO.EEXIST;
    if (old === undefined && flags === UPDATE.EXIST) return -ERRNO.ENOENT;
    if (old === undefined && this.#byKey.size === this.setup.maxEntries) return -ERRNO.E2BIG;
    const element = old === undefined ? (this.#free.pop() ?? this.#fresh++) : this.#spare;
    if (old !== undefined) this.#spare = old;
    this.#region(element).bytes.set(value);
    this.#byKey.set(text, element);
    return 0;
  }

  #region(element: number): OracleRegion {
    const known = this.#elements[element];
    if (known !== undefined) return known;
    const region = openRegion(addressOf(this.setup, element), new Uint8Array(this.setup.valueSize), READ_WRITE);
    this.#elements[element] = region;
    this.#memory.add(region);
    return region;
  }

  delete(key: Uint8Array): number {
    const text = keyText(key);
    const element = this.#byKey.get(text);
    if (element === undefined) return -ERRNO.ENOENT;
    this.#byKey.delete(text);
    this.#free.push(element);
    return 0;
  }

  entries(): OracleMapEntry[] {
    return [...this.#byKey].map(([text, element]) => ({
      key: new Uint8Array(Buffer.from(text, 'hex')),
      value: this.#region(element).bytes,
    }));
  }
}

function keyText(key: Uint8Array): string {
  return Buffer.from(key).toString('hex');
}

class OracleProgArray implements OracleMap {
  readonly setup: OracleMapSetup;

  constructor(setup: OracleMapSetup) {
    this.setup = setup;
  }

  lookup(_key: Uint8Array): bigint {
    return 0n;
  }

  update(_key: Uint8Array, _value: Uint8Array, _flags: bigint): number {
    return -ERRNO.EINVAL;
  }

  delete(_key: Uint8Array): number {
    return -ERRNO.EINVAL;
  }

  entries(): OracleMapEntry[] {
    return [];
  }
}

/** The map, its elements placed in the memory. */
export function createOracleMap(setup: OracleMapSetup, memory: OracleMemory): OracleMap {
  const map = emptyMap(setup, memory);
  for (const { key, value } of setup.entries ?? []) {
    const result = map.update(key, value, UPDATE.ANY);
    if (result !== 0) throw new Error(`the oracle's map does not take its initial element: ${result}`);
  }
  return map;
}

function emptyMap(setup: OracleMapSetup, memory: OracleMemory): OracleMap {
  switch (setup.kind) {
    case 'array':
      return new OracleArray(setup, memory);
    case 'hash':
      return new OracleHash(setup, memory);
    case 'prog_array':
      return new OracleProgArray(setup);
  }
}
