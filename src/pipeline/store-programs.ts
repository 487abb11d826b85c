/** From an upload to stored programs: read, linked to the maps that the code refers to, in their canonical form. Nothing is verified. */

import type { MapShape } from '../contract/program.ts';
import type { ProgramAnswer, ReadProgram, ReadProgramsTask } from '../contract/program-task.ts';
import type { EngineLimits } from '../contract/task.ts';
import { SLOT_BYTES } from '../isa/instruction.ts';
import { mapFlagNames } from '../spec/maps.ts';
import type { MapSpec, ObjectSpec, ProgramSpec } from '../spec/object.ts';
import { withOrigins } from './global-data.ts';
import type { KnownPrograms } from './known-programs.ts';
import { mergeMaps } from './merge-maps.ts';
import { readPrograms, readRunObject } from './read-programs.ts';
import { ProblemFound } from './refused.ts';
import { mapReferences } from './stored-forms.ts';
import { ASSEMBLY_SUFFIX, encodeProgram, type StoredProgram } from './stored-program.ts';

const NO_OBJECT: ObjectSpec = { programs: [], maps: [], notes: [] };

/** @throws ProblemFound, LoadRejected */
export function readUpload({ upload, limits }: ReadProgramsTask, known: KnownPrograms): ProgramAnswer {
  if (upload.kind === 'object') {
    const object = readRunObject(upload.elf);
    const maps = mergeMaps(withOrigins(object.maps, upload.elf), [], limits);
    const programs = readPrograms({ programs: [] }, object, maps, limits, known);
    return answerOf(programs, maps, object.notes, '', limits);
  }
  const { program, maps: requests } = upload;
  const maps = mergeMaps([], requests, limits);
  const programs = readPrograms({ programs: [program] }, NO_OBJECT, maps, limits, known);
  // The name of the source file is made of the program's name, which is not stored.
  const named = programs.map((one) => ({
    ...one,
    lines: one.lines.map((line) => ({ ...line, file: ASSEMBLY_SUFFIX })),
  }));
  return answerOf(named, maps, [], program.pointer, limits);
}

function answerOf(
  programs: readonly ProgramSpec[],
  maps: readonly MapSpec[],
  notes: readonly string[],
  pointer: string,
  limits: EngineLimits,
): ProgramAnswer {
  let bytes = 0;
  const read = programs.map((program): ReadProgram => {
    const { name, type } = program;
    const { id, form } = encodeProgram(withOwnMaps(program, maps, pointer));
    bytes += form.length;
    if (bytes > limits.maxProgramFormBytes) {
      const detail = `the programs up to '${name}' take ${bytes} bytes with their maps and source lines, maxProgramFormBytes is ${limits.maxProgramFormBytes}`;
      throw new ProblemFound('limit_exceeded', pointer, detail, { limit: 'maxProgramFormBytes' });
    }
    return { id, name, type, form };
  });
  return { kind: 'programs_read', programs: read, maps: maps.map(mapShape), notes: [...notes] };
}

/**
 * The program with the maps that its code refers to, by their place among these.
 * @throws ProblemFound for an index that no map has
 */
function withOwnMaps(program: ProgramSpec, maps: readonly MapSpec[], pointer: string): StoredProgram {
  const code = program.code.slice();
  const view = new DataView(code.buffer);
  const own = new Map<number, number>();
  for (const { at, map } of mapReferences(program.code)) {
    if (maps[map] === undefined) {
      const detail = `insn ${at / SLOT_BYTES} refers to map ${map}, and there are ${maps.length}`;
      throw new ProblemFound('bad_reference', `${pointer}/insns`, detail);
    }
    const index = own.get(map) ?? own.size;
    own.set(map, index);
    view.setInt32(at + 4, index, true);
  }
  return { program: { ...program, code }, maps: [...own.keys()].map((map) => maps[map]!) };
}

/** A map as it is shown. */
export function mapShape({ name, type, keySize, valueSize, maxEntries, flags, frozen }: MapSpec): MapShape {
  return { name, type, keySize, valueSize, maxEntries, flags: mapFlagNames(flags), frozen };
}
