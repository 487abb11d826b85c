/** GET and DELETE /v1/runs/{id}: the result of a run, now or when it has ended; and the end of one that still runs. */

import { Type } from 'typebox';
import { RunResult } from '../contract/result.ts';
import { closed } from '../contract/schema.ts';
import { clientGone } from './client-gone.ts';
import { findRun, finishedRun } from './find-run.ts';
import { principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { problemResponses } from './problems.ts';
import { badParameter, MAX_QUERY_LENGTH, NoQuery } from './query.ts';
import type { Api, Services } from './services.ts';

/** Longest time that a request may wait for the end of a run, s. */
export const MAX_WAIT_SECONDS = 30;
/** When to ask again for a run that still runs, s. */
const RETRY_AFTER_SECONDS = 1;

/** The id in the path of a run's routes. */
export const RunParameters = Type.Object({ id: Type.String({ description: 'The id of a run' }) }, closed);

const WaitQuery = Type.Object(
  {
    wait: Type.Optional(
      Type.String({ maxLength: MAX_QUERY_LENGTH, description: 'Seconds to wait for the end: 0s (default) to 30s' }),
    ),
  },
  closed,
);

const StillRunning = Type.Object({ id: Type.String(), state: Type.Literal('running') }, closed);

/** `10s` or `10` in milliseconds. */
function waitOf(text: string | undefined): number {
  const seconds = /^([0-9]{1,2})s?$/.exec(text ?? '0')?.[1];
  if (seconds === undefined || Number(seconds) > MAX_WAIT_SECONDS) {
    throw badParameter('wait', `must be whole seconds from 0s to ${MAX_WAIT_SECONDS}s`);
  }
  return 1000 * Number(seconds);
}

export function registerRun(app: Api, { runs }: Services): void {
  app.get(
    '/v1/runs/:id',
    {
      schema: {
        summary: 'The result of a run',
        description:
          'Results are kept in memory, the least recently used leave first (maxReplayBytes); a run that has left is 410 trace_gone.',
        tags: ['runs'],
        params: RunParameters,
        querystring: WaitQuery,
        response: { 200: RunResult, 202: StillRunning, ...problemResponses },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const wait = waitOf(request.query.wait);
      const stop = new AbortController();
      clientGone(reply).addEventListener('abort', () => stop.abort());
      const timer = setTimeout(() => stop.abort(), wait);
      try {
        const run = await finishedRun(runs, { tenant: principalOf(request).tenant, id }, stop.signal);
        if (run !== null) return run.result;
      } finally {
        clearTimeout(timer);
      }
      return reply
        .code(202)
        .header('retry-after', String(RETRY_AFTER_SECONDS))
        .send({ id, state: 'running' as const });
    },
  );

  app.delete(
    '/v1/runs/:id',
    {
      schema: {
        summary: 'Cancel a run',
        description:
          'A running run ends with the outcome cancelled, at its next test point; its result then stands under its id. ' +
          'A run that has ended cannot be cancelled (409 run_ended), and its result stays.',
        tags: ['runs'],
        params: RunParameters,
        querystring: NoQuery,
        response: { 202: StillRunning, ...problemResponses },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const run = findRun(runs, { tenant: principalOf(request).tenant, id });
      if (run.state === 'finished') {
        const detail = `This run has ended (${run.run.result.outcome.code}); there is nothing to cancel.`;
        throw new ProblemError({ code: 'run_ended', detail });
      }
      run.cancel();
      return reply.code(202).send({ id, state: 'running' as const });
    },
  );
}
