/** Where a program calls bpf_tail_call, and what constants say of the prog array and the index there. */

import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import { endsByStart, findConstants, walkBlock } from './constant-flow.ts';
import { isTailCall, readSlots } from './slots.ts';
import { findSubprograms } from './subprograms.ts';
import type { Registers } from './values.ts';

export interface TailCallSite {
  readonly pc: number;
  /** Index of the prog array among the program's maps; null: it is not the same one on every path. */
  readonly map: number | null;
  /** What r3 holds there, as the u32 that the call reads; null: it depends on the run. */
  readonly index: number | null;
}

/**
 * The tail calls that a run can reach, by ascending slot.
 * @param program one that passed at least `verifyRunnable`: its jumps and calls lead to instructions
 * @param maps what the map indexes in its lddw instructions mean
 */
export function findTailCallSites(program: ProgramSpec, maps: readonly MapSpec[]): TailCallSite[] {
  const slots = readSlots(program.code);
  if (!slots.some(isTailCall)) return [];
  const subprograms = findSubprograms(slots);
  const globals = new Set(program.functions.filter(({ linkage }) => linkage === 'global').map(({ pc }) => pc));
  const { entry, leaders } = findConstants(slots, maps, subprograms, (start) => globals.has(start));
  const ends = endsByStart(slots.length, subprograms);
  const sites: TailCallSite[] = [];
  for (const [start, registers] of entry) {
    walkBlock(slots, maps, leaders, start, ends[start]!, registers.slice(), (pc, slot, known) => {
      if (isTailCall(slot)) sites.push(siteOf(pc, known));
      return true;
    });
  }
  return sites.sort((left, right) => left.pc - right.pc);
}

function siteOf(pc: number, known: Registers): TailCallSite {
  const [, , map, index] = known;
  return {
    pc,
    map: map?.kind === 'map' ? map.index : null,
    index: index?.kind === 'constant' ? Number(BigInt.asUintN(32, index.value)) : null,
  };
}
