/** /metrics on the admin port; on the main port a signpost. */

import type { FastifyInstance } from 'fastify';
import { ProblemError } from './problem-error.ts';
import type { Api, Services } from './services.ts';

export function registerMetrics(
  admin: Pick<FastifyInstance, 'get'>,
  { metrics, pool, sandboxes }: Pick<Services, 'metrics' | 'pool' | 'sandboxes'>,
): void {
  admin.get('/metrics', async (_request, reply) => {
    reply.type(metrics.registry.contentType);
    return metrics.scrape({ ...pool.gauges(), sandboxes: sandboxes.counts() });
  });
}

export function registerMetricsSignpost(app: Api, { adminUrl }: Services): void {
  app.get('/metrics', { schema: { hide: true } }, async () => {
    throw new ProblemError({ code: 'not_found', detail: `Metrics are on the admin port: ${adminUrl()}/metrics` });
  });
}
