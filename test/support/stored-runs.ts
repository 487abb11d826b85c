/** Programs as they are stored, and runs that name them by id. */

import assert from 'node:assert/strict';
import { limitsWith } from '../../src/contract/limits.ts';
import type { ProgramAnswer, ReadProgram, ReadProgramsTask } from '../../src/contract/program-task.ts';
import type { ProgramRequest, RunSpec } from '../../src/contract/run-spec.ts';
import { KnownPrograms } from '../../src/pipeline/known-programs.ts';
import { runProgramTask } from '../../src/pipeline/program-task.ts';

export type Upload = ReadProgramsTask['upload'];

/** What a worker answers an upload with. */
export function answerUpload(upload: Upload, limits = limitsWith()): ProgramAnswer {
  return runProgramTask(new KnownPrograms(), { kind: 'read_programs', tenant: 'test', upload, limits });
}

/** The programs of an upload that must be taken. */
export function stored(upload: Upload): readonly ReadProgram[] {
  const answer = answerUpload(upload);
  assert.equal(answer.kind, 'programs_read', JSON.stringify(answer));
  return (answer as Extract<ProgramAnswer, { kind: 'programs_read' }>).programs;
}

export function storedObject(elf: Uint8Array): readonly ReadProgram[] {
  return stored({ kind: 'object', elf, pointer: '/elf' });
}

/** A run's own program, with the maps of the run. */
export function storedProgram(program: ProgramRequest, maps: RunSpec['maps']): ReadProgram {
  return stored({ kind: 'program', program, maps })[0]!;
}

export function requestOf({ id, form }: ReadProgram, name: string, index: number): ProgramRequest {
  const source = { kind: 'stored', id, form } as const;
  return { name, type: '', attachType: null, flags: [], license: 'GPL', source, pointer: `/programs/${index}` };
}

/** The same run with all its programs named by id; `maps` stay, as settings of the maps that the programs bring. */
export function byId(spec: RunSpec): RunSpec {
  const ofObject =
    spec.object === null ? [] : storedObject(spec.object).map((program) => ({ program, name: program.name }));
  const own = spec.programs.map((request) => ({ program: storedProgram(request, spec.maps), name: request.name }));
  const programs = [...ofObject, ...own].map(({ program, name }, index) => requestOf(program, name, index));
  return { ...spec, object: null, programs };
}
