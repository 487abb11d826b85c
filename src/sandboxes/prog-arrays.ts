/**
 * The prog arrays of a sandbox. This thread is the only one that changes their slots, so it knows their contents, their owners and how often
 * they have changed; a run that is going on is told by writes to its memory.
 */

import type { MapFacts, ProgArrayState, ProgramFacts, SlotAddresses } from '../contract/sandbox-task.ts';
import type { ErrnoName } from '../spec/errno.ts';
import { MAP_FLAGS } from '../spec/maps.ts';
import { type ProgArray, progArrayDelete, progArrayLookup, progArrayUpdate } from '../spec/prog-array.ts';
import { type ProgArrayOwner, progArrayCompatible, progArrayOwner } from '../spec/prog-array-owner.ts';
import { LiveSlots, type SlotChange } from './live-slots.ts';

interface KnownArray extends ProgArray {
  owner: ProgArrayOwner | null;
  generation: number;
  readonly slots: Map<number, number>;
}

/** A refused change: Linux's errno, and the slot that it is about. */
export interface SlotRefusal {
  readonly errno: ErrnoName;
  readonly index: number;
}

/** Where a run stands with the slots: not there, on its way with a copy of them, or seeing every change. */
type Attachment =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'starting';
      /** Changes that its copy does not have, by map. */
      readonly missed: Map<number, { readonly changes: SlotChange[]; generations: number }>;
      readonly settled: PromiseWithResolvers<void>;
    }
  | { readonly kind: 'live'; readonly slots: LiveSlots };

export class ProgArrays {
  readonly #arrays: ReadonlyMap<number, KnownArray>;
  #attachment: Attachment = { kind: 'none' };

  /** @param programs bind the arrays that their code refers to, and those that hold them */
  constructor(maps: readonly MapFacts[], programs: readonly ProgramFacts[], states: readonly ProgArrayState[]) {
    this.#arrays = new Map(
      states.map(({ map, generation, slots, owner }) => {
        const { maxEntries, flags, frozen } = maps[map]!;
        const numbers = new Map(slots.map(([index, slot]) => [index, slot - 1]));
        return [map, { maxEntries, flags, frozen, owner, generation, slots: numbers }];
      }),
    );
    for (const program of programs) this.bind(program);
    for (const array of this.#arrays.values()) {
      for (const number of array.slots.values()) array.owner ??= progArrayOwner(programs[number]!);
    }
  }

  /** Binds the arrays that a program's code refers to; false, and nothing bound, when one belongs to programs of another kind (EINVAL at load). */
  bind(program: ProgramFacts): boolean {
    const arrays = program.maps.map((map) => this.#arrays.get(map)).filter((array) => array !== undefined);
    if (arrays.some(({ owner }) => owner !== null && !progArrayCompatible(owner, program))) return false;
    for (const array of arrays) array.owner ??= progArrayOwner(program);
    return true;
  }

  #array(map: number): KnownArray {
    const array = this.#arrays.get(map);
    if (array === undefined) throw new Error(`map ${map} is no prog array`);
    return array;
  }

  owner(map: number): ProgArrayOwner | null {
    return this.#array(map).owner;
  }

  /** Completed changes. */
  generation(map: number): number {
    return this.#array(map).generation;
  }

  /** Number of filled slots. */
  filled(map: number): number {
    return this.#array(map).slots.size;
  }

  /** May user space read it (BPF_F_WRONLY forbids)? */
  isReadable(map: number): boolean {
    return (this.#array(map).flags & MAP_FLAGS.wronly) === 0;
  }

  /** Filled slots by ascending index: index, program number. */
  slots(map: number): readonly (readonly [number, number])[] {
    return [...this.#array(map).slots].sort(([left], [right]) => left - right);
  }

  /** The program's number in a slot. */
  lookup(map: number, index: number): ReturnType<typeof progArrayLookup> {
    return progArrayLookup(this.#array(map), index);
  }

  /** BPF_MAP_DELETE_ELEM. */
  delete(map: number, index: number): SlotRefusal | null {
    const { errno } = progArrayDelete(this.#array(map), index);
    if (errno !== null) return { errno, index };
    this.#write(map, [[index, 0]]);
    return null;
  }

  /**
   * Fills and empties slots, all between the same two tail calls, or none when one is refused. Emptying an empty slot is no change.
   * @param changes slot index to a program with its number, or null
   */
  change(
    map: number,
    changes: ReadonlyMap<number, (ProgramFacts & { readonly number: number }) | null>,
    flags?: number,
  ): SlotRefusal | null {
    const array = this.#array(map);
    let { owner } = array;
    const written: SlotChange[] = [];
    for (const [index, program] of changes) {
      if (program === null) {
        const { errno } = progArrayDelete(array, index);
        if (errno !== null && errno !== 'ENOENT') return { errno, index };
        if (errno === null) written.push([index, 0]);
        continue;
      }
      const answer = progArrayUpdate({ ...array, owner }, index, program, flags);
      if (answer.errno !== null) return { errno: answer.errno, index };
      owner = answer.owner;
      written.push([index, program.number + 1]);
    }
    array.owner = owner;
    if (written.length > 0) this.#write(map, written);
    return null;
  }

  #write(map: number, changes: readonly SlotChange[]): void {
    const array = this.#array(map);
    array.generation += 1;
    for (const [index, slot] of changes) {
      if (slot === 0) array.slots.delete(index);
      else array.slots.set(index, slot - 1);
    }
    const attachment = this.#attachment;
    if (attachment.kind === 'live') attachment.slots.write(map, changes);
    if (attachment.kind !== 'starting') return;
    const missed = attachment.missed.get(map) ?? { changes: [], generations: 0 };
    missed.changes.push(...changes);
    missed.generations += 1;
    attachment.missed.set(map, missed);
  }

  /** The arrays for a run, a fork, a snapshot. */
  state(): ProgArrayState[] {
    return [...this.#arrays].map(([map, { generation, slots, owner }]) => ({
      map,
      generation,
      owner,
      slots: [...slots].map(([index, number]) => [index, number + 1] as const),
    }));
  }

  /** A run takes `state()` along. */
  start(): void {
    this.#attachment = { kind: 'starting', missed: new Map(), settled: Promise.withResolvers() };
  }

  /** The run's memory is known: what it has missed is written, and every further change too. */
  attach(memory: SharedArrayBuffer, progArrays: readonly SlotAddresses[]): void {
    const attachment = this.#attachment;
    if (attachment.kind !== 'starting') throw new Error(`a run attached to slots that are ${attachment.kind}`);
    const slots = new LiveSlots(memory, progArrays);
    for (const [map, { changes, generations }] of attachment.missed) slots.write(map, changes, generations);
    this.#attachment = { kind: 'live', slots };
    attachment.settled.resolve();
  }

  /** The run has ended: its memory belongs to others. */
  detach(): void {
    const attachment = this.#attachment;
    this.#attachment = { kind: 'none' };
    if (attachment.kind === 'starting') attachment.settled.resolve();
  }

  /** Resolves when every change so far is where a run that is going on reads it. */
  async stored(): Promise<void> {
    if (this.#attachment.kind === 'starting') await this.#attachment.settled.promise;
  }
}
