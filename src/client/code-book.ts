/** What a client of the binary encoding has been told of a run's programs and memory, and how it explains facts with it. */

import type { Region } from '../contract/place.ts';
import type { StepRow } from '../contract/step.ts';
import { type CodeRow, explainStep, type StepFacts, type StepNames } from '../contract/step-facts.ts';
import { BatchError } from './varint-reader.ts';

export class CodeBook {
  #names: StepNames;
  /** By program, then by slot. */
  readonly #programs: (CodeRow | undefined)[][];

  /** @param programs, maps names in the order of the `started` message */
  constructor(programs: readonly string[], maps: readonly string[]) {
    this.#names = { programs, maps, regions: [] };
    this.#programs = programs.map(() => []);
  }

  /** Of a `regions` message. */
  setRegions(regions: readonly Region[]): void {
    this.#names = { ...this.#names, regions };
  }

  /** Of a `code` message. @throws BatchError when the run has no such program */
  add(program: number, rows: readonly CodeRow[]): void {
    const known = this.#programs[program];
    if (known === undefined) throw new BatchError(`code: the run has no program ${program}`);
    for (const row of rows) known[row.pc] = row;
  }

  /** The row of a step. @throws BatchError when nothing was told of its instruction */
  explain(facts: StepFacts): StepRow {
    const code = this.#programs[facts.program]?.[facts.pc];
    if (code === undefined) {
      throw new BatchError(`step ${facts.step}: nothing is known of slot ${facts.pc} of program ${facts.program}`);
    }
    return explainStep(this.#names, code, facts);
  }
}
