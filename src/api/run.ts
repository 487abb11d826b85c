/** GET and DELETE /v1/runs/{id}: the result of a run, now or when it has ended; and the end of one that still runs. */

import { Type } from 'typebox';
import { Accepted } from '../contract/accepted.ts';
import { RunResult } from '../contract/result.ts';
import { closed } from '../contract/schema.ts';
import { unfinishedReply } from './accepted-runs.ts';
import { clientGone } from './client-gone.ts';
import { KEPT_RUN_PROBLEMS } from './documented-problems.ts';
import { finishedRun, lookUpRun } from './find-run.ts';
import { principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { NoQuery } from './query.ts';
import type { Api, Services } from './services.ts';
import { WaitQuery, waitOf } from './wait.ts';

/** The id in the path of a run's routes. */
export const RunParameters = Type.Object({ id: Type.String({ description: 'The id of a run' }) }, closed);

export function registerRun(app: Api, { runs }: Services): void {
  app.get(
    '/v1/runs/:id',
    {
      config: { problems: KEPT_RUN_PROBLEMS },
      schema: {
        operationId: 'getRun',
        summary: 'The result of a run',
        description:
          'Results are kept in memory, the least recently used leave first (maxReplayBytes); a run that has left is 410 trace_gone. ' +
          'The result of an asynchronous run is stored too, for maxResultMs: it outlives the process, and a run that ended with a problem is answered by it.',
        tags: ['runs'],
        params: RunParameters,
        querystring: WaitQuery,
        response: { 200: RunResult, 202: Accepted },
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
      return unfinishedReply(reply, id);
    },
  );

  app.delete(
    '/v1/runs/:id',
    {
      config: { problems: ['run_ended', 'trace_gone'] },
      schema: {
        operationId: 'cancelRun',
        summary: 'Cancel a run',
        description:
          'A running run ends with the outcome cancelled, at its next test point; its result then stands under its id. ' +
          'A run that has ended cannot be cancelled (409 run_ended), and its result stays.',
        tags: ['runs'],
        params: RunParameters,
        querystring: NoQuery,
        response: { 202: Accepted },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const run = await lookUpRun(runs, { tenant: principalOf(request).tenant, id });
      if (run.state !== 'running') {
        const how = run.state === 'finished' ? run.run.result.outcome.code : run.problem.code;
        throw new ProblemError({
          code: 'run_ended',
          detail: `This run has ended (${how}); there is nothing to cancel.`,
        });
      }
      run.cancel();
      return unfinishedReply(reply, id);
    },
  );
}
