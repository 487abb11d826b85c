/** How a run ended, and the form in which the store has it: the result or problem as JSON, what makes its steps again as bytes. */

import { deserialize, serialize } from 'node:v8';
import type { FinishedRun } from '../contract/finished-run.ts';
import type { Problem } from '../contract/problem.ts';
import type { RunResult } from '../contract/result.ts';
import type { RunEnding } from './store.ts';

/** How a run ended. A synchronous one that ended with a problem has no result, and is not kept. */
export type RunEnd =
  | { readonly kind: 'finished'; readonly run: FinishedRun }
  | { readonly kind: 'problem'; readonly problem: Problem };

type EndText = { readonly result: RunResult } | { readonly problem: Problem };

/** What the store is given. */
export function storedFormOf(end: RunEnd): Pick<RunEnding, 'result' | 'replay'> {
  const write = (text: EndText): string => JSON.stringify(text);
  if (end.kind === 'problem') return { result: write({ problem: end.problem }), replay: null };
  const { result, started, source } = end.run;
  return {
    result: write({ result }),
    replay: started === null && source === null ? null : new Uint8Array(serialize({ started, source })),
  };
}

/** What the store gave back. Byte arrays in it are views of `replay`. */
export function endOfStored({ result: text, replay }: Pick<RunEnding, 'result' | 'replay'>): RunEnd {
  const end = JSON.parse(text) as EndText;
  if ('problem' in end) return { kind: 'problem', problem: end.problem };
  const { started, source } =
    replay === null
      ? { started: null, source: null }
      : (deserialize(replay) as Pick<FinishedRun, 'started' | 'source'>);
  return { kind: 'finished', run: { result: end.result, started, source } };
}
