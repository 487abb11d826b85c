/** Map types that the engine has: one row each. */

import type { ImplementedMapType } from '../../spec/maps.ts';
import type { MapSpec } from '../../spec/object.ts';
import { GuestMemory } from '../guest-memory.ts';
import { ArrayMap, arrayBytes } from './array.ts';
import { HashMap, hashBytes } from './hash.ts';
import type { VmMap } from './map.ts';
import { ProgArrayMap, progArrayBytes } from './prog-array.ts';

interface MapTypeImplementation {
  /** Bytes of elements and index: metered before anything is allocated. */
  readonly bytes: (spec: MapSpec) => number;
  readonly create: (memory: GuestMemory, index: number, spec: MapSpec) => VmMap;
}

const IMPLEMENTATIONS: Readonly<Record<ImplementedMapType, MapTypeImplementation>> = {
  array: { bytes: arrayBytes, create: (memory, index, spec) => new ArrayMap(memory, index, spec) },
  percpu_array: { bytes: arrayBytes, create: (memory, index, spec) => new ArrayMap(memory, index, spec) },
  hash: { bytes: hashBytes, create: (memory, index, spec) => new HashMap(memory, index, spec) },
  prog_array: { bytes: progArrayBytes, create: (memory, index, spec) => new ProgArrayMap(memory, index, spec) },
};

function implementationOf(spec: MapSpec): MapTypeImplementation {
  const implementation = IMPLEMENTATIONS[spec.type as ImplementedMapType];
  if (implementation === undefined) throw new Error(`map ${spec.name}: type ${spec.type} got past the load`);
  return implementation;
}

/** Guest memory that the map takes, gaps included. */
export function mapFootprint(spec: MapSpec): number {
  return GuestMemory.footprint(implementationOf(spec).bytes(spec));
}

/** Places the map in memory, empty, with its descriptor as number `index`. */
export function createMap(memory: GuestMemory, index: number, spec: MapSpec): VmMap {
  return implementationOf(spec).create(memory, index, spec);
}
