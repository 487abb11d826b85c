/** `runTo`: the step at which something happens, found while a replay goes by. */

import { TRACE } from '../contract/memory.ts';
import type { Region } from '../contract/place.ts';
import { TAIL_CALL_TARGET } from '../contract/step-facts.ts';
import type { ReplayWork, Until } from '../contract/task.ts';
import type { StepPatch, StepSink } from '../vm/trace-ring.ts';
import { ProblemFound } from './refused.ts';
import type { Replaying } from './replay.ts';
import { readHead } from './step-reader.ts';

/** Thrown when a search forwards has its step; caught where the replay was started. */
export class SearchStop {
  readonly step: number;

  constructor(step: number) {
    this.step = step;
  }
}

type Holds = (at: number) => boolean;

export class StepSearch implements StepSink {
  readonly #replaying: Replaying;
  readonly #from: number;
  readonly #back: boolean;
  readonly #holds: Holds;
  readonly #map: number;
  readonly #region: Region | undefined;
  /** Steps whose patches wrote to the map. */
  readonly #patched = new Set<number>();
  #found: number | null = null;

  /** @throws ProblemFound for a program or map that the run does not have */
  constructor(replaying: Replaying, { from, until, back }: Extract<ReplayWork, { kind: 'find' }>) {
    this.#replaying = replaying;
    this.#from = from;
    this.#back = back;
    const { names } = replaying.code;
    this.#map = 'mapWrite' in until ? indexOf(names.maps, until.mapWrite, 'map', '/until/mapWrite') : -1;
    this.#region = names.regions.find((region) => region.kind === 'map' && region.name === names.maps[this.#map]);
    this.#holds = this.#condition(until);
  }

  /** The step that was found; null: it never holds. */
  get found(): number | null {
    return this.#found;
  }

  #condition(until: Until): Holds {
    const { memory, code } = this.#replaying;
    if ('program' in until) {
      const program = indexOf(code.names.programs, until.program, 'program', '/until/program');
      return (at) => {
        const head = readHead(memory, at);
        return head.program === program && head.pc === until.pc;
      };
    }
    if ('tailCall' in until) {
      const miss = until.tailCall === 'miss';
      return (at) => {
        const { program, pc, cut } = readHead(memory, at);
        if (cut || code.shape(program, pc).dst !== TAIL_CALL_TARGET) return false;
        return (memory.words[(at + TRACE.VALUE) >>> 2] === 0) === miss;
      };
    }
    return (at) => this.#writesMap(at);
  }

  #writesMap(at: number): boolean {
    const { memory, code } = this.#replaying;
    const { program, pc, cut } = readHead(memory, at);
    if (cut || !code.shape(program, pc).writes) return false;
    return this.#isInMap(memory.words[(at + TRACE.ADDRESS) >>> 2]!);
  }

  #isInMap(address: number): boolean {
    const region = this.#region;
    return region !== undefined && address >= region.start && address < region.end;
  }

  patch(patch: StepPatch): void {
    if (this.#map < 0 || patch.step < 0) return;
    if ('address' in patch ? this.#isInMap(patch.address) : patch.map === this.#map) this.#patched.add(patch.step);
  }

  records(first: number, address: number, count: number): void {
    for (let index = 0; index < count; index++) {
      const step = first + index;
      const holds = this.#holds(address + index * TRACE.RECORD_BYTES) || this.#patched.delete(step);
      if (!holds || (!this.#back && step < this.#from) || (this.#back && step > this.#from)) continue;
      this.#found = step;
      if (!this.#back) throw new SearchStop(step);
    }
  }
}

function indexOf(names: readonly string[], name: string, what: string, pointer: string): number {
  const index = names.indexOf(name);
  if (index >= 0) return index;
  const detail = `there is no ${what} '${name}' in this run; there are: ${names.join(', ') || 'none'}`;
  throw new ProblemFound('bad_reference', pointer, detail);
}
