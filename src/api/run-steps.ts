/** Steps and states of a run that has ended, each made by running it again: GET /v1/runs/{id}/steps and …/state. */

import { Type } from 'typebox';
import { closed } from '../contract/schema.ts';
import { MAX_WINDOW_STEPS, StepPage, StepState } from '../contract/step.ts';
import type { ReplaySource, ReplayWork } from '../contract/task.ts';
import { clientGone } from './client-gone.ts';
import { KEPT_RUN_PROBLEMS } from './documented-problems.ts';
import { finishedRun, replayed, sourceOf, sourceWithSteps } from './find-run.ts';
import { type Principal, principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { MAX_QUERY_LENGTH, wholeNumber } from './query.ts';
import { RunParameters } from './run.ts';
import type { Api, Services } from './services.ts';

/** Steps of a page for who names no count. */
export const DEFAULT_PAGE_STEPS = 512;

const Parameter = (description: string) => Type.Optional(Type.String({ maxLength: MAX_QUERY_LENGTH, description }));

const StepsQuery = Type.Object(
  {
    from: Parameter('First step of the page (0)'),
    count: Parameter(`Steps of the page: 1 to ${MAX_WINDOW_STEPS} (${DEFAULT_PAGE_STEPS})`),
  },
  closed,
);

const StateQuery = Type.Object(
  {
    step: Parameter('The step in front of which the state is shown; default, and beyond the end: the final state'),
    maps: Parameter('Names of the maps to show, separated by commas; empty: none. Default: all'),
  },
  closed,
);

type WindowWork = Extract<ReplayWork, { kind: 'window' }>;

/**
 * Runs again to a window of steps.
 * @throws ProblemError
 */
export async function replayWindow(
  { pool }: Pick<Services, 'pool'>,
  source: ReplaySource,
  work: Omit<WindowWork, 'kind'>,
  { principal, stop }: { readonly principal: Principal; readonly stop: AbortSignal },
) {
  const { answer, cancel } = pool.replay({
    principal: principal.bucket,
    source,
    work: { kind: 'window', ...work },
    listener: null,
    credit: 0,
    continued: false,
  });
  stop.addEventListener('abort', cancel, { once: true });
  try {
    return replayed('window', await answer);
  } finally {
    stop.removeEventListener('abort', cancel);
  }
}

export function registerRunSteps(app: Api, services: Services): void {
  const { runs } = services;
  const wholeStep = { least: 0, most: Number.MAX_SAFE_INTEGER };

  app.get(
    '/v1/runs/:id/steps',
    {
      config: { problems: KEPT_RUN_PROBLEMS },
      schema: {
        operationId: 'getRunSteps',
        summary: 'A page of the steps of a run',
        description:
          'Steps are numbered from 0 over the whole run. A page that begins beyond the end is empty; next is null behind the last step.',
        tags: ['runs'],
        params: RunParameters,
        querystring: StepsQuery,
        response: { 200: StepPage },
      },
    },
    async (request, reply) => {
      const from = wholeNumber('from', request.query.from, { ...wholeStep, otherwise: 0 });
      const count = wholeNumber('count', request.query.count, {
        least: 1,
        most: MAX_WINDOW_STEPS,
        otherwise: DEFAULT_PAGE_STEPS,
      });
      const principal = principalOf(request);
      const stop = clientGone(reply);
      const run = await finishedRun(runs, { tenant: principal.tenant, id: request.params.id }, stop);
      const source = run === null ? null : sourceOf(run);
      if (source === null || from >= source.steps) return { first: String(from), steps: [], next: null };
      const page = await replayWindow(services, source, { from, count, state: false }, { principal, stop });
      return {
        first: String(page.first),
        steps: [...page.rows],
        next: page.next === null ? null : String(page.next),
      };
    },
  );

  app.get(
    '/v1/runs/:id/state',
    {
      config: { problems: KEPT_RUN_PROBLEMS },
      schema: {
        operationId: 'getRunState',
        summary: 'Registers, frames, stack, packet, context and maps just before a step',
        tags: ['runs'],
        params: RunParameters,
        querystring: StateQuery,
        response: { 200: StepState },
      },
    },
    async (request, reply) => {
      const { step, maps } = request.query;
      const from = wholeNumber('step', step, { ...wholeStep, otherwise: wholeStep.most });
      const principal = principalOf(request);
      const stop = clientGone(reply);
      const run = await finishedRun(runs, { tenant: principal.tenant, id: request.params.id }, stop);
      if (run === null) return reply;
      const names = maps === undefined ? {} : { maps: maps.split(',').filter((name) => name !== '') };
      const work = { from, count: 0, state: true, ...names };
      const { state } = await replayWindow(services, sourceWithSteps(run), work, { principal, stop });
      if (state === null) throw new ProblemError({ code: 'internal', detail: 'A replay answered without a state.' });
      return state;
    },
  );
}
