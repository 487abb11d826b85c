/** From a run spec to programs and maps that are ready to be compiled: read, merged, checked against each other, verified. */

import type { Verification } from '../contract/result.ts';
import type { RunSpec, VerifyMode } from '../contract/run-spec.ts';
import type { EngineLimits } from '../contract/task.ts';
import type { Instruction } from '../isa/instruction.ts';
import { checkContextReach, type RunStart, readContextInput } from '../spec/context-input.ts';
import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import {
  type ImplementedProgramType,
  isImplementedProgramType,
  MAX_REPEAT,
  PROGRAM_TYPE_RULES,
} from '../spec/programs.ts';
import { withOrigins } from './global-data.ts';
import { KnownPrograms } from './known-programs.ts';
import { joiningMaps, storedRequests } from './link-stored.ts';
import { mergeMaps } from './merge-maps.ts';
import { readPrograms, readRunObject } from './read-programs.ts';
import { ProblemFound } from './refused.ts';
import { type Verified, verifyPrograms } from './verify.ts';

/** A run that has been read. Verification may still refuse it. */
export interface ReadRun {
  readonly programs: readonly ProgramSpec[];
  /** Of each program. */
  readonly instructions: readonly (readonly Instruction[])[];
  readonly maps: readonly MapSpec[];
  /** Number of the entry program. */
  readonly entry: number;
  readonly type: ImplementedProgramType;
  readonly start: RunStart;
  readonly mode: VerifyMode;
  readonly limits: EngineLimits;
}

/**
 * Reads everything and checks that the parts of the request fit together.
 * @param known what the thread remembers of earlier runs
 * @throws ProblemFound, LoadRejected
 */
export function readRun(spec: RunSpec, limits: EngineLimits, known = new KnownPrograms()): ReadRun {
  return prepareRun(spec, readParts(spec, limits, known), limits, known);
}

/** Programs and maps, read and fitting together. */
export interface ReadParts {
  readonly programs: readonly ProgramSpec[];
  readonly maps: readonly MapSpec[];
}

/**
 * Reads the parts of a run that do not depend on its entry and input.
 * @param lasts stored programs may join later, so that it must be known whose the global data is
 * @throws ProblemFound, LoadRejected
 */
export function readParts(
  spec: Pick<RunSpec, 'object' | 'programs' | 'maps'>,
  limits: EngineLimits,
  known: KnownPrograms,
  lasts = false,
): ReadParts {
  const read = readRunObject(spec.object);
  const stored = storedRequests(spec.programs, known);
  // Whose global data it is only matters where programs of several objects meet.
  const marks = lasts || stored.length > 0;
  const object = marks && spec.object !== null ? { ...read, maps: withOrigins(read.maps, spec.object) } : read;
  const names = new Set([...object.programs, ...spec.programs].map(({ name }) => name));
  const maps = mergeMaps(object.maps, spec.maps, limits, joiningMaps(object.maps, stored, names));
  const programs = readPrograms(spec, object, maps, limits, known);
  checkSlotPrograms(spec, maps, programs);
  return { programs, maps };
}

/**
 * A run of parts that have been read: its entry, its input, what it is to return.
 * @param mode not given: as the run says, else the default of the entry's type
 * @throws ProblemFound
 */
export function prepareRun(
  spec: RunSpec,
  { programs, maps }: ReadParts,
  limits: EngineLimits,
  known: KnownPrograms,
  mode?: VerifyMode,
): ReadRun {
  checkReturnedMaps(spec, maps, limits);
  const entry = programs.findIndex((program) => program.name === spec.entry);
  if (entry < 0) {
    const known = programs.map((program) => program.name).join(', ');
    throw new ProblemFound(
      'bad_reference',
      '/entry',
      `there is no program '${spec.entry}'; there are: ${known || 'none'}`,
    );
  }
  const { type } = programs[entry]!;
  if (!isImplementedProgramType(type)) {
    throw new ProblemFound('not_implemented', '/entry', `program type ${type} is not implemented yet`);
  }
  checkRepeat(spec, type);
  return {
    programs,
    instructions: programs.map((program) => known.decode(program.code)),
    maps,
    entry,
    type,
    start: startOf(spec, type),
    mode: mode ?? spec.verify ?? PROGRAM_TYPE_RULES[type].defaultVerify,
    limits,
  };
}

/** What a run's `verification` says before any program was looked at. */
export function newVerification(mode: VerifyMode): Verification {
  return { verdict: 'rejected', level: mode === 'off' ? 'off' : 'structure', unsupported: [], programs: [] };
}

/** Verifies the programs and fills in `verification`. */
export function verifyRun(run: ReadRun, verification: Verification, known = new KnownPrograms()): Verified {
  const verified = verifyPrograms(run.programs, run.instructions, run.maps, run.mode, verification, known);
  const refusal = checkContextReach(run.type, run.start, verified.contextBytes[run.entry] ?? 0);
  if (refusal !== null) throw new ProblemFound('bad_input', '/input/ctx', refusal.message, { errno: refusal.errno });
  return verified;
}

function checkSlotPrograms(
  spec: Pick<RunSpec, 'maps'>,
  maps: readonly MapSpec[],
  programs: readonly ProgramSpec[],
): void {
  const names = new Set(programs.map((program) => program.name));
  for (const map of maps) {
    for (const slot of map.slots) {
      if (names.has(slot.program)) continue;
      const request = spec.maps.find((one) => one.name === map.name);
      const pointer = request === undefined ? '/object/elf' : `${request.pointer}/slots/${slot.index}`;
      const detail = `slot ${slot.index} of '${map.name}' names program '${slot.program}', which does not exist`;
      throw new ProblemFound('bad_reference', pointer, detail);
    }
  }
}

function checkReturnedMaps(spec: RunSpec, maps: readonly MapSpec[], { maxReturnedMapBytes }: EngineLimits): void {
  let bytes = 0;
  spec.returns.maps.forEach((name, index) => {
    const map = maps.find((one) => one.name === name);
    if (map === undefined)
      throw new ProblemFound('bad_reference', `/return/maps/${index}`, `there is no map '${name}'`);
    bytes += map.maxEntries * (map.keySize + map.valueSize);
    if (bytes > maxReturnedMapBytes) {
      const detail = `the maps to return may hold ${bytes} bytes, maxReturnedMapBytes is ${maxReturnedMapBytes}`;
      throw new ProblemFound('limit_exceeded', `/return/maps/${index}`, detail, { limit: 'maxReturnedMapBytes' });
    }
  });
}

function checkRepeat(spec: RunSpec, type: ImplementedProgramType): void {
  if (spec.repeat > 1 && !PROGRAM_TYPE_RULES[type].repeatable) {
    throw new ProblemFound('bad_input', '/repeat', `a ${type} program is run once: repeat must be 1`, {
      errno: 'EINVAL',
    });
  }
  if (spec.repeat > MAX_REPEAT) {
    const detail = `repeat is ${spec.repeat}, at most ${MAX_REPEAT} is possible`;
    throw new ProblemFound('limit_exceeded', '/repeat', detail, { limit: 'maxRepeat' });
  }
}

function startOf(spec: RunSpec, type: ImplementedProgramType): RunStart {
  const input = readContextInput(type, spec.input.ctx, spec.input.packet);
  if (input.ok) return input.start;
  const { field, errno, message } = input.refusal;
  const pointer = field === 'packet' || field === 'ctx' ? `/input/${field}` : `/input/ctx/${field}`;
  throw new ProblemFound('bad_input', pointer, message, { errno });
}
