/**
 * GET /v1/runs/{id}/events: the socket's events of a run as Server-Sent Events, for curl and for proxies that block sockets. An event's id is
 * the step that it tells of, or the last one; Last-Event-ID goes on behind it.
 */

import type { Readable } from 'node:stream';
import { Type } from 'typebox';
import type { FinishedRun } from '../contract/finished-run.ts';
import { problemDocument } from '../contract/problem-document.ts';
import type { ChainRow, PrintRow } from '../contract/result.ts';
import { closed } from '../contract/schema.ts';
import type { ReplaySource } from '../contract/task.ts';
import { MAX_CHAIN_ROWS, type ServerMessage } from '../contract/trace.ts';
import { KEPT_RUN_PROBLEMS } from './documented-problems.ts';
import { finishedRun, lookUpRun, sourceOf } from './find-run.ts';
import { type LongReplies, NO_HANDLER_TIMEOUT, streamOf } from './long-replies.ts';
import { type Principal, principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { MAX_QUERY_LENGTH, oneOf, wholeNumber } from './query.ts';
import { RunParameters } from './run.ts';
import { eventText, withHeartbeat } from './server-sent-events.ts';
import type { Api, Services } from './services.ts';
import { type StepBatch, stepBatches } from './step-batches.ts';

/** Silence after which a comment line is sent, ms. */
export const EVENT_HEARTBEAT_MS = 15_000;
/** Largest event of a batch of steps; a larger one is a gap, bytes. */
export const MAX_EVENT_BYTES = 8 * 1024 * 1024;

const OPENING = ': events of a run\n\n';

const EventsQuery = Type.Object(
  {
    detail: Type.Optional(
      Type.String({ maxLength: MAX_QUERY_LENGTH, description: 'chain (default), or steps: every step too' }),
    ),
  },
  closed,
);

const EventsHeaders = Type.Object({
  'last-event-id': Type.Optional(Type.String({ description: 'The id of the last event that the client has' })),
});

/** Who listens to which run, and behind which step. */
interface Listening {
  readonly id: string;
  readonly detail: 'chain' | 'steps';
  /** The last event's step that the client has; -1: none. */
  readonly after: number;
  readonly principal: Principal;
  readonly stop: AbortSignal;
  /** Of the problem that may end the events. */
  readonly requestId: string;
}

const event = (message: ServerMessage, step: number | null = null): string =>
  eventText(message.type, JSON.stringify(message), step);

/** Chain rows and prints in the order of their steps, rows that follow each other as one event. */
function* chainEvents(
  id: string,
  { chain, output }: FinishedRun['result'],
  after: number,
  withIds: boolean,
): Generator<string> {
  const rows = [...chain.map((row) => ({ row })), ...output.prints.map((print) => ({ print }))]
    .map((one) => ({ ...one, step: Number('row' in one ? one.row.step : one.print.step) }))
    .filter(({ step }) => step > after)
    .toSorted((a, b) => a.step - b.step);
  let together: ChainRow[] = [];
  const flush = function* (): Generator<string> {
    const last = together.at(-1);
    if (last !== undefined) yield event({ type: 'chain', id, rows: together }, withIds ? Number(last.step) : null);
    together = [];
  };
  for (const one of rows) {
    if ('row' in one) {
      together.push(one.row);
      if (together.length === MAX_CHAIN_ROWS) yield* flush();
    } else {
      yield* flush();
      yield event({ type: 'print', id, ...(one.print satisfies PrintRow) }, withIds ? one.step : null);
    }
  }
  yield* flush();
}

/** The batch's text without the rows up to step `after`. */
function cutBatch(text: string, after: number): string {
  const batch = JSON.parse(text) as Extract<ServerMessage, { type: 'steps' }>;
  const rows = batch.rows.filter((row) => Number(row.step) > after);
  return JSON.stringify({ ...batch, count: rows.length, rows });
}

function batchEvent(id: string, batch: StepBatch, after: number): string {
  if (batch.type === 'gap') {
    return event({ type: 'gap', id, from: String(batch.from), to: String(batch.to), reason: 'size' }, batch.to - 1);
  }
  const { text, first, next } = batch;
  return eventText('steps', first <= after ? cutBatch(text, after) : text, next - 1);
}

/** Batches up to the run's end, or to the end of budgets.traceBytes: then a gap. */
async function* stepEvents(
  services: Services,
  source: ReplaySource,
  { id, after, principal, stop }: Listening,
): AsyncGenerator<string> {
  const { pool } = services;
  const from = after + 1;
  if (from >= source.steps) return;
  let left = source.spec.budgets.traceBytes;
  const batches = stepBatches({
    pool,
    principal: principal.bucket,
    source,
    id,
    from,
    maxBatchBytes: MAX_EVENT_BYTES,
    stop,
  });
  for await (const batch of batches) {
    const text = batchEvent(id, batch, after);
    left -= Buffer.byteLength(text);
    if (left < 0) {
      const first = String(batch.type === 'gap' ? batch.from : batch.first);
      yield event({ type: 'gap', id, from: first, to: String(source.steps), reason: 'budget' }, source.steps - 1);
      return;
    }
    yield text;
  }
}

/** Everything that there is to hear of a run, from its end on. Ends early, without `end`, when `stop` says so. */
async function* runEvents(services: Services, listening: Listening): AsyncGenerator<string> {
  const { id, detail, after, principal, stop } = listening;
  const run = await finishedRun(services.runs, { tenant: principal.tenant, id }, stop);
  if (run === null) return;
  const { result, started } = run;
  const source = detail === 'steps' ? sourceOf(run) : null;
  if (started !== null) yield event({ type: 'started', id, handle: 0, run: id, ...started, budgets: result.budgets });
  // With steps the ids count steps of batches: who has one has had all that comes in front of them.
  if (detail === 'chain' || after < 0) {
    yield* chainEvents(id, result, after, detail === 'chain');
    yield event({ type: 'result', id, result });
  }
  if (source !== null) yield* stepEvents(services, source, listening);
  if (!stop.aborted) yield event({ type: 'end', id }, Number(result.counters.instructions));
}

/** The same behind a comment; a problem on the way is the last event. */
async function* eventsOrProblem(services: Services, listening: Listening): AsyncGenerator<string> {
  // The answer's head goes out with the first bytes.
  yield OPENING;
  try {
    yield* runEvents(services, listening);
  } catch (error) {
    if (listening.stop.aborted) return;
    if (!(error instanceof ProblemError)) throw error;
    const { id, requestId } = listening;
    yield event({ type: 'error', id, problem: problemDocument(error.problem, requestId) });
  }
}

export function registerRunEvents(app: Api, services: Services, replies: LongReplies): void {
  const { runs, lifecycle } = services;
  app.get(
    '/v1/runs/:id/events',
    {
      ...NO_HANDLER_TIMEOUT,
      exposeHeadRoute: false,
      config: { problems: [...KEPT_RUN_PROBLEMS, 'too_many_streams'] },
      schema: {
        operationId: 'streamRunEvents',
        summary: 'What a run did, as Server-Sent Events',
        description:
          'The events of the trace socket when the run has ended: started, chain, print, result, with detail=steps each batch of steps, then end. ' +
          'The id of an event is a step; Last-Event-ID goes on behind it, and is answered 204 when there is nothing left.',
        tags: ['runs'],
        params: RunParameters,
        querystring: EventsQuery,
        headers: EventsHeaders,
        response: {
          200: {
            description: 'Events',
            content: { 'text/event-stream': { schema: Type.Unsafe<Readable>({ type: 'string' }) } },
          },
          204: Type.Null({ description: 'Nothing left: do not reconnect' }),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const detail = oneOf('detail', request.query.detail, ['chain', 'steps']);
      const after = lastEventId(request.headers['last-event-id']);
      if (lifecycle.draining) throw new ProblemError({ code: 'draining', detail: 'The server is shutting down.' });
      const principal = principalOf(request);
      const kept = await lookUpRun(runs, { tenant: principal.tenant, id });
      if (kept.state === 'finished' && after >= Number(kept.run.result.counters.instructions)) {
        return reply.code(204).send(null);
      }
      const stop = replies.open(request, reply);
      const listening = { id, detail, after, principal, stop, requestId: request.id };
      reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no').type('text/event-stream');
      return reply.send(streamOf(withHeartbeat(eventsOrProblem(services, listening), EVENT_HEARTBEAT_MS)));
    },
  );
}

function lastEventId(header: string | string[] | undefined): number {
  const text = typeof header === 'string' && header !== '' ? header : undefined;
  return wholeNumber('Last-Event-ID', text, { least: 0, most: Number.MAX_SAFE_INTEGER, otherwise: -1 });
}
