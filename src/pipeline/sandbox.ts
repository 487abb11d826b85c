/** Sandboxes on the loading thread: a new one from its parts, and one more program for one that is there. */

import type {
  AddProgramTask,
  CreateSandboxTask,
  LinkedSandbox,
  MapFacts,
  ProgArrayState,
  ProgramFacts,
  SandboxAnswer,
} from '../contract/sandbox-task.ts';
import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import { isImplementedProgramType, PROGRAM_TYPE_RULES } from '../spec/programs.ts';
import { findTailCallSites } from '../verifier/tail-call-sites.ts';
import { captureMaps } from '../vm/image.ts';
import { createMap, mapFootprint } from '../vm/maps/index.ts';
import { newVerification, readParts } from './load.ts';
import { fillMaps, scratchBytes } from './machine.ts';
import { readProgram, withinProgramLimits } from './read-programs.ts';
import { ProblemFound } from './refused.ts';
import type { Resources } from './resources.ts';
import { verifyPrograms } from './verify.ts';

/** The linked parts as the pipeline knows them: only a worker makes them, and only a worker looks inside. */
export interface LinkedParts {
  readonly programs: readonly ProgramSpec[];
  readonly maps: readonly MapSpec[];
}

/** Opens what a worker has closed in `linkedOf`. */
export function partsOf(linked: LinkedSandbox): LinkedParts {
  return linked as unknown as LinkedParts & LinkedSandbox;
}

/** Contents of maps go into the image; a frozen map's stay beside it, for the verifier takes them as constants. */
function linkedMap(map: MapSpec): MapSpec {
  return { ...map, entries: map.frozen ? map.entries : [], slots: [] };
}

export function createSandbox(resources: Resources, task: CreateSandboxTask): SandboxAnswer {
  const { spec, limits, maxBytes } = task;
  const known = resources.known(task.tenant);
  const parts = readParts(spec, limits, known, true);
  const { programs, maps } = parts;
  const instructions = programs.map((program) => known.decode(program.code));
  const verify = spec.verify ?? defaultMode(programs);
  const verification = newVerification(verify);
  const { dead } = verifyPrograms(programs, instructions, maps, verify, verification, known);
  const scratch = scratchBytes(maps);
  const bytes = maps.reduce((sum, map) => sum + mapFootprint(map), scratch);
  if (bytes > maxBytes) {
    const detail = `the maps need ${bytes} bytes, maxSandboxBytes is ${maxBytes}; ask for fewer elements`;
    throw new ProblemFound('limit_exceeded', '/maps', detail, { limit: 'maxSandboxBytes' });
  }
  // So that a program which the translator refuses is refused now.
  resources.compile(known, { programs, instructions, maps, limits }, dead, false);
  const memory = resources.memories.acquire(bytes);
  if (memory === undefined) throw new Error(`no memory of this thread has ${bytes} bytes free`);
  try {
    const placed = { memory, maps: maps.map((map, index) => createMap(memory, index, map)), mapBytes: memory.used };
    // Slots are kept beside the image: the API thread writes them.
    fillMaps({ maps: placed.maps, initialiseSlot() {} }, { programs, maps, limits }, spec, memory);
    return {
      kind: 'created',
      state: {
        linked: { programs, maps: maps.map(linkedMap), verify },
        image: captureMaps(placed),
        progArrays: maps.flatMap((map, index) => initialSlots(map, index, programs)),
      },
      programs: programs.map((program) => programFacts(program, maps, known.identity(program.code).maps)),
      maps: maps.map(mapFacts),
      verification,
    };
  } finally {
    resources.memories.release(memory);
  }
}

function defaultMode([first]: readonly ProgramSpec[]) {
  return first === undefined || !isImplementedProgramType(first.type)
    ? 'enforce'
    : PROGRAM_TYPE_RULES[first.type].defaultVerify;
}

function initialSlots(map: MapSpec, index: number, programs: readonly ProgramSpec[]): ProgArrayState[] {
  if (map.type !== 'prog_array') return [];
  const numberOf = (name: string) => programs.findIndex((program) => program.name === name);
  const slots = map.slots.map((slot) => [slot.index, numberOf(slot.program) + 1] as const);
  return [{ map: index, generation: 0, slots, owner: null }];
}

/** One more program: verified, and compiled, so that a run which meets it only has to instantiate it. */
export function addProgram(resources: Resources, task: AddProgramTask): SandboxAnswer {
  const { limits, linked } = task;
  const known = resources.known(task.tenant);
  const { programs, maps } = partsOf(linked);
  const program = readProgram(task.program, maps, known);
  const { name } = program;
  if (programs.some((one) => one.name === name)) {
    const detail = `the sandbox has a program named '${name}' already; programs are not replaced: give it another name and change the slots`;
    throw new ProblemFound('bad_reference', '/name', detail);
  }
  withinProgramLimits([...programs, program], limits);
  const instructions = known.decode(program.code);
  const verification = newVerification(linked.verify);
  const { dead } = verifyPrograms([program], [instructions], maps, linked.verify, verification, known);
  const { programs: compiled } = resources.compile(
    known,
    { programs: [program], instructions: [instructions], maps, limits },
    dead,
    false,
  );
  return {
    kind: 'program_added',
    program,
    facts: programFacts(program, maps, known.identity(program.code).maps),
    module: compiled[0]!.module,
    verification,
  };
}

function programFacts(program: ProgramSpec, maps: readonly MapSpec[], used: readonly number[]): ProgramFacts {
  const { name, type, attachType, flags, code } = program;
  return {
    name,
    type,
    attachType,
    flags,
    insns: code.length / 8,
    maps: used,
    tailCalls: findTailCallSites(program, maps),
  };
}

function mapFacts({ name, type, keySize, valueSize, maxEntries, flags, frozen }: MapSpec): MapFacts {
  return { name, type, keySize, valueSize, maxEntries, flags, frozen };
}
