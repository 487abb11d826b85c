/** A run that has ended, with what makes its steps again, and the form in which it is kept. */

import type { RunResult } from './result.ts';
import type { RunSpec } from './run-spec.ts';
import type { SandboxState } from './sandbox-task.ts';
import type { ReplaySource, StartedFacts, TaskAnswer } from './task.ts';

/** A run that has ended with a result. */
export interface FinishedRun {
  readonly result: RunResult;
  /** null: the run did not begin. */
  readonly started: StartedFacts | null;
  /** What makes its steps again; null: it did not begin, or cannot be made again. */
  readonly source: ReplaySource | null;
}

/** The run as a whole, from what was asked and what a thread answered. */
export function finishedRunOf(
  spec: RunSpec,
  { result, replay }: Pick<Extract<TaskAnswer, { kind: 'result' }>, 'result' | 'replay'>,
): FinishedRun {
  if (replay === null) return { result, started: null, source: null };
  const { programs, maps, ...rest } = replay;
  return { result, started: { programs, maps }, source: { spec, ...rest } };
}

/**
 * A run as it is kept in memory: two texts, so that a collection of many thousand runs has little to visit, and what was asked as it is, since
 * its byte arrays are what takes longest to write in any other form.
 */
export interface KeptForm {
  /** JSON. */
  readonly result: string;
  /** JSON of what else the run has left. */
  readonly rest: string;
  /** null: nothing makes it again. */
  readonly spec: RunSpec | null;
  readonly sandbox: SandboxState | null;
}

interface Rest {
  readonly started: StartedFacts | null;
  /** null: it cannot be made again. */
  readonly again: Pick<ReplaySource, 'slotLog' | 'steps'> | null;
}

/** What a run thread tells of a run beside its result. */
export function restOf(replay: Extract<TaskAnswer, { kind: 'result' }>['replay']): string {
  if (replay === null) return NO_REST;
  const { programs, maps, slotLog, steps } = replay;
  return JSON.stringify({ started: { programs, maps }, again: { slotLog, steps } } satisfies Rest);
}

/** Of a run that did not begin. */
export const NO_REST = JSON.stringify({ started: null, again: null } satisfies Rest);

export function formOfRun({ result, started, source }: FinishedRun): KeptForm {
  const again = source === null ? null : { slotLog: source.slotLog, steps: source.steps };
  const rest = JSON.stringify({ started, again } satisfies Rest);
  return { result: JSON.stringify(result), rest, spec: source?.spec ?? null, sandbox: source?.sandbox ?? null };
}

/** The spec and the sandbox in the answer are those of the form: they must be neither written nor transferred. */
export function runOfForm({ result: text, rest, spec, sandbox }: KeptForm): FinishedRun {
  const result = JSON.parse(text) as RunResult;
  const { started, again } = JSON.parse(rest) as Rest;
  if (again === null || spec === null) return { result, started, source: null };
  return { result, started, source: { spec, ...again, ...(sandbox === null ? {} : { sandbox }) } };
}
