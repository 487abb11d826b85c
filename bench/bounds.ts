/**
 * Ratios that the short slice asserts. They lie far above what is measured (see each row), since a shared machine may be slow in one column
 * and not in the other; what they catch is the loss of a whole class: a call out of Wasm on a hot path, a check that is no longer left
 * out, code that V8 does not optimise any more.
 */

import { type RunTimes, summary } from './run-time.ts';

interface Bound {
  readonly what: string;
  /** NaN where a column is missing. */
  readonly ratio: (times: RunTimes) => number;
  readonly most: number;
}

function rowRatio(times: RunTimes, name: string, column: 'checks', base: 'kernel' | 'unchecked'): number {
  const found = times.rows.find(({ row }) => row.name === name)?.minimum;
  return (found?.[column] ?? Number.NaN) / (found?.[base] ?? Number.NaN);
}

export const BOUNDS: readonly Bound[] = [
  // Measured 1.3 to 1.4; the target is 1.5.
  {
    what: 'checks / kernel, geometric mean',
    ratio: (times) => summary(times, 'checks', 'kernel')?.mean ?? Number.NaN,
    most: 2.5,
  },
  // Measured 1.0 to 1.1; the target is 1.2.
  {
    what: 'no checks / kernel, geometric mean',
    ratio: (times) => summary(times, 'unchecked', 'kernel')?.mean ?? Number.NaN,
    most: 2,
  },
  // Measured 1.6 to 1.8. Needs no kernel.
  {
    what: 'checks / wasm32, geometric mean',
    ratio: (times) => summary(times, 'checks', 'wasm')?.mean ?? Number.NaN,
    most: 4,
  },
  // Measured 0.6 to 0.9, on a loaded machine up to 1.8: Linux jumps through a retpoline. Without mitigations it is faster.
  {
    what: 'checks / kernel, 33 hops with a variable index',
    ratio: (times) => rowRatio(times, '33 hops, variable index', 'checks', 'kernel'),
    most: 3,
  },
];

/** Lines of a report, and whether every bound that can be judged here holds. */
export function judge(times: RunTimes): { readonly text: string; readonly holds: boolean } {
  const judged = BOUNDS.map(({ what, ratio, most }) => ({ what, value: ratio(times), most }));
  const line = ({ what, value, most }: (typeof judged)[number]) => {
    if (Number.isNaN(value)) return `skipped: ${what}: no such column here`;
    return `${value <= most ? 'ok' : 'NOT OK'}: ${what}: ${value.toFixed(2)}, bound ${most}`;
  };
  return {
    text: judged.map(line).join('\n'),
    holds: judged.every(({ value, most }) => Number.isNaN(value) || value <= most),
  };
}
