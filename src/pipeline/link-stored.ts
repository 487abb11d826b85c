/**
 * Stored programs in a run. Their maps are linked by name: a map of the run's object or of another stored program with the same name is the
 * same map, and what the request says of that name are settings of it, as for the maps of an object. A map that nobody else brings joins the
 * run with its initial elements, and with those initial slots whose programs the run has; the others are empty, as a prog array is until
 * somebody fills it. Global data is an object's own: of two objects it is two maps, the second one called PROGRAM.data.
 */

import type { ProgramRequest, ProgramSource } from '../contract/run-spec.ts';
import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import type { KnownPrograms } from './known-programs.ts';
import { ProblemFound } from './refused.ts';
import type { ReadForm } from './stored-forms.ts';

/** A stored program that a request names. */
export interface StoredRequest {
  readonly request: ProgramRequest;
  readonly read: ReadForm;
}

/** The stored programs among those of a request. */
export function storedRequests(requests: readonly ProgramRequest[], known: KnownPrograms): StoredRequest[] {
  return requests.flatMap((request) => {
    const { source } = request;
    return source.kind === 'stored' ? [{ request, read: readStored(source, known) }] : [];
  });
}

/** The stored program of a source. */
export function readStored(source: Extract<ProgramSource, { kind: 'stored' }>, known: KnownPrograms): ReadForm {
  if (source.form === null) throw new Error(`nobody has looked up the program ${source.id}`);
  return known.stored(source.id, source.form);
}

/** Number of the run's map that a map of a stored program is; -1: it is not there. */
function numberOf(maps: readonly MapSpec[], { name, origin }: MapSpec, program: string): number {
  const byName = maps.findIndex((map) => map.name === name && map.origin === origin);
  if (byName >= 0 || origin === undefined) return byName;
  return maps.findIndex((map) => map.name === program + name && map.origin === origin);
}

/**
 * Maps that stored programs bring, in the order of the programs; those that the object has are not among them.
 * @param programs names of all programs of the run
 */
export function joiningMaps(
  object: readonly MapSpec[],
  stored: readonly StoredRequest[],
  programs: ReadonlySet<string>,
): MapSpec[] {
  const joined: MapSpec[] = [];
  for (const { request, read } of stored) {
    for (const map of read.stored.maps) {
      const present = [...object, ...joined];
      if (numberOf(present, map, request.name) >= 0) continue;
      const taken = present.some(({ name }) => name === map.name);
      joined.push({
        ...map,
        name: taken ? request.name + map.name : map.name,
        slots: map.slots.filter((slot) => programs.has(slot.program)),
      });
    }
  }
  return joined;
}

/**
 * A stored program, linked to the maps of a run or a sandbox.
 * @throws ProblemFound for a map that is not there, or of another shape
 */
export function linkStored(read: ReadForm, request: ProgramRequest, maps: readonly MapSpec[]): ProgramSpec {
  const numbers = read.stored.maps.map((map) => {
    const number = numberOf(maps, map, request.name);
    const found = maps[number];
    if (found === undefined)
      throw unlinked(request, `needs a map '${map.name}' (${shapeText(map)}), which is not there`);
    // What the instructions depend on; how many elements there are is the owner's choice, as with bpf_map__set_max_entries.
    for (const field of ['type', 'keySize', 'valueSize'] as const) {
      if (found[field] === map[field]) continue;
      throw unlinked(
        request,
        `has a map '${map.name}' with ${field} ${map[field]}, and here its ${field} is ${found[field]}`,
      );
    }
    return number;
  });
  return read.link(request.name, numbers);
}

function shapeText({ type, keySize, valueSize }: MapSpec): string {
  return `${type}, keySize ${keySize}, valueSize ${valueSize}`;
}

function unlinked({ name, pointer }: ProgramRequest, what: string): ProblemFound {
  return new ProblemFound('bad_reference', `${pointer}/id`, `the stored program '${name}' ${what}`);
}
