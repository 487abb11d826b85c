/** The oracle's memory: separate regions with a permission for each byte. Nothing lies between them. */

/** Permissions of a byte; they may be added. */
export const ACCESS = { READ: 1, WRITE: 2 } as const;

export type AccessKind = 'read' | 'write' | 'atomic';

/** Bytes of guest memory. The interpreter changes them in place. */
export interface OracleRegion {
  /** Guest address of the first byte. */
  readonly base: bigint;
  readonly bytes: Uint8Array;
  /** One sum of ACCESS for each byte. */
  readonly permissions: Uint8Array;
}

/** A region whose bytes all have one permission. */
export function openRegion(base: bigint, bytes: Uint8Array, permission: number): OracleRegion {
  return { base, bytes, permissions: new Uint8Array(bytes.length).fill(permission) };
}

const NEEDED: Readonly<Record<AccessKind, number>> = {
  read: ACCESS.READ,
  write: ACCESS.WRITE,
  atomic: ACCESS.READ | ACCESS.WRITE,
};

/** A place in some region. */
export interface Place {
  readonly region: OracleRegion;
  readonly at: number;
}

export class OracleMemory {
  readonly #regions: OracleRegion[];

  constructor(regions: readonly OracleRegion[]) {
    this.#regions = [...regions];
  }

  add(region: OracleRegion): void {
    this.#regions.push(region);
  }

  /** Where `size` bytes lie that may all be accessed so; undefined: nowhere. */
  find(address: bigint, size: number, kind: AccessKind): Place | undefined {
    for (const region of this.#regions) {
      const { base, bytes, permissions } = region;
      if (address < base || address + BigInt(size) > base + BigInt(bytes.length)) continue;
      const at = Number(address - base);
      const needed = NEEDED[kind];
      for (let index = at; index < at + size; index++) {
        if ((permissions[index]! & needed) !== needed) return undefined;
      }
      return { region, at };
    }
    return undefined;
  }
}

/** The little-endian number of `size` bytes. */
export function readNumber({ region, at }: Place, size: number): bigint {
  let value = 0n;
  for (let index = size - 1; index >= 0; index--) value = (value << 8n) | BigInt(region.bytes[at + index]!);
  return value;
}

/** Writes the lower `size` bytes of a number, little-endian. */
export function writeNumber({ region, at }: Place, size: number, value: bigint): void {
  let rest = value;
  for (let index = 0; index < size; index++) {
    region.bytes[at + index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}
