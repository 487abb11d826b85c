/** A run that has ended, with what makes its steps again, and its form as bytes (structured clone): what is kept, and what is stored. */

import { deserialize, serialize } from 'node:v8';
import type { RunResult } from './result.ts';
import type { RunSpec } from './run-spec.ts';
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

export function bytesOfRun(run: FinishedRun): Uint8Array {
  // A copy of the exact size: the serialiser's own buffer may be twice as large.
  return new Uint8Array(serialize(run));
}

/** Byte arrays in the answer are views of `bytes`: they must be neither written nor transferred. */
export function runOfBytes(bytes: Uint8Array): FinishedRun {
  return deserialize(bytes) as FinishedRun;
}
