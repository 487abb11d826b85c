/** POST /v1/runs: everything inline, answered when the run has ended. */

import { RunResult } from '../contract/result.ts';
import { RunBody } from '../contract/run.ts';
import { decodeRun } from './decode-run.ts';
import { EXAMPLES } from './examples.ts';
import { ProblemError } from './problem-error.ts';
import { problemResponses } from './problems.ts';
import type { Api, Services } from './services.ts';
import { startRun } from './start-run.ts';

export function registerRuns(app: Api, services: Services): void {
  app.post(
    '/v1/runs',
    {
      schema: {
        summary: 'Load, verify and run a chain of programs',
        description: 'Answered 200 whether or not the program trapped: how a run ended is its outcome.',
        tags: ['runs'],
        body: { ...RunBody, examples: EXAMPLES.map((example) => example.body) },
        response: { 200: RunResult, ...problemResponses },
      },
    },
    async (request, reply) => {
      if (/(?:^|,)\s*respond-async\b/i.test(String(request.headers.prefer ?? ''))) {
        throw new ProblemError({ code: 'not_implemented', detail: 'A later version brings Prefer: respond-async.' });
      }
      const spec = decodeRun(request.body, services.limits, request.bodyBytes);
      const run = startRun(services, { spec, principal: request.ip, mode: 'request', log: request.log });
      // A client that went away wants no answer any more.
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) run.cancel();
      });
      const answer = await run.answer;
      if (answer.kind === 'problem') throw new ProblemError(answer.problem);
      return answer.result;
    },
  );
}
