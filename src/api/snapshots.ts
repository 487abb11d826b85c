/** DELETE /v1/snapshots/{id}: what POST /v1/sandboxes/{id}/snapshot has stored. */

import { Type } from 'typebox';
import { closed } from '../contract/schema.ts';
import { principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { NoQuery } from './query.ts';
import type { Api, Services } from './services.ts';

export function registerSnapshots(app: Api, { sandboxes }: Services): void {
  app.delete(
    '/v1/snapshots/:id',
    {
      schema: {
        operationId: 'deleteSnapshot',
        summary: 'Remove a snapshot of a sandbox',
        tags: ['sandboxes'],
        params: Type.Object({ id: Type.String({ description: 'The id of a snapshot' }) }, closed),
        querystring: NoQuery,
        response: { 204: Type.Null({ description: 'It is gone' }) },
      },
    },
    async (request, reply) => {
      if (await sandboxes.deleteSnapshot(principalOf(request).tenant, request.params.id))
        return reply.code(204).send(null);
      throw new ProblemError({ code: 'not_found', detail: 'There is no snapshot with this id.' });
    },
  );
}
