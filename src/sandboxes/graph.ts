/** Which program can jump where: programs, prog arrays, slots and possible tail calls of a sandbox, with what nothing can reach. */

import type { GraphDocument } from '../contract/sandbox.ts';
import type { Sandbox } from './sandbox.ts';

export function graphOf({
  programs,
  maps,
  progArrays,
}: Pick<Sandbox, 'programs' | 'maps' | 'progArrays'>): GraphDocument {
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
