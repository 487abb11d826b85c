/** GET /v1/runs/{id}/trace.perfetto: a run as a file for the Perfetto UI and chrome://tracing, written while its steps are made. */

import type { Readable } from 'node:stream';
import { Type } from 'typebox';
import type { FinishedRun } from '../contract/finished-run.ts';
import type { StepRow } from '../contract/step.ts';
import type { ReplaySource } from '../contract/task.ts';
import { KEPT_RUN_PROBLEMS } from './documented-problems.ts';
import { finishedRun, sourceOf } from './find-run.ts';
import { type LongReplies, NO_HANDLER_TIMEOUT, streamOf } from './long-replies.ts';
import { principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { NoQuery } from './query.ts';
import { RunParameters } from './run.ts';
import { MAX_EVENT_BYTES } from './run-events.ts';
import type { Api, Services } from './services.ts';
import { type StepBatch, stepBatches } from './step-batches.ts';
import { type TraceEvent, TraceEvents } from './trace-events.ts';

/** Events of a file; the run is cut where they are used up. */
export const MAX_TRACE_EVENTS = 1_000_000;
/** Steps of a file; the run is cut behind them. */
export const MAX_TRACE_STEPS = 10_000_000;

/** Events behind others. */
const textOf = (events: readonly TraceEvent[]): string => events.map((event) => `,\n${JSON.stringify(event)}`).join('');

function programNames({ started, result }: FinishedRun): string[] {
  return (started?.programs ?? result.verification?.programs ?? []).map(({ name }) => name);
}

/** The file's text, from the batches of a run. */
export async function* traceFile(
  run: FinishedRun,
  batches: AsyncIterable<StepBatch>,
  { maxEvents = MAX_TRACE_EVENTS, maxSteps = MAX_TRACE_STEPS } = {},
): AsyncGenerator<string> {
  const { result } = run;
  const about = {
    run: result.id,
    runKey: result.runKey,
    engine: result.engine,
    seed: result.seed,
    outcome: result.outcome.code,
  };
  const events = new TraceEvents(result, programNames(run));
  yield `{"displayTimeUnit":"ns","otherData":${JSON.stringify(about)},"traceEvents":[\n`;
  const [first, ...others] = TraceEvents.heading(`run ${result.id}`);
  yield `${JSON.stringify(first)}${textOf(others)}`;
  let written = 0;
  let step = 0;
  let cut = false;
  for await (const batch of batches) {
    let made: TraceEvent[];
    if (batch.type === 'gap') {
      made = events.gap(batch.from, batch.to);
      step = batch.to;
    } else {
      made = events.rows((JSON.parse(batch.text) as { rows: StepRow[] }).rows);
      step = batch.next;
    }
    if (made.length > 0) yield textOf(made);
    written += made.length;
    cut = written >= maxEvents || step >= maxSteps;
    if (cut) break;
  }
  const steps = Number(result.counters.instructions);
  const isCut = cut && step < steps;
  if (isCut) yield textOf(events.gap(step, steps));
  yield `${textOf(events.end(step, isCut || steps === 0 ? null : result))}\n]}\n`;
}

/** The batches, the first of which has been asked for: a replay that is refused shows before the answer begins. */
async function firstAsked(batches: AsyncGenerator<StepBatch>): Promise<AsyncGenerator<StepBatch>> {
  const first = await batches.next();
  return (async function* () {
    try {
      if (first.done === true) return;
      yield first.value;
      yield* batches;
    } finally {
      await batches.return(undefined);
    }
  })();
}

async function* noBatches(): AsyncGenerator<StepBatch> {}

export function registerRunPerfetto(app: Api, services: Services, replies: LongReplies): void {
  const { pool, runs, lifecycle } = services;
  app.get(
    '/v1/runs/:id/trace.perfetto',
    {
      ...NO_HANDLER_TIMEOUT,
      exposeHeadRoute: false,
      config: { problems: [...KEPT_RUN_PROBLEMS, 'too_many_streams'] },
      schema: {
        operationId: 'getRunPerfettoTrace',
        summary: 'A run as a file for ui.perfetto.dev and chrome://tracing',
        description:
          'Trace-event JSON: programs and calls of functions are slices, tail calls arrows, misses instants; a step counts as a nanosecond.',
        tags: ['runs'],
        params: RunParameters,
        querystring: NoQuery,
        response: {
          200: {
            description: 'Trace-event JSON',
            content: { 'application/json': { schema: Type.Unsafe<Readable>({ type: 'object' }) } },
          },
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (lifecycle.draining) throw new ProblemError({ code: 'draining', detail: 'The server is shutting down.' });
      const stop = replies.open(request, reply);
      const { tenant, bucket } = principalOf(request);
      const run = await finishedRun(runs, { tenant, id }, stop);
      if (run === null) throw new ProblemError({ code: 'draining', detail: 'The server is shutting down.' });
      const source: ReplaySource | null = sourceOf(run);
      const asked = { pool, principal: bucket, id, from: 0, maxBatchBytes: MAX_EVENT_BYTES, stop };
      const batches = source === null ? noBatches() : await firstAsked(stepBatches({ ...asked, source }));
      reply
        .header('content-disposition', `attachment; filename="waggle-${id}.trace.json"`)
        .header('cache-control', 'no-store')
        .type('application/json');
      return reply.send(streamOf(traceFile(run, batches)));
    },
  );
}
