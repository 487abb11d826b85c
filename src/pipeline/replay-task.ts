/** A replay as a task of a run thread: a window of steps with a state, a search, or a stream. */

import { MAX_WINDOW_PATCH_BYTES, type StepState } from '../contract/step.ts';
import { REPLAY_CONTROL, type ReplayAnswer, type ReplayTask, type StepMessage } from '../contract/task.ts';
import type { VmRun } from '../vm/vm.ts';
import { LoadRejected, ProblemFound } from './refused.ts';
import { type Replayed, replayRun, withReplay } from './replay.ts';
import type { Resources } from './resources.ts';
import { SearchStop, StepSearch } from './step-search.ts';
import { StepStream, StreamStop } from './step-stream.ts';

/** A replay did not come to its end in time, or nobody wants it any more. */
class Unfinished {
  readonly code: string;

  constructor(code: string) {
    this.code = code;
  }
}

export function runReplayTask(resources: Resources, task: ReplayTask): ReplayAnswer {
  try {
    return answerOf(resources, task);
  } catch (stop) {
    if (stop instanceof ProblemFound) return { kind: 'problem', problem: stop.problem };
    if (stop instanceof LoadRejected) throw new Error(`a run that has run is refused: ${stop.rejection.message}`);
    if (!(stop instanceof Unfinished)) throw stop;
    if (stop.code === 'cancelled') return { kind: 'cancelled' };
    const detail = `Running again up to this step takes more than ${task.maxReplayMs} ms (limit maxReplayMs).`;
    return { kind: 'problem', problem: { code: 'limit_exceeded', detail, limit: 'maxReplayMs' } };
  } finally {
    task.port?.postMessage({ type: 'end' } satisfies StepMessage);
  }
}

function answerOf(resources: Resources, task: ReplayTask): ReplayAnswer {
  const { work } = task;
  if (work.kind === 'window') return windowOf(resources, task, work);
  if (work.kind === 'find') return foundBy(resources, task, work);
  return streamed(resources, task, work);
}

function replayedOf({ source, limits }: ReplayTask): Replayed {
  return { spec: source.spec, limits, slotLog: source.slotLog, sandbox: source.sandbox, end: source.steps };
}

/** A replay's own clock and cancel; all else is the run's. */
function clockOf({ control, maxReplayMs }: ReplayTask) {
  return {
    deadline: performance.now() + maxReplayMs,
    isCancelled: () => Atomics.load(control, REPLAY_CONTROL.CANCEL) !== 0,
  };
}

/** A replay ends in front of its step, or as the run did; anything else is its own clock or cancel. */
function checkFinished({ source }: ReplayTask, done: VmRun): void {
  if (done.stoppedAt !== undefined || done.instructions >= source.steps) return;
  throw new Unfinished(done.code);
}

type Work<Kind> = Extract<ReplayTask['work'], { kind: Kind }>;

function windowOf(
  resources: Resources,
  task: ReplayTask,
  { from, count, state, maps, elements }: Work<'window'>,
): ReplayAnswer {
  const { steps } = task.source;
  const first = Math.min(from, steps);
  let before: StepState | null = null;
  if (state) {
    const request = {
      ...replayedOf(task),
      from: first,
      count: 0,
      ...(maps === undefined ? {} : { maps }),
      ...(elements === undefined ? {} : { elements }),
    };
    const answer = replayRun(resources, request, clockOf(task));
    checkFinished(task, answer.run);
    before = answer.state;
  }
  const rows = Math.min(count, steps - first);
  if (rows === 0) return { kind: 'window', first, rows: [], next: first < steps ? first : null, state: before };
  const window = { from: first, count: rows, maps: [], patchBytes: MAX_WINDOW_PATCH_BYTES };
  const answer = replayRun(resources, { ...replayedOf(task), ...window }, clockOf(task));
  checkFinished(task, answer.run);
  const next = first + answer.rows.length;
  return { kind: 'window', first, rows: answer.rows, next: next < steps ? next : null, state: before };
}

function foundBy(resources: Resources, task: ReplayTask, work: Work<'find'>): ReplayAnswer {
  let search: StepSearch | undefined;
  const stopAt = work.back ? work.from + 1 : Number.POSITIVE_INFINITY;
  try {
    withReplay(
      resources,
      replayedOf(task),
      stopAt,
      clockOf(task),
      (replaying) => {
        search = new StepSearch(replaying, work);
        return search;
      },
      (_, start) => checkFinished(task, start()),
    );
  } catch (stop) {
    if (!(stop instanceof SearchStop)) throw stop;
  }
  return { kind: 'found', step: search?.found ?? null };
}

function streamed(resources: Resources, task: ReplayTask, work: Work<'stream'>): ReplayAnswer {
  const { port, control, source } = task;
  if (port === null) throw new Error('a stream has no port');
  if (work.from >= source.steps) return { kind: 'streamed', next: source.steps, ended: true };
  let stream: StepStream | undefined;
  try {
    return withReplay(
      resources,
      replayedOf(task),
      Number.POSITIVE_INFINITY,
      clockOf(task),
      (replaying) => {
        stream = new StepStream(replaying, work, port, control);
        return stream;
      },
      (_, start) => {
        const done = start();
        // A slice that its clock ended goes on where its last whole batch ended, if it had one.
        if (done.stoppedAt === undefined && done.instructions < source.steps) {
          if (done.code === 'cancelled' || stream!.next <= work.from) throw new Unfinished(done.code);
          return { kind: 'streamed', next: stream!.next, ended: false };
        }
        stream!.end(source.steps);
        return { kind: 'streamed', next: source.steps, ended: true };
      },
    );
  } catch (stop) {
    if (!(stop instanceof StreamStop)) throw stop;
    return { kind: 'streamed', next: stop.next, ended: stop.next >= source.steps };
  }
}
