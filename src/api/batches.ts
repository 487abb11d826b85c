/** POST /v1/batches: many runs in one request, answered one line each as they end. */

import type { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { BatchBody, BatchLine, NDJSON_MEDIA_TYPE } from '../contract/batch.ts';
import { RunBody } from '../contract/run.ts';
import { batchOfJson, batchOfLines, type RawBatch, readItems, runReader, type Validate } from './batch-items.ts';
import { EXAMPLES } from './examples.ts';
import { type JsonReader, jsonReader, refuseEncoding } from './json-body.ts';
import { type LongReplies, streamOf } from './long-replies.ts';
import { principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { problemResponses } from './problems.ts';
import { runBatch } from './run-batch.ts';
import type { Api, Services } from './services.ts';

export function registerBatches(app: Api, services: Services, replies: LongReplies): void {
  const { limits, pool } = services;
  const readLine = jsonReader(app, 'line');
  // Compiled once; Fastify has its compiler when the app is ready.
  let validate: Validate | undefined;
  const validateRun = (): Validate => {
    validate ??= app.validatorCompiler!({ schema: RunBody, method: 'POST', url: '/v1/batches', httpPart: 'body' });
    return validate;
  };

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
        schema: {
          summary: 'Run many, each on its own',
          description:
            'Each item is what POST /v1/runs takes. The answer has one line of JSON for each, as they end: order them by index. An item ' +
            'that is refused, or that harms its thread, is answered by its own line and harms no other. When the client goes away, the rest is cancelled.',
          tags: ['batches'],
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
            ...problemResponses,
          },
        },
        // Item by item, so that a bad one is answered by its line (batch-items.ts).
        validatorCompiler: () => () => true,
      },
      async (request, reply) => {
        const refusal = pool.refusal(principalOf(request).bucket);
        if (refusal !== null) throw new ProblemError(refusal);
        const batch = rawBatch(request, readLine, services);
        const principal = principalOf(request);
        const stop = replies.open(request, reply, 'finish');
        const lines = runBatch(services, {
          items: readItems(batch.items(), runReader(validateRun(), services, principal.tenant)),
          count: batch.count,
          principal,
          mode: 'batch',
          log: request.log,
          requestId: request.id,
          stop,
        });
        reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no').type(NDJSON_MEDIA_TYPE);
        return reply.send(streamOf(lines));
      },
    );
  });
}

function rawBatch(request: FastifyRequest, readLine: JsonReader, { limits }: Services): RawBatch {
  const { body } = request;
  if (body instanceof Buffer) return batchOfLines(body, (line) => readLine(request, line), limits);
  return batchOfJson(body, request.bodyBytes, limits);
}
