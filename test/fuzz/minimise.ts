/** Makes a failing run small: drops instructions while it still fails. */

import type { GeneratedRun } from './generator.ts';
import type { Item } from './program.ts';

/** Runs tried at most. */
export const MAX_MINIMISING_RUNS = 5_000;

/**
 * @param fails whether a run still shows the difference
 * @returns the smallest failing run found; labels stay, since they cost nothing
 */
export function minimise(run: GeneratedRun, fails: (run: GeneratedRun) => boolean): GeneratedRun {
  let smallest = run;
  let tries = 0;
  const attempt = (candidate: GeneratedRun): boolean => {
    tries++;
    if (tries > MAX_MINIMISING_RUNS || !fails(candidate)) return false;
    smallest = candidate;
    return true;
  };
  for (let changed = true; changed && tries <= MAX_MINIMISING_RUNS; ) {
    changed = false;
    for (let program = 0; program < smallest.programs.length; program++) {
      for (let size = 32; size > 0; size >>= 1) {
        for (let at = 0; at < smallest.programs[program]!.length; at += size) {
          const shorter = dropped(smallest, program, at, size);
          if (shorter !== undefined && attempt(shorter)) {
            changed = true;
            at -= size;
          }
        }
      }
    }
  }
  return smallest;
}

/** The run without the instructions among `size` items; undefined when there are none, or none would be left. */
function dropped(run: GeneratedRun, program: number, at: number, size: number): GeneratedRun | undefined {
  const items = run.programs[program]!;
  const kept = items.filter((item, index) => index < at || index >= at + size || item.kind === 'label');
  const left = (list: readonly Item[]) => list.filter((item) => item.kind === 'instruction').length;
  if (kept.length === items.length || left(kept) === 0) return undefined;
  return { ...run, programs: run.programs.map((one, index) => (index === program ? kept : one)) };
}
