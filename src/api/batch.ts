/** GET and DELETE /v1/batches/{id}: the lines of an asynchronous batch, now or when it has ended; and its end. */

import { Type } from 'typebox';
import { Accepted } from '../contract/accepted.ts';
import { BatchLine, NDJSON_MEDIA_TYPE } from '../contract/batch.ts';
import { closed } from '../contract/schema.ts';
import { endOfStored } from '../store/stored-end.ts';
import { type AcceptedRuns, unfinishedReply } from './accepted-runs.ts';
import { clientGone } from './client-gone.ts';
import { principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { NoQuery } from './query.ts';
import type { Api, Services } from './services.ts';
import { WaitQuery, waitOf, withinWait } from './wait.ts';

const BatchParameters = Type.Object({ id: Type.String({ description: 'The id of a batch' }) }, closed);
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function unknown(): ProblemError {
  return new ProblemError({ code: 'not_found', detail: 'There is no asynchronous batch with this id.' });
}

export function registerBatch(app: Api, { store }: Services, accepted: AcceptedRuns): void {
  /** The stored batch. @throws ProblemError not_found */
  async function stored(tenant: string, id: string) {
    const found = UUID.test(id) ? await store.runs.get(tenant, id) : null;
    if (found === null || found.kind !== 'batch') throw unknown();
    return found;
  }

  app.get(
    '/v1/batches/:id',
    {
      config: { problems: ['limit_exceeded', 'queue_full', 'draining'] },
      schema: {
        operationId: 'getBatch',
        summary: 'The lines of an asynchronous batch',
        description:
          'Once all items have ended: one line each, in the order of the items. They are kept for maxResultMs.',
        tags: ['batches'],
        params: BatchParameters,
        querystring: WaitQuery,
        response: {
          200: {
            description: 'Lines of JSON',
            content: { [NDJSON_MEDIA_TYPE]: { schema: Type.Unsafe<Buffer>({ type: 'string', 'x-line': BatchLine }) } },
          },
          202: Accepted,
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { tenant } = principalOf(request);
      const wait = waitOf(request.query.wait);
      const entry = accepted.find({ tenant, id }, 'batch');
      if (entry !== null) await withinWait(wait, clientGone(reply), entry.settled);
      const { ending } = await stored(tenant, id);
      if (ending === null) return unfinishedReply(reply, id);
      if (ending.result.startsWith('{"index":')) {
        // As bytes: text would be given a charset parameter.
        return reply.type(NDJSON_MEDIA_TYPE).send(Buffer.from(ending.result));
      }
      const end = endOfStored(ending);
      throw end.kind === 'problem' ? new ProblemError(end.problem) : new Error(`batch ${id} ended as a run`);
    },
  );

  app.delete(
    '/v1/batches/:id',
    {
      config: { problems: ['run_ended'] },
      schema: {
        operationId: 'cancelBatch',
        summary: 'Cancel an asynchronous batch',
        description:
          'Items that have not ended end with the outcome cancelled. A batch that has ended stays (409 run_ended).',
        tags: ['batches'],
        params: BatchParameters,
        querystring: NoQuery,
        response: { 202: Accepted },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { tenant } = principalOf(request);
      const entry = accepted.find({ tenant, id }, 'batch');
      if (entry === null) {
        const { ending } = await stored(tenant, id);
        if (ending !== null) {
          throw new ProblemError({ code: 'run_ended', detail: 'This batch has ended; there is nothing to cancel.' });
        }
      } else accepted.cancel(entry);
      return unfinishedReply(reply, id);
    },
  );
}
