/** What constants say at the start of each basic block: a fixpoint over the whole program that leaves out branches decided by constants. */

import { OPCODE } from '../isa/opcodes.ts';
import type { MapSpec } from '../spec/object.ts';
import { isConditional, isFunctionCall, isGoto, isLoadImm64, jumpTarget, type Slot } from './slots.ts';
import type { Subprogram } from './subprograms.ts';
import { decideBranch, meet, type Registers, transfer, unknownRegisters } from './values.ts';

/** How a basic block ends. */
export interface BlockEnd {
  /** Slots of the blocks that may follow, the one that Linux walks first in front. */
  readonly next: readonly number[];
}

export interface ConstantFlow {
  /** Registers by the first slot of each block that can be reached. */
  readonly entry: ReadonlyMap<number, Registers>;
  /** First slots of blocks. */
  readonly leaders: ReadonlySet<number>;
}

/** First slots of basic blocks: function starts, jump targets, and what follows a jump. */
function findLeaders(slots: readonly Slot[], subprograms: readonly Subprogram[]): Set<number> {
  const leaders = new Set(subprograms.map(({ start }) => start));
  for (const [pc, slot] of slots.entries()) {
    if (isGoto(slot)) leaders.add(jumpTarget(slot, pc));
    if (isConditional(slot)) leaders.add(jumpTarget(slot, pc)).add(pc + 1);
  }
  return leaders;
}

/**
 * Walk one block from its first slot with what is known there.
 * @param registers changed in place
 * @param end one past the function's last slot
 * @param visit is called before each instruction with what is known there; false stops the walk
 */
export function walkBlock(
  slots: readonly Slot[],
  maps: readonly MapSpec[],
  leaders: ReadonlySet<number>,
  start: number,
  end: number,
  registers: Registers,
  visit: (pc: number, slot: Slot, registers: Registers) => boolean,
): BlockEnd {
  for (let pc = start; pc < end; ) {
    const slot = slots[pc]!;
    if (!visit(pc, slot, registers)) return { next: [] };
    if (slot.opcode === OPCODE.EXIT) return { next: [] };
    if (isGoto(slot)) return { next: [jumpTarget(slot, pc)] };
    if (isConditional(slot)) {
      const taken = decideBranch(registers, slot);
      const target = jumpTarget(slot, pc);
      const next = taken === undefined ? [pc + 1, target] : [taken ? target : pc + 1];
      return { next: next.filter((leader) => leader < end) };
    }
    transfer(registers, slot, slots[pc + 1], maps);
    pc += isLoadImm64(slot) ? 2 : 1;
    if (leaders.has(pc)) return { next: pc < end ? [pc] : [] };
  }
  return { next: [] };
}

/**
 * @param isGlobal is the function at this slot verified on its own, whatever its callers pass?
 */
export function findConstants(
  slots: readonly Slot[],
  maps: readonly MapSpec[],
  subprograms: readonly Subprogram[],
  isGlobal: (start: number) => boolean,
): ConstantFlow {
  const leaders = findLeaders(slots, subprograms);
  const entry = new Map<number, Registers>();
  const pending: number[] = [];
  const reach = (leader: number, registers: Registers) => {
    const known = entry.get(leader);
    if (known === undefined) entry.set(leader, registers.slice());
    else if (!meet(known, registers)) return;
    pending.push(leader);
  };
  const ends = endsByStart(slots.length, subprograms);

  const start = unknownRegisters();
  start[1] = { kind: 'context' };
  reach(0, start);
  for (let leader = pending.pop(); leader !== undefined; leader = pending.pop()) {
    const { next } = walkBlockOf(leader);
    for (const [follower, registers] of next) reach(follower, registers);
  }
  return { entry, leaders };

  function walkBlockOf(leader: number): { next: [number, Registers][] } {
    const registers = entry.get(leader)!.slice();
    const { next } = walkBlock(slots, maps, leaders, leader, ends[leader]!, registers, (pc, slot, known) => {
      if (isFunctionCall(slot)) {
        const callee = pc + 1 + slot.imm;
        reach(callee, isGlobal(callee) ? unknownRegisters() : argumentsOf(known));
      }
      return true;
    });
    return { next: next.map((follower) => [follower, registers]) };
  }
}

/** What a callee knows: r1 to r5 as its caller has them, but the caller's frame is not its own. */
function argumentsOf(known: Registers): Registers {
  const registers = unknownRegisters();
  for (let register = 1; register <= 5; register++) {
    const value = known[register];
    registers[register] = value?.kind === 'frame' ? undefined : value;
  }
  return registers;
}

/** One past the last slot of the function that a slot belongs to. */
export function endsByStart(length: number, subprograms: readonly Subprogram[]): Int32Array {
  const ends = new Int32Array(length);
  for (const { start, end } of subprograms) ends.fill(end, start, end);
  return ends;
}
