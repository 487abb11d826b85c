/** From a run's sources (an ELF object, assembly, instruction bytes) to inert programs and maps. Nothing is judged here but readability. */

import { BtfError } from '../btf/error.ts';
import type { ProgramRequest, RunSpec } from '../contract/run-spec.ts';
import type { EngineLimits } from '../contract/task.ts';
import { ElfError, ObjectRefusal, ObjectUnsupported } from '../elf/error.ts';
import { readObject } from '../elf/object.ts';
import { AssemblyError, assemble } from '../isa/assemble.ts';
import { assembleUbpf } from '../isa/assembler/ubpf.ts';
import { DecodeError } from '../isa/decode.ts';
import { SLOT_BYTES } from '../isa/instruction.ts';
import { helperId } from '../spec/helpers.ts';
import type { FunctionSpec, MapSpec, ObjectSpec, ProgramSpec } from '../spec/object.ts';
import { isImplementedProgramType, isProgramType, type ProgramType } from '../spec/programs.ts';
import type { KnownPrograms } from './known-programs.ts';
import { linkStored, readStored } from './link-stored.ts';
import { LoadRejected, ProblemFound } from './refused.ts';
import { ASSEMBLY_SUFFIX } from './stored-program.ts';

/**
 * Attach type of a program whose request names none: what libbpf's plain section gives (SEC("xdp") loads with BPF_XDP). Otherwise a program
 * of the request could not stand in a prog array beside those of an object: Linux answers EINVAL when attach types differ.
 */
const DEFAULT_ATTACH_TYPES: Partial<Record<ProgramType, string>> = { xdp: 'xdp' };

const EMPTY_OBJECT: ObjectSpec = { programs: [], maps: [], notes: [] };
/** By the dialect of the text. */
const ASSEMBLERS = { llvm: assemble, ubpf: assembleUbpf } as const;
/** Where a run's body has its object. */
export const OBJECT_POINTER = '/object/elf';

/** The run's object, or an empty one. */
export function readRunObject(bytes: Uint8Array | null): ObjectSpec {
  if (bytes === null) return EMPTY_OBJECT;
  try {
    return readObject(bytes);
  } catch (error) {
    if (error instanceof ElfError) {
      // The reader's own bounds are no settings of the service, so they are named in the text and not as one of its limits.
      const bound = error.limit === null ? '' : ` (${error.limit})`;
      throw new ProblemFound('bad_elf', OBJECT_POINTER, `${error.message}${bound}`);
    }
    if (error instanceof BtfError) throw new ProblemFound('bad_btf', OBJECT_POINTER, error.message);
    if (error instanceof ObjectUnsupported) throw new ProblemFound('not_implemented', OBJECT_POINTER, error.message);
    if (error instanceof ObjectRefusal) throw LoadRejected.load('object', error.errno, error.message);
    throw error;
  }
}

/**
 * All programs of a run: the object's, then the request's.
 * @param maps the run's maps in order; instructions refer to them by position
 * @param known what the thread remembers of earlier runs
 */
export function readPrograms(
  spec: Pick<RunSpec, 'programs'>,
  object: ObjectSpec,
  maps: readonly MapSpec[],
  limits: EngineLimits,
  known: KnownPrograms,
): ProgramSpec[] {
  const count = object.programs.length + spec.programs.length;
  if (count > limits.maxPrograms) {
    const detail = `the run has ${count} programs, maxPrograms is ${limits.maxPrograms}`;
    throw new ProblemFound('limit_exceeded', '/programs', detail, { limit: 'maxPrograms' });
  }
  const programs: ProgramSpec[] = [];
  const seen = new Set<string>();
  let total = 0;
  const within = slotsWithin(limits);
  const add = (program: ProgramSpec, pointer: string, namePointer: string) => {
    const { name } = program;
    const slots = program.code.length / SLOT_BYTES;
    total += slots;
    if (seen.has(name)) {
      throw new ProblemFound('bad_reference', namePointer, `there are two programs named '${name}'`);
    }
    within('maxInstructionsPerProgram', slots, pointer, `program '${name}' has`);
    within('maxInstructionsPerRun', total, pointer, `the programs of the run up to '${name}' have`);
    seen.add(name);
    programs.push(program);
  };
  for (const program of object.programs) add(program, OBJECT_POINTER, OBJECT_POINTER);
  for (const request of spec.programs) {
    add(readProgram(request, maps, known), request.pointer, `${request.pointer}/name`);
  }
  return programs;
}

