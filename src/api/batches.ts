/** POST /v1/batches: many runs in one request, answered one line each as they end, or later. */

import type { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Accepted } from '../contract/accepted.ts';
import { BatchBody, BatchLine, NDJSON_MEDIA_TYPE } from '../contract/batch.ts';
import { type AcceptedRuns, acceptedReply } from './accepted-runs.ts';
import { batchOfJson, batchOfLines, type RawBatch, readItems } from './batch-items.ts';
import { EXAMPLES } from './examples.ts';
import { jsonReader, refuseEncoding } from './json-body.ts';
import { type LongReplies, NO_HANDLER_TIMEOUT, streamOf } from './long-replies.ts';
import { AsyncHeaders, idempotencyKeyOf, wantsAsync, wantsFresh } from './preferences.ts';
import { principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { requestKey } from './request-key.ts';
import { runBatch } from './run-batch.ts';
import { type RunReader, runReaders } from './run-reader.ts';
import type { Api, Services } from './services.ts';

export interface BatchTools {
  readonly replies: LongReplies;
  readonly accepted: AcceptedRuns;
}

export function registerBatches(app: Api, services: Services, { replies, accepted }: BatchTools): void {
  const { limits, pool } = services;
  const readLine = jsonReader('line');
  const readerOf = runReaders(app, services);

  function rawBatch({ body, bodyBytes }: FastifyRequest): RawBatch {
    return body instanceof Buffer ? batchOfLines(body, readLine, limits) : batchOfJson(body, bodyBytes, limits);
  }

  void app.register(async (scope: Api) => {
    // The lines are parsed one by one, when their turn comes.
    scope.addContentTypeParser(
      NDJSON_MEDIA_TYPE,
      { parseAs: 'buffer', bodyLimit: limits.maxBatchBytes },
      async (request: FastifyRequest, body: Buffer) => {
        refuseEncoding(request);
        return body;
      },
    );

    scope.post(
      '/v1/batches',
      {
        config: {
          problems: [
            'limit_exceeded',
            'queue_full',
            'too_many_streams',
            'draining',
            'idempotency_in_flight',
            'idempotency_mismatch',
          ],
          location: true,
        },
        schema: {
          operationId: 'createBatch',
          summary: 'Run many, each on its own',
          description:
            'Each item is what POST /v1/runs takes. The answer has one line of JSON for each, as they end: order them by index. An item ' +
            'that is refused, or that harms its thread, is answered by its own line and harms no other. When the client goes away, the rest ' +
            'is cancelled. With `Prefer: respond-async` the answer is 202, and the lines stand under the Location, in the order of the items, ' +
            'when all have ended; an Idempotency-Key then makes the request safe to repeat.',
          tags: ['batches'],
          headers: AsyncHeaders,
          body: {
            content: {
              'application/json': {
                schema: { ...BatchBody, examples: [{ items: EXAMPLES.map((example) => example.body) }] },
              },
              [NDJSON_MEDIA_TYPE]: {
                schema: Type.String({ description: 'One run a line', examples: [JSON.stringify(EXAMPLES[0].body)] }),
              },
            },
          },
          response: {
            200: {
              description: 'Lines of JSON, each a BatchLine',
              content: {
                [NDJSON_MEDIA_TYPE]: { schema: Type.Unsafe<Readable>({ type: 'string', 'x-line': BatchLine }) },
              },
            },
            202: Accepted,
          },
        },
        ...NO_HANDLER_TIMEOUT,
        // Item by item, so that a bad one is answered by its line (batch-items.ts).
        validatorCompiler: () => () => true,
      },
      async (request, reply) => {
        const principal = principalOf(request);
        const batch = rawBatch(request);
        const read = readerOf(principal.tenant);
        if (wantsAsync(request)) {
          const key = idempotencyKeyOf(request);
          const id = await accepted.accept({
            kind: 'batch',
            principal,
            request: linesOf(request.body),
            requestKey: key === null ? '' : await batchKey(batch, read),
            key,
          });
          return acceptedReply(reply, id, `/v1/batches/${id}`);
        }
        const refusal = pool.refusal(principalOf(request).bucket);
        if (refusal !== null) throw new ProblemError(refusal);
        const stop = replies.open(request, reply, 'finish');
        const lines = runBatch(services, {
          items: readItems(batch.items(), read),
          count: batch.count,
          principal,
          mode: 'batch',
          fresh: wantsFresh(request),
          log: request.log,
          requestId: request.id,
          stop,
          notBegun: 'draining',
        });
        reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no').type(NDJSON_MEDIA_TYPE);
        return reply.send(streamOf(lines));
      },
    );
  });
}

/** The batch as the store keeps it: one item a line. */
function linesOf(body: unknown): string {
  if (body instanceof Buffer) return body.toString('utf8');
  const { items } = body as { readonly items: readonly unknown[] };
  return items.map((item) => JSON.stringify(item)).join('\n');
}

/** What two batches have in common that ask for the same. */
async function batchKey(batch: RawBatch, read: RunReader): Promise<string> {
  const keys: string[] = [];
  for await (const item of readItems(batch.items(), read)) {
    keys.push(requestKey('spec' in item ? item.spec : item.problem));
  }
  return requestKey({ batch: keys });
}
