/** /livez: the event loop turns. /readyz: a known 33-hop chain goes through the real pool, and the server takes work. */

import { Type } from 'typebox';
import { closed, literals } from '../contract/schema.ts';
import { ProblemError } from './problem-error.ts';
import type { Api, Services } from './services.ts';

/** A probe's answer serves all who ask within this time, ms. */
const PROBE_CACHE_MS = 2_000;

type Readiness = 'passed' | 'failed' | 'busy';

const Live = Type.Object({ status: Type.Literal('live') }, closed);
const Ready = Type.Object({ status: Type.Literal('ready'), probe: literals(['passed', 'busy']) }, closed);

export function registerHealth(app: Pick<Api, 'get'>, { pool, lifecycle }: Pick<Services, 'pool' | 'lifecycle'>): void {
  let last: { readonly at: number; readonly answer: Promise<Readiness> } | null = null;
  const probe = (): Promise<Readiness> => {
    if (last === null || performance.now() - last.at >= PROBE_CACHE_MS)
      last = { at: performance.now(), answer: pool.probe() };
    return last.answer;
  };

  app.get(
    '/livez',
    {
      schema: {
        operationId: 'getLiveness',
        summary: 'Does the process answer?',
        tags: ['health'],
        response: { 200: Live },
      },
    },
    async () => ({ status: 'live' as const }),
  );
  app.get(
    '/readyz',
    {
      config: { problems: ['draining', 'not_ready'] },
      schema: {
        operationId: 'getReadiness',
        summary: 'Can it run programs?',
        tags: ['health'],
        response: { 200: Ready },
      },
    },
    async () => {
      if (lifecycle.draining) throw new ProblemError({ code: 'draining', detail: 'The server is shutting down.' });
      const result = await probe();
      if (result === 'failed')
        throw new ProblemError({ code: 'not_ready', detail: 'The known chain was not answered as it must be.' });
      return { status: 'ready' as const, probe: result };
    },
  );
}
