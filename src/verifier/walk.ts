/**
 * The walk over all instructions that constants leave reachable, in the order of Linux's do_check: straight on, the other side of a branch
 * later, into a called function at once.
 */

import { OPCODE, OPCODES } from '../isa/opcodes.ts';
import { HELPER } from '../spec/helper-numbers.ts';
import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import type { ProgramType } from '../spec/programs.ts';
import { endsByStart, findConstants, walkBlock } from './constant-flow.ts';
import { checkHelper, checkPacketLoadContext, checkTailCallArguments, stackArguments } from './helper-calls.ts';
import { checkFields } from './instruction-fields.ts';
import type { Refusal } from './rules.ts';
import { isFunctionCall, isLoadImm64, isPacketLoad, type Slot } from './slots.ts';
import { stackAccess } from './stack-access.ts';
import type { Subprogram } from './subprograms.ts';
import { type Registers, transfer, unknownRegisters } from './values.ts';

/** MAX_CALL_FRAMES: functions of one program on top of each other, the program's own included. */
export const MAX_CALL_FRAMES = 8;

export interface Walk {
  readonly refusal: Refusal | null;
  /** 1 for each slot that was looked at (of lddw the first). */
  readonly walked: Uint8Array;
  /** Bytes of the frame by function, a lower bound; a multiple of 8. */
  readonly depths: readonly number[];
  /** Bytes of the context up to the highest one that a load through a copy of r1 reaches. */
  readonly contextBytes: number;
}

/** What the walk enforces beside what cannot run at all. */
export interface WalkRules {
  /** False: only what cannot run is refused. */
  readonly verify: boolean;
}

/** Slots, borders and targets are known to be sound: checkJumps and checkEncoding went before. */
export function walkProgram(
  program: ProgramSpec,
  type: ProgramType,
  slots: readonly Slot[],
  maps: readonly MapSpec[],
  subprograms: readonly Subprogram[],
  rules: WalkRules,
): Walk {
  const globals = new Set(
    program.hasBtf ? program.functions.filter((row) => row.linkage === 'global').map((row) => row.pc) : [],
  );
  // Global functions are walked on their own, as Linux does. So is everything that may recurse without bound.
  const alone = rules.verify ? globals : new Set(subprograms.map(({ start }) => start));
  const { entry, leaders } = findConstants(slots, maps, subprograms, (start) => globals.has(start));
  const ends = endsByStart(slots.length, subprograms);
  const functionAt = new Map(subprograms.map(({ start }, index) => [start, index]));
  const walked = new Uint8Array(slots.length);
  const depths = subprograms.map(() => 0);
  /** Most frames under which each function was walked already. */
  const framesSeen = subprograms.map(() => 0);
  let contextBytes = 0;
  const license = rules.verify ? program.license : null;

  /** One instruction; `local` is what its own basic block says. */
  function check(pc: number, slot: Slot, known: Registers, local: Registers, index: number): Refusal | null {
    const fields = checkFields(slot, pc, { type, constants: rules.verify });
    if (isPacketLoad(slot) && rules.verify && (fields === null || fields.rule === 'register')) {
      const context = checkPacketLoadContext(pc, local[6]);
      if (context !== null) return context;
    }
    if (fields !== null) return fields;
    if (slot.opcode === OPCODE.CALL && slot.src === 0) {
      const helper = checkHelper(slot.imm, pc, type, license);
      if (helper !== null || !rules.verify) return helper;
      for (const offset of stackArguments(slot.imm, known)) deepen(index, offset);
      return slot.imm === HELPER.tail_call ? checkTailCallArguments(pc, local[1], local[2], maps) : null;
    }
    contextBytes = Math.max(contextBytes, contextReach(slot, known));
    const access = rules.verify ? stackAccess(slot, pc, known) : null;
    if (access === null) return null;
    if (access.refusal === null) deepen(index, access.offset);
    return access.refusal;
  }

  function deepen(index: number, offset: number): void {
    depths[index] = Math.max(depths[index]!, Math.ceil(-offset / 8) * 8);
  }

  function walkFunction(index: number, frames: number): Refusal | null {
    if (framesSeen[index]! >= frames) return null;
    framesSeen[index] = frames;
    const start = subprograms[index]!.start;
    const seen = new Set<number>();
    const pending = [start];
    for (let leader = pending.pop(); leader !== undefined; leader = pending.pop()) {
      const known = entry.get(leader);
      if (seen.has(leader) || known === undefined) continue;
      seen.add(leader);
      let refusal: Refusal | null = null;
      const local = unknownRegisters();
      const { next } = walkBlock(slots, maps, leaders, leader, ends[leader]!, known.slice(), (pc, slot, registers) => {
        walked[pc] = 1;
        refusal = check(pc, slot, registers, local, index);
        if (refusal === null && isFunctionCall(slot)) refusal = enter(pc, slot, frames);
        transfer(local, slot, isLoadImm64(slot) ? slots[pc + 1] : undefined, maps);
        return refusal === null;
      });
      if (refusal !== null) return refusal;
      pending.push(...next.toReversed());
    }
    return null;
  }

  function enter(pc: number, slot: Slot, frames: number): Refusal | null {
    const start = pc + 1 + slot.imm;
    if (alone.has(start)) return null;
    if (frames >= MAX_CALL_FRAMES) {
      return { rule: 'call_depth', pc, message: `the call stack of ${frames + 1} frames is too deep` };
    }
    return walkFunction(functionAt.get(start)!, frames + 1);
  }

  let refusal = walkFunction(0, 1);
  for (const [index, { start }] of subprograms.entries()) {
    if (refusal === null && alone.has(start) && entry.has(start)) refusal = walkFunction(index, 1);
  }
  return { refusal, walked, depths, contextBytes };
}

/** One past the highest byte of the context that this load reads; 0 for other instructions. */
function contextReach(slot: Slot, registers: Registers): number {
  const row = OPCODES[slot.opcode];
  if (row?.kind !== 'load' || registers[slot.src]?.kind !== 'context') return 0;
  return slot.offset + row.size;
}
