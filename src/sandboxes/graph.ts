/** Which program can jump where: programs, prog arrays, slots and possible tail calls of a sandbox, with what nothing can reach. */

import type { Sandbox } from './sandbox.ts';

export interface GraphProgram {
  readonly name: string;
  readonly type: string;
  /** No slot holds it: only as the entry of a run can it begin. */
  readonly inSlot: boolean;
  /** Neither in a slot that a tail call can reach, nor able to be a chain's start that leads on: see `unreachable`. */
  readonly tailCalls: number;
}

export interface GraphSlot {
  readonly map: string;
  readonly index: number;
  readonly program: string;
  /** No tail call of any program can take this slot. */
  readonly dead: boolean;
}

export interface GraphEdge {
  readonly from: string;
  readonly pc: number;
  /** null: the array depends on the run. */
  readonly map: string | null;
  /** null: the index depends on the run. */
  readonly index: number | null;
  /** Programs that the call can reach as the slots are now. */
  readonly to: readonly string[];
}

export interface SandboxGraph {
  readonly programs: readonly GraphProgram[];
  readonly progArrays: readonly { readonly name: string; readonly maxEntries: number; readonly generation: number }[];
  readonly slots: readonly GraphSlot[];
  readonly edges: readonly GraphEdge[];
  /** Programs that stand in no slot which a tail call can take, and can only be entries. */
  readonly unreachable: readonly string[];
}

export function graphOf({
  programs,
  maps,
  progArrays,
}: Pick<Sandbox, 'programs' | 'maps' | 'progArrays'>): SandboxGraph {
  const arrays = maps.flatMap((map, number) => (map.type === 'prog_array' ? [{ number, ...map }] : []));
  const filled = arrays.flatMap(({ number, name }) =>
    progArrays.slots(number).map(([index, program]) => ({ map: number, name, index, program })),
  );
  const calls = programs.flatMap((program) => program.tailCalls.map((site) => ({ program, site })));
  const takes = (site: { map: number | null; index: number | null }, slot: { map: number; index: number }): boolean =>
    (site.map === null || site.map === slot.map) && (site.index === null || site.index === slot.index);
  const slots = filled.map((slot) => ({
    map: slot.name,
    index: slot.index,
    program: programs[slot.program]?.name ?? '',
    dead: !calls.some(({ site }) => takes(site, slot)),
  }));
  const edges = calls.map(({ program, site }) => ({
    from: program.name,
    pc: site.pc,
    map: site.map === null ? null : (maps[site.map]?.name ?? null),
    index: site.index,
    to: [...new Set(filled.filter((slot) => takes(site, slot)).map((slot) => programs[slot.program]?.name ?? ''))],
  }));
  const reached = new Set(edges.flatMap(({ to }) => to));
  return {
    programs: programs.map(({ name, type, tailCalls }) => ({
      name,
      type,
      inSlot: slots.some((slot) => slot.program === name),
      tailCalls: tailCalls.length,
    })),
    progArrays: arrays.map(({ number, name, maxEntries }) => ({
      name,
      maxEntries,
      generation: progArrays.generation(number),
    })),
    slots,
    edges,
    unreachable: programs.map(({ name }) => name).filter((name) => !reached.has(name)),
  };
}
