/** The body of POST /v1/batches and the lines of its answer. */

import { type Static, Type } from 'typebox';
import { ProblemDocument } from './problem-document.ts';
import { RunResult } from './result.ts';
import { RunBody } from './run.ts';
import { closed } from './schema.ts';

export const NDJSON_MEDIA_TYPE = 'application/x-ndjson';

/** What a batch is in JSON. Each item is checked on its own: one that does not fit the schema is answered by its own line. */
export const BatchBody = Type.Object(
  { items: Type.Array(RunBody, { minItems: 1, description: 'Runs; at most maxBatchItems' }) },
  closed,
);

/** One line of the answer: what POST /v1/runs would have answered for the item. */
export const BatchLine = Type.Object(
  {
    index: Type.Integer({ minimum: 0, description: 'Place of the item in the batch, from 0' }),
    status: Type.Integer({ description: 'HTTP status that the run alone would have had' }),
    result: Type.Optional(RunResult),
    problem: Type.Optional(ProblemDocument),
  },
  closed,
);
export type BatchLine = Static<typeof BatchLine>;
