/** Verification of a run's programs, in the order in which libbpf would load them. */

import type { Verification } from '../contract/result.ts';
import type { VerifyMode } from '../contract/run-spec.ts';
import type { Instruction } from '../isa/instruction.ts';
import { LOAD_SOURCE, OPCODE } from '../isa/opcodes.ts';
import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import { type ProgArrayOwner, progArrayCompatible, progArrayOwner } from '../spec/prog-array-owner.ts';
import type { VerifierRejection } from '../verifier/result.ts';
import type { KnownPrograms } from './known-programs.ts';
import { LoadRejected, ProblemFound } from './refused.ts';
import { sourceAt } from './source.ts';

export interface Verified {
  /** With mode `report`: what the verifier would have refused although the run goes on. */
  readonly reported: LoadRejected | undefined;
  /** Of each program: slots that no run reaches, which are not translated. */
  readonly dead: readonly (readonly number[])[];
  /** Of each program: how many bytes of the context its loads reach. */
  readonly contextBytes: readonly number[];
}

/** A verifier's rejection as a result shows it. */
export function rejectionOf(program: ProgramSpec, rejection: VerifierRejection): LoadRejected {
  const source = rejection.pc === null ? undefined : sourceAt(program, rejection.pc);
  return new LoadRejected('rejected_verifier', {
    rule: rejection.rule,
    errno: rejection.errno,
    program: program.name,
    pc: rejection.pc,
    message: rejection.message,
    ...(source === undefined ? {} : { source }),
    log: rejection.log,
  });
}

interface Judged {
  readonly reported: LoadRejected | undefined;
  readonly dead: readonly number[];
  readonly contextBytes: number;
}

/** Judges one program; throws when the run cannot go on, answers a rejection that is only reported. */
function judge(
  program: ProgramSpec,
  maps: readonly MapSpec[],
  mode: VerifyMode,
  verification: Verification,
  known: KnownPrograms,
): Judged {
  const report = known.verify(program, maps, mode === 'off' ? 'runnable' : 'structure');
  verification.programs.push({
    name: program.name,
    insnsProcessed: report.insnsProcessed,
    stackDepth: report.stackDepth,
  });
  const { rejection } = report;
  if (rejection === null) return { reported: undefined, dead: report.dead, contextBytes: report.contextBytes };
  if (rejection.unsupported !== null) {
    throw new ProblemFound('not_implemented', '', `program '${program.name}': ${rejection.message}`);
  }
  const rejected = rejectionOf(program, rejection);
  if (mode === 'report') {
    const runnable = known.verify(program, maps, 'runnable');
    const { dead, contextBytes } = runnable;
    if (runnable.rejection === null) return { reported: rejected, dead, contextBytes };
    throw rejectionOf(program, runnable.rejection);
  }
  throw rejected;
}

/**
 * Verifies every program and binds every prog array to its owner (tail-calls: the first program that refers to it or is stored in it).
 * @throws LoadRejected, ProblemFound
 */
export function verifyPrograms(
  programs: readonly ProgramSpec[],
  instructions: readonly (readonly Instruction[])[],
  maps: readonly MapSpec[],
  mode: VerifyMode,
  verification: Verification,
  known: KnownPrograms,
): Verified {
  const owners = new Map<number, ProgArrayOwner>();
  let reported: LoadRejected | undefined;
  const dead: (readonly number[])[] = [];
  const contextBytes: number[] = [];
  programs.forEach((program, index) => {
    const judged = judge(program, maps, mode, verification, known);
    reported ??= judged.reported;
    dead.push(judged.dead);
    contextBytes.push(judged.contextBytes);
    for (const map of progArraysOf(instructions[index]!, maps)) {
      bindOwner(owners, map, program, `program '${program.name}' refers to prog_array '${maps[map]!.name}'`);
    }
  });
  maps.forEach((map, index) => {
    for (const slot of map.slots) {
      const program = programs.find((one) => one.name === slot.program);
      if (program === undefined) continue;
      bindOwner(
        owners,
        index,
        program,
        `slot ${slot.index} of prog_array '${map.name}' takes program '${program.name}'`,
      );
    }
  });
  verification.verdict = reported === undefined ? 'partial' : 'rejected';
  return { reported, dead, contextBytes };
}

function progArraysOf(instructions: readonly Instruction[], maps: readonly MapSpec[]): Set<number> {
  const used = new Set<number>();
  for (const one of instructions) {
    if (one.opcode === OPCODE.LOAD_IMM64 && one.src === LOAD_SOURCE.MAP && maps[one.imm]?.type === 'prog_array')
      used.add(one.imm);
  }
  return used;
}

function bindOwner(owners: Map<number, ProgArrayOwner>, map: number, program: ProgramSpec, what: string): void {
  const owner = owners.get(map);
  if (owner === undefined) {
    owners.set(map, progArrayOwner(program));
    return;
  }
  if (progArrayCompatible(owner, program)) return;
  const message = `${what}, but the array belongs to ${describe(owner)} and the program is ${describe(progArrayOwner(program))}`;
  throw LoadRejected.load('prog_array_owner', 'EINVAL', message, program.name);
}

function describe(owner: ProgArrayOwner): string {
  const attach = owner.attachType === null ? '' : ` with attach type ${owner.attachType}`;
  return `type ${owner.type}${attach}${owner.xdpHasFrags ? ' with xdp_has_frags' : ''}`;
}
