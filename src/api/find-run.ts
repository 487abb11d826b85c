/** Runs by their id, for the routes under /v1/runs/{id} and for subscriptions of the trace socket. */

import type { FinishedRun } from '../contract/finished-run.ts';
import { limitVariable } from '../contract/limits.ts';
import type { Problem } from '../contract/problem.ts';
import type { ReplayAnswer, ReplaySource } from '../contract/task.ts';
import type { KeptRun, KeptRuns, RunReference } from '../store/kept-runs.ts';
import type { RunEnd } from '../store/stored-end.ts';
import { ProblemError } from './problem-error.ts';

/** The id in the path; one that is no UUID is the id of no run. */
const RUN_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const UNKNOWN: Problem = { code: 'not_found', detail: 'There is no run with this id.' };
const GONE: Problem = {
  code: 'trace_gone',
  detail: 'This run is no longer kept: newer ones needed its room (limit maxReplayBytes). Run it again.',
  limit: 'maxReplayBytes',
};

const TOO_LARGE: Problem = {
  code: 'trace_gone',
  detail:
    'This run is larger than all that is kept of runs, so it was not kept, and running it again does not help: ' +
    `raise ${limitVariable('maxReplayBytes')} (limit maxReplayBytes).`,
  limit: 'maxReplayBytes',
};

type FoundRun = Extract<KeptRun, { state: 'running' | 'finished' | 'refused' }>;

function found(kept: KeptRun): FoundRun {
  if (kept.state === 'gone') throw new ProblemError(kept.tooLarge ? TOO_LARGE : GONE);
  if (kept.state === 'unknown') throw new ProblemError(UNKNOWN);
  return kept;
}

/**
 * A run that is running or has ended, wherever it is kept.
 * @throws ProblemError not_found, trace_gone
 */
export async function lookUpRun(runs: KeptRuns, reference: RunReference): Promise<FoundRun> {
  return found(RUN_ID.test(reference.id) ? await runs.find(reference) : { state: 'unknown' });
}

/**
 * The same for a run that is running, or that was looked up before.
 * @throws ProblemError not_found, trace_gone, and the problem that a run ended with
 */
export function findRun(runs: KeptRuns, reference: RunReference): Exclude<FoundRun, { state: 'refused' }> {
  const kept = found(RUN_ID.test(reference.id) ? runs.get(reference) : { state: 'unknown' });
  if (kept.state === 'refused') throw new ProblemError(kept.problem);
  return kept;
}

/**
 * The run when it has ended; null when `stop` came first.
 * @throws ProblemError not_found, trace_gone, and the problem that a run ended with
 */
export async function finishedRun(
  runs: KeptRuns,
  reference: RunReference,
  stop: AbortSignal,
): Promise<FinishedRun | null> {
  const kept = await lookUpRun(runs, reference);
  if (kept.state === 'finished') return kept.run;
  const end = kept.state === 'refused' ? ({ kind: 'problem', ...kept } as const) : await endOrStop(kept.ended, stop);
  if (end?.kind === 'problem') throw new ProblemError(end.problem);
  return end?.run ?? null;
}

async function endOrStop(ended: Promise<RunEnd>, stop: AbortSignal): Promise<RunEnd | null> {
  if (stop.aborted) return null;
  const { promise: stopped, resolve } = Promise.withResolvers<null>();
  const listener = (): void => resolve(null);
  stop.addEventListener('abort', listener, { once: true });
  try {
    return await Promise.race([ended, stopped]);
  } finally {
    stop.removeEventListener('abort', listener);
  }
}

/**
 * What makes the run's steps again; null: it has none, since it did not begin.
 * @throws ProblemError bad_request for a run that cannot be made again
 */
export function sourceOf({ result, source }: FinishedRun): ReplaySource | null {
  if (source !== null || result.counters.instructions === '0') return source;
  const detail = 'This run saw more live changes of its prog arrays than are kept; its steps cannot be made again.';
  throw new ProblemError({ code: 'bad_request', detail });
}

/**
 * The same, for what needs a step at least.
 * @throws ProblemError bad_request that says why there is none
 */
export function sourceWithSteps(run: FinishedRun): ReplaySource {
  const source = sourceOf(run);
  if (source !== null) return source;
  const { outcome, rejection } = run.result;
  const why =
    rejection === null ? `it ended as ${outcome.code} before it began` : `it was refused: ${rejection.message}`;
  throw new ProblemError({ code: 'bad_request', detail: `This run has no steps and no states: ${why}` });
}

/** What a replay ends with that the drain stopped, or whose client has left and hears nothing of it. */
export function stoppedReplay(): ProblemError {
  return new ProblemError({ code: 'draining', detail: 'The replay was stopped: the server is shutting down.' });
}

type Answered<Kind extends ReplayAnswer['kind']> = Extract<ReplayAnswer, { kind: Kind }>;

/**
 * The answer of a replay, which must be of this kind.
 * @throws ProblemError the problem that it was answered with; draining when it was stopped
 */
export function replayed<Kind extends 'window' | 'found' | 'streamed'>(
  kind: Kind,
  answer: ReplayAnswer,
): Answered<Kind> {
  if (answer.kind === 'problem') throw new ProblemError(answer.problem);
  if (answer.kind === 'cancelled') throw stoppedReplay();
  if (answer.kind !== kind) throw new Error(`a replay was answered with ${answer.kind} in place of ${kind}`);
  return answer as Answered<Kind>;
}