/** Throws when so many instruction slots pass a limit. */
function slotsWithin(limits: EngineLimits) {
  return (
    limit: 'maxInstructionsPerProgram' | 'maxInstructionsPerRun',
    slots: number,
    pointer: string,
    what: string,
  ): void => {
    if (slots <= limits[limit]) return;
    const detail = `${what} ${slots} instruction slots, ${limit} is ${limits[limit]}`;
    throw new ProblemFound('limit_exceeded', pointer, detail, { limit });
  };
}

/**
 * May the last of these programs join the others in one sandbox?
 * @throws ProblemFound
 */
export function withinProgramLimits(programs: readonly ProgramSpec[], limits: EngineLimits): void {
  const added = programs.at(-1)!;
  const within = slotsWithin(limits);
  if (programs.length > limits.maxPrograms) {
    const detail = `the sandbox would have ${programs.length} programs, maxPrograms is ${limits.maxPrograms}`;
    throw new ProblemFound('limit_exceeded', '', detail, { limit: 'maxPrograms' });
  }
  const slotsOf = ({ code }: ProgramSpec) => code.length / SLOT_BYTES;
  const total = programs.reduce((sum, program) => sum + slotsOf(program), 0);
  within('maxInstructionsPerProgram', slotsOf(added), '', `program '${added.name}' has`);
  within('maxInstructionsPerRun', total, '', `the programs of the sandbox with '${added.name}' have`);
}

/**
 * One program of a request.
 * @throws ProblemFound
 */
export function readProgram(request: ProgramRequest, maps: readonly MapSpec[], known: KnownPrograms): ProgramSpec {
  const { type, source, pointer } = request;
  if (source.kind === 'stored') return linkStored(readStored(source, known), request, maps);
  if (!isProgramType(type))
    throw new ProblemFound('schema_violation', `${pointer}/type`, `'${type}' is no program type`);
  if (!isImplementedProgramType(type)) {
    throw new ProblemFound('not_implemented', `${pointer}/type`, `program type ${type} is not implemented yet`);
  }
  const common = {
    name: request.name,
    type,
    attachType: request.attachType ?? DEFAULT_ATTACH_TYPES[type] ?? null,
    flags: request.flags,
    license: request.license,
  };
  if (source.kind === 'insns') {
    return { ...common, code: source.bytes, ...bareFunctions(request, source.bytes, known), lines: [], section: '' };
  }
  try {
    const assembly = ASSEMBLERS[source.dialect](source.text, {
      helper: helperId,
      map: (name) => {
        const index = maps.findIndex((one) => one.name === name);
        return index < 0 ? undefined : index;
      },
    });
    const functions = assembly.functions.map((one) => intFunction(one.pc === 0 ? request.name : one.name, one.pc));
    const lines = assembly.lines.map((line) => ({
      pc: line.pc,
      file: request.name + ASSEMBLY_SUFFIX,
      line: line.line,
      column: 0,
      text: line.text,
    }));
    return { ...common, code: assembly.code, functions, hasBtf: true, lines, section: '' };
  } catch (error) {
    if (!(error instanceof AssemblyError)) throw error;
    const detail = `line ${error.line}, column ${error.column}: ${error.message}`;
    throw new ProblemFound('bad_assembly', `${pointer}/asm`, detail);
  }
}

/** Where the functions of bare instructions begin. */
function bareFunctions(
  request: ProgramRequest,
  bytes: Uint8Array,
  known: KnownPrograms,
): Pick<ProgramSpec, 'functions' | 'hasBtf'> {
  try {
    const functions = known.functions(bytes).map((pc) => intFunction(pc === 0 ? request.name : `sub_${pc}`, pc));
    return { functions, hasBtf: true };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new ProblemFound('bad_instructions', `${request.pointer}/insns`, error.message);
  }
}

/**
 * Assembly and bare instructions come without BTF, and without it Linux allows no tail call in a subprogram. They are loaded as if with a BTF
 * in which every function is `static int f(…)`, so that such chains can be tried.
 */
function intFunction(name: string, pc: number): FunctionSpec {
  return { name, pc, linkage: 'static', returns: 'int' };
}
