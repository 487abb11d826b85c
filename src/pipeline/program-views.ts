/** What is shown of a stored program, as the bytes that go out. Each view is a function of the program and of this version of the engine. */

import type { ProgramDetails, ProgramVerification } from '../contract/program.ts';
import type { ProgramView, ViewProgramTask } from '../contract/program-task.ts';
import { PROFILES } from '../contract/run.ts';
import type { EngineLimits } from '../contract/task.ts';
import { SLOT_BYTES } from '../isa/instruction.ts';
import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import type { KnownPrograms } from './known-programs.ts';
import { LimitedText } from './limited-text.ts';
import { newVerification } from './load.ts';
import { programGraph } from './program-cfg.ts';
import { programDot } from './program-dot.ts';
import { disassemblyJson, listing } from './program-listing.ts';
import { hexOf } from './result.ts';
import { mapShape } from './store-programs.ts';
import { rejectionOf } from './verify.ts';

interface Viewed {
  readonly id: string;
  readonly program: ProgramSpec;
  /** By the indexes that the code has. */
  readonly maps: readonly MapSpec[];
  readonly known: KnownPrograms;
  readonly limits: EngineLimits;
}

const VIEWS: Readonly<Record<ProgramView, (viewed: Viewed) => Uint8Array>> = {
  details: (viewed) => jsonOf(detailsOf(viewed), viewed.limits),
  disassembly: ({ id, program, maps, known, limits }) => disassemblyJson(id, program, maps, known, limits),
  listing: ({ program, maps, known, limits }) => listing(program, maps, known, limits),
  cfg: (viewed) => jsonOf(graphOf(viewed), viewed.limits),
  dot: (viewed) => {
    const { program, maps, known, limits } = viewed;
    return programDot(graphOf(viewed), program, maps, known, limits);
  },
  verification: (viewed) => jsonOf(verificationOf(viewed), viewed.limits),
};

/** @throws ProblemFound limit_exceeded */
export function viewProgram({ id, form, name, view, limits }: ViewProgramTask, known: KnownPrograms): Uint8Array {
  const read = known.stored(id, form);
  const { maps } = read.stored;
  const numbers = [...maps.keys()];
  return VIEWS[view]({ id, program: read.link(name, numbers), maps, known, limits });
}

function jsonOf(value: object, limits: EngineLimits): Uint8Array {
  const text = new LimitedText(limits);
  text.add(JSON.stringify(value));
  return text.bytes();
}

function graphOf({ id, program, maps, known }: Viewed) {
  return programGraph(id, program, maps, known);
}

function detailsOf({ id, program, maps }: Viewed): ProgramDetails {
  const { name, type, attachType, flags, license, code, functions } = program;
  return {
    id,
    name,
    type,
    attachType,
    flags: [...flags],
    license,
    insns: code.length / SLOT_BYTES,
    code: hexOf(code),
    functions: functions.map((one) => ({
      name: one.name,
      pc: one.pc,
      linkage: one.linkage,
      returns: one.returns ?? null,
    })),
    maps: maps.map((map) => ({
      ...mapShape(map),
      entries: map.entries.length,
      slots: Object.fromEntries(map.slots.map((slot) => [String(slot.index), slot.program])),
    })),
  };
}

/** As a run's `verification` with verify `enforce`, for this program and the maps that it was stored with. */
function verificationOf({ id, program, maps, known }: Viewed): ProgramVerification {
  const { rejection, insnsProcessed, stackDepth } = known.verify(program, maps, 'structure');
  const unsupported = rejection?.unsupported ?? null;
  const refused = rejection !== null && unsupported === null;
  return {
    id,
    profile: PROFILES[0],
    ...newVerification('enforce'),
    verdict: refused ? 'rejected' : 'partial',
    unsupported: unsupported === null ? [] : [unsupported],
    programs: [{ name: program.name, insnsProcessed, stackDepth }],
    rejection: refused ? rejectionOf(program, rejection).rejection : null,
  };
}
