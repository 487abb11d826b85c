/** Addresses in people's terms: the named regions of a run's memory, and what lies at an address. Both sides of the trace speak it. */

import { STACK } from './memory.ts';

/** A stretch of guest memory with a name. */
export interface Region {
  /** `ctx`, `packet`, `stack`, or the map's name. */
  readonly name: string;
  readonly kind: 'ctx' | 'packet' | 'stack' | 'map';
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
  /** Of a map: bytes from one element's value to the next; 0 elsewhere. */
  readonly stride: number;
}

/** Where bytes lie: `stack` counts from the entry program's r10 (so it is negative), the others from the region's start. */
export interface Place {
  readonly region: string;
  readonly offset: number;
}

/** Closed bytes between two regions: an access just past one is told by that region's name. */
export const REGION_GAP = 64;

/** The region that holds the address, or else the one that ends or starts within a gap of it. */
export function regionNear<Row extends Region>(regions: readonly Row[], address: number): Row | undefined {
  return (
    regions.find((region) => address >= region.start && address < region.end) ??
    regions.find((region) => address >= region.end && address < region.end + REGION_GAP) ??
    regions.find((region) => address >= region.start - REGION_GAP && address < region.start)
  );
}

/** The place of a guest address; region `memory` when none is near. */
export function placeOf(regions: readonly Region[], address: number): Place {
  if (address >= STACK.LIMIT && address < STACK.BASE) return { region: 'stack', offset: address - STACK.BASE };
  const region = regionNear(regions, address);
  return { region: region?.name ?? 'memory', offset: address - (region?.start ?? 0) };
}

const signed = (value: number): string => (value < 0 ? `${value}` : `+${value}`);

/** `packet+14`, `stack-8`, `hits[3]+0`: an address by a region that holds it or ends next to it. */
export function symbolIn(region: Region, address: number): string {
  if (region.kind === 'stack') return `stack${signed(address - STACK.BASE)}`;
  const offset = address - region.start;
  if (region.stride === 0 || offset < 0) return `${region.name}${signed(offset)}`;
  const element = Math.floor(offset / region.stride);
  return `${region.name}[${element}]${signed(offset - element * region.stride)}`;
}

/** The address in the same form; `0x…` when no region is near. */
export function symbolOf(regions: readonly Region[], address: number): string {
  if (address >= STACK.LIMIT && address < STACK.BASE) return `stack${signed(address - STACK.BASE)}`;
  const region = regionNear(regions, address);
  return region === undefined ? `0x${address.toString(16)}` : symbolIn(region, address);
}
