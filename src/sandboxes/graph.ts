/** Which program can jump where: programs, prog arrays, slots and possible tail calls of a sandbox, with what nothing can reach. */

import type { GraphDocument } from '../contract/sandbox.ts';
import type { TailCallSite } from '../contract/sandbox-task.ts';
import type { Sandbox } from './sandbox.ts';

type Shown = Pick<Sandbox, 'programs' | 'maps' | 'progArrays'>;

/** Rows that the graph of a sandbox has: filled slots, and tail calls. */
export function graphRows({ programs, maps, progArrays }: Shown): number {
  const calls = programs.reduce((sum, { tailCalls }) => sum + tailCalls.length, 0);
  return maps.reduce((sum, { type }, map) => sum + (type === 'prog_array' ? progArrays.filled(map) : 0), calls);
}

/** The graph as the slots are now; its time grows with its rows, and with programs for each call whose index is not known. */
export function graphOf({ programs, maps, progArrays }: Shown): GraphDocument {
  const nameOf = (program: number): string => programs[program]!.name;
  const arrays = maps.flatMap((map, number) => (map.type === 'prog_array' ? [{ number, ...map }] : []));
  const slotsOf = new Map(arrays.map(({ number }) => [number, progArrays.slots(number)]));
  const contents = new Map([...slotsOf].map(([map, slots]) => [map, new Map(slots)]));
  const targets = new Map([...slotsOf].map(([map, slots]) => [map, [...new Set(slots.map(([, program]) => program))]]));
  const anywhere = [...new Set([...targets.values()].flat())];
  const taken = new TakenSlots();

  const targetsOf = ({ map, index }: TailCallSite): readonly number[] => {
    if (index === null) return map === null ? anywhere : (targets.get(map) ?? []);
    const holders = map === null ? [...contents.values()] : [contents.get(map)];
    return [...new Set(holders.map((slots) => slots?.get(index)).filter((one) => one !== undefined))];
  };

  const reached = new Set<number>();
  const edges = programs.flatMap(({ name, tailCalls }, from) =>
    tailCalls.map((site) => {
      const to = targetsOf(site);
      taken.add(site);
      for (const program of to) if (program !== from) reached.add(program);
      const map = site.map === null ? null : maps[site.map]!.name;
      return { from: name, pc: site.pc, map, index: site.index, to: to.map(nameOf) };
    }),
  );
  const slots = arrays.flatMap(({ number, name }) =>
    slotsOf.get(number)!.map(([index, program]) => ({
      map: name,
      index,
      program: nameOf(program),
      dead: !taken.has(number, index),
    })),
  );
  const inSlot = new Set(anywhere);
  return {
    programs: programs.map(({ name, type, tailCalls }, number) => ({
      name,
      type,
      inSlot: inSlot.has(number),
      tailCalls: tailCalls.length,
    })),
    progArrays: arrays.map(({ number, name, maxEntries }) => ({
      name,
      maxEntries,
      generation: progArrays.generation(number),
    })),
    slots,
    edges,
    unreachable: programs.flatMap(({ name }, number) => (reached.has(number) ? [] : [name])),
  };
}

/** Which slots some tail call can take. */
class TakenSlots {
  readonly #slots = new Set<string>();
  readonly #indexes = new Set<number>();
  readonly #maps = new Set<number>();
  #all = false;

  add({ map, index }: TailCallSite): void {
    if (map !== null && index !== null) this.#slots.add(`${map} ${index}`);
    else if (map !== null) this.#maps.add(map);
    else if (index !== null) this.#indexes.add(index);
    else this.#all = true;
  }

  has(map: number, index: number): boolean {
    return this.#all || this.#maps.has(map) || this.#indexes.has(index) || this.#slots.has(`${map} ${index}`);
  }
}
