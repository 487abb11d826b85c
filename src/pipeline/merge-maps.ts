/** The maps of a run: the object's, then the request's own, then those of stored programs; with the request's settings for the others' maps. */

import type { MapRequest } from '../contract/run-spec.ts';
import type { EngineLimits } from '../contract/task.ts';
import { checkMapAttributes, isImplementedMapType, isMapType, MAP_FLAGS, type MapFlag } from '../spec/maps.ts';
import type { MapSpec, ProgArraySlot } from '../spec/object.ts';
import { LoadRejected, ProblemFound } from './refused.ts';

/**
 * @param stored maps that stored programs bring; they come last, so that a request's instructions need not know of them
 * @returns maps by the index that instructions use
 */
export function mergeMaps(
  object: readonly MapSpec[],
  requests: readonly MapRequest[],
  limits: EngineLimits,
  stored: readonly MapSpec[] = [],
): MapSpec[] {
  const brought = [...object, ...stored];
  const own: MapSpec[] = [];
  const seen = new Set<string>();
  for (const request of requests) {
    const known = brought.findIndex((map) => map.name === request.name);
    if (seen.has(request.name)) {
      throw new ProblemFound(
        'bad_map',
        `${request.pointer}/name`,
        `there are two entries for a map named '${request.name}'`,
      );
    }
    seen.add(request.name);
    if (known >= 0) brought[known] = withSettings(brought[known]!, request);
    else own.push(ownMap(request));
  }
  const maps = [...brought.slice(0, object.length), ...own, ...brought.slice(object.length)];
  if (maps.length > limits.maxMaps) {
    throw new ProblemFound('limit_exceeded', '/maps', `the run has ${maps.length} maps, maxMaps is ${limits.maxMaps}`, {
      limit: 'maxMaps',
    });
  }
  for (const map of maps) {
    const refusal = checkMapAttributes(map);
    if (refusal !== null) throw LoadRejected.load('map_create', refusal.errno, `map '${map.name}': ${refusal.message}`);
  }
  return maps;
}

function ownMap(request: MapRequest): MapSpec {
  const { type, pointer } = request;
  if (type === null) {
    const detail = `no object holds a map named '${request.name}', so it needs a type, sizes and maxEntries`;
    throw new ProblemFound('bad_reference', `${pointer}/name`, detail);
  }
  if (!isMapType(type)) throw new ProblemFound('schema_violation', `${pointer}/type`, `'${type}' is no map type`);
  if (!isImplementedMapType(type)) {
    throw new ProblemFound('not_implemented', `${pointer}/type`, `map type ${type} is not implemented yet`);
  }
  if (request.maxEntries === null) throw new ProblemFound('bad_map', `${pointer}/maxEntries`, 'maxEntries is missing');
  const isProgArray = type === 'prog_array';
  const keySize = request.keySize ?? (type === 'hash' ? null : 4);
  const valueSize = request.valueSize ?? (isProgArray ? 4 : null);
  if (keySize === null) throw new ProblemFound('bad_map', `${pointer}/keySize`, `keySize of a ${type} is missing`);
  if (valueSize === null)
    throw new ProblemFound('bad_map', `${pointer}/valueSize`, `valueSize of a ${type} is missing`);
  const base: MapSpec = {
    name: request.name,
    type,
    keySize,
    valueSize,
    maxEntries: request.maxEntries,
    flags: flagBits(request),
    entries: [],
    slots: [],
    frozen: request.frozen,
  };
  return withContents(base, request);
}

function flagBits(request: MapRequest): number {
  return request.flags.reduce((bits, name, index) => {
    const bit = Object.hasOwn(MAP_FLAGS, name) ? MAP_FLAGS[name as MapFlag] : undefined;
    if (bit === undefined) {
      throw new ProblemFound('bad_map', `${request.pointer}/flags/${index}`, `'${name}' is no map flag`);
    }
    return bits | bit;
  }, 0);
}

/** Settings of the map of an object or a stored program: what it says must not be contradicted, but for maxEntries, as bpf_map__set_max_entries. */
function withSettings(map: MapSpec, request: MapRequest): MapSpec {
  const said = [
    ['type', request.type, map.type],
    ['keySize', request.keySize, map.keySize],
    ['valueSize', request.valueSize, map.valueSize],
  ] as const;
  for (const [field, wanted, actual] of said) {
    if (wanted !== null && wanted !== actual) {
      const detail = `the object or stored program that brings map '${map.name}' says ${field} ${actual}, not ${wanted}`;
      throw new ProblemFound('bad_map', `${request.pointer}/${field}`, detail);
    }
  }
  const changed: MapSpec = {
    ...map,
    maxEntries: request.maxEntries ?? map.maxEntries,
    flags: request.flags.length > 0 ? flagBits(request) : map.flags,
    frozen: request.frozen || map.frozen,
  };
  return withContents(changed, request);
}

function withContents(map: MapSpec, request: MapRequest): MapSpec {
  request.entries.forEach((entry, index) => {
    const at = `${request.pointer}/entries/${index}`;
    if (map.type === 'prog_array') throw new ProblemFound('bad_map', at, 'a prog_array takes slots, not entries');
    if (entry.key.length !== map.keySize) {
      throw new ProblemFound(
        'bad_map',
        `${at}/key`,
        `the key has ${entry.key.length} bytes, keySize is ${map.keySize}`,
      );
    }
    if (entry.value.length !== map.valueSize) {
      throw new ProblemFound(
        'bad_map',
        `${at}/value`,
        `the value has ${entry.value.length} bytes, valueSize is ${map.valueSize}`,
      );
    }
  });
  return { ...map, entries: [...map.entries, ...request.entries], slots: withSlots(map, request) };
}

/** Slots of the request replace the object's static ones of the same index. */
function withSlots(map: MapSpec, request: MapRequest): ProgArraySlot[] {
  const slots = new Map(map.slots.map((slot) => [slot.index, slot.program]));
  for (const [text, program] of Object.entries(request.slots)) {
    const at = `${request.pointer}/slots/${text}`;
    if (map.type !== 'prog_array') throw new ProblemFound('bad_map', at, `a ${map.type} has no slots`);
    const index = Number(text);
    if (!Number.isInteger(index) || index < 0) throw new ProblemFound('bad_map', at, `'${text}' is no slot index`);
    if (index >= map.maxEntries) {
      const detail = `slot ${index} is past the end: '${map.name}' has maxEntries ${map.maxEntries}`;
      throw new ProblemFound('bad_map', at, detail, { errno: 'E2BIG' });
    }
    slots.set(index, program);
  }
  return [...slots].map(([index, program]) => ({ index, program })).sort((left, right) => left.index - right.index);
}
