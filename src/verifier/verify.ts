/**
 * The verifier, level `structure`: what Linux refuses without following the values of registers, with its texts and errnos and in its
 * order. It refuses nothing that Linux accepts, but for what Waggle does not have yet (rule `unsupported`) and code that Linux sees to be
 * dead by ranges or by what holds on one path only: here only constants that hold on every path make code dead.
 */

import { SLOT_BYTES } from '../isa/instruction.ts';
import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import { isImplementedProgramType } from '../spec/programs.ts';
import { checkCallbacks } from './callbacks.ts';
import { checkControlFlow, reachableSlots } from './control-flow.ts';
import { checkEncoding } from './encoding.ts';
import { writeLog } from './log.ts';
import type { VerifierReport } from './result.ts';
import { type Refusal, RULES, unsupported } from './rules.ts';
import { checkSleepable, isSleepable } from './sleepable.ts';
import { isLoadImm64, readSlots, type Slot } from './slots.ts';
import { checkStackDepth } from './stack-depth.ts';
import { checkCallTargets, checkJumps, checkReturns, findSubprograms, type Subprogram } from './subprograms.ts';
import { type Walk, walkProgram } from './walk.ts';

/** Most slots of a program (BPF_COMPLEXITY_LIMIT_INSNS). */
export const MAX_PROGRAM_SLOTS = 1_000_000;

/**
 * Verify a program at the level `structure`.
 * @param maps what the map indexes in its lddw instructions mean
 */
export function verifyStructure(program: ProgramSpec, maps: readonly MapSpec[]): VerifierReport {
  return verify(program, maps, true);
}

/**
 * The part of the rules that holds with `verify: off` too: what cannot be run is never run. Functions may run past their end, recurse and
 * have deep stacks, divide by a constant zero: the engine deals with that.
 */
export function verifyRunnable(program: ProgramSpec, maps: readonly MapSpec[]): VerifierReport {
  return verify(program, maps, false);
}

function verify(program: ProgramSpec, maps: readonly MapSpec[], all: boolean): VerifierReport {
  const count = program.code.length / SLOT_BYTES;
  if (count === 0 || count > MAX_PROGRAM_SLOTS || !Number.isInteger(count)) {
    return refused(program, maps, { rule: 'program_size', pc: null, message: '' });
  }
  const slots = readSlots(program.code);
  const targets = checkCallTargets(slots);
  if (targets !== null) return refused(program, maps, targets);
  const subprograms = findSubprograms(slots);
  const before =
    checkJumps(slots, subprograms, all) ??
    (all ? checkReturns(program, subprograms) : null) ??
    checkCallbacks(slots, subprograms) ??
    checkEncoding(slots, maps, isSleepable(program)) ??
    checkControlFlow(slots, reachableSlots(slots), all) ??
    (all ? checkSleepable(program) : null);
  if (before !== null) return refused(program, maps, before);

  const walk = walkProgram(program, program.type, slots, maps, subprograms, { verify: all });
  const refusal = walk.refusal ?? (all ? checkStackDepth(program.type, slots, subprograms, walk.depths) : null);
  if (refusal !== null) return refused(program, maps, refusal, walk, subprograms);
  if (!isImplementedProgramType(program.type)) {
    return refused(program, maps, unsupported(0, `program type ${program.type}`), walk, subprograms);
  }
  return report(null, slots, subprograms, walk);
}

function report(
  rejection: VerifierReport['rejection'],
  slots: readonly Slot[],
  subprograms: readonly Subprogram[],
  walk: Walk,
): VerifierReport {
  const dead: number[] = [];
  for (let pc = 0; pc < slots.length; pc += isLoadImm64(slots[pc]!) ? 2 : 1) {
    if (walk.walked[pc] !== 1) dead.push(pc);
  }
  return {
    rejection,
    insnsProcessed: countWalked(walk),
    stackDepth: walk.depths[0] ?? 0,
    functions: subprograms.map(({ start, hasTailCall }, index) => ({
      pc: start,
      stackDepth: walk.depths[index] ?? 0,
      hasTailCall,
    })),
    contextBytes: walk.contextBytes,
    dead: rejection === null ? dead : [],
  };
}

function countWalked(walk: Walk): number {
  return walk.walked.reduce((sum, one) => sum + one, 0);
}

function refused(
  program: ProgramSpec,
  maps: readonly MapSpec[],
  refusal: Refusal,
  walk?: Walk,
  subprograms: readonly Subprogram[] = [],
): VerifierReport {
  const processed = walk === undefined ? 0 : countWalked(walk);
  const rejection = {
    rule: refusal.rule,
    errno: RULES[refusal.rule].errno,
    pc: refusal.pc,
    message: refusal.message,
    log: writeLog(program, maps, refusal, processed),
    unsupported: refusal.unsupported ?? null,
  };
  if (walk !== undefined) return report(rejection, [], subprograms, walk);
  return { rejection, insnsProcessed: 0, stackDepth: 0, functions: [], contextBytes: 0, dead: [] };
}
