/** POST /v1/runs: everything inline, answered when the run has ended. */

import { Accepted } from '../contract/accepted.ts';
import { type RunAnswerBody as Answered, RunAnswerBody } from '../contract/result.ts';
import { RunBody } from '../contract/run.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import { MAX_WINDOW_STEPS } from '../contract/step.ts';
import type { RunAnswer } from '../pool/run-job.ts';
import { type AcceptedRuns, acceptedReply } from './accepted-runs.ts';
import { clientGone } from './client-gone.ts';
import { decodeRun } from './decode-run.ts';
import { RUN_PROBLEMS } from './documented-problems.ts';
import { EXAMPLES } from './examples.ts';
import { AsyncHeaders, idempotencyKeyOf, wantsAsync, wantsFresh } from './preferences.ts';
import { type Principal, principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { requestKey } from './request-key.ts';
import { replayWindow } from './run-steps.ts';
import type { Api, Services } from './services.ts';
import { startRun } from './start-run.ts';

export function registerRuns(app: Api, services: Services, accepted: AcceptedRuns): void {
  app.post(
    '/v1/runs',
    {
      config: { problems: [...RUN_PROBLEMS, 'idempotency_in_flight', 'idempotency_mismatch'], location: true },
      schema: {
        operationId: 'createRun',
        summary: 'Load, verify and run a chain of programs',
        description:
          'Answered 200 whether or not the program trapped: how a run ended is its outcome. The result then stands under /v1/runs/{id}. ' +
          'With `Prefer: respond-async` the answer is 202 as soon as the run is stored, and its Location says where to ask; an ' +
          'Idempotency-Key then makes the request safe to repeat: the same key and body are the same run. A run that was made before is ' +
          'not made again unless Cache-Control says no-cache; its result then has cache.run.',
        tags: ['runs'],
        headers: AsyncHeaders,
        body: { ...RunBody, examples: EXAMPLES.map((example) => example.body) },
        response: { 200: RunAnswerBody, 202: Accepted },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      const decoded = decodeRun(request.body, services.limits, request.bodyBytes, principal.tenant);
      const spec = await services.programs.resolve(decoded);
      if (wantsAsync(request)) {
        const key = idempotencyKeyOf(request);
        const id = await accepted.accept({
          kind: 'run',
          principal,
          request: JSON.stringify(request.body),
          requestKey: key === null ? '' : requestKey(spec),
          key,
        });
        return acceptedReply(reply, id, `/v1/runs/${id}`);
      }
      const run = startRun(services, {
        spec,
        principal,
        mode: 'request',
        log: request.log,
        fresh: wantsFresh(request),
      });
      // Nobody else knows the run's id: when the client goes away, nobody wants its answer any more.
      const stop = clientGone(reply);
      stop.addEventListener('abort', run.cancel, { once: true });
      const answer = await run.answer;
      if (answer.kind === 'problem') throw new ProblemError(answer.problem);
      if (request.body.detail !== 'steps') return answer.result;
      return { ...answer.result, ...(await firstSteps(services, spec, answer, { principal, stop })) };
    },
  );
}

const pageFrom = (id: string, from: number): string => `/v1/runs/${id}/steps?from=${from}&count=${MAX_WINDOW_STEPS}`;

/** The first page of steps. The run has ended: when its steps cannot be made now, its result goes out with a link to them. */
export async function firstSteps(
  services: Services,
  spec: RunSpec,
  { result, replay }: Extract<RunAnswer, { kind: 'result' }>,
  asker: { readonly principal: Principal; readonly stop: AbortSignal },
): Promise<Pick<Answered, 'steps' | 'stepsNext'>> {
  if (replay === null) return { steps: [], stepsNext: null };
  const { programs: _, maps: __, ...rest } = replay;
  try {
    const work = { from: 0, count: MAX_WINDOW_STEPS, state: false };
    const { rows, next } = await replayWindow(services, { spec, ...rest }, work, asker);
    return { steps: [...rows], stepsNext: next === null ? null : pageFrom(result.id, next) };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return { steps: [], stepsNext: pageFrom(result.id, 0) };
  }
}
