/** The answer to a request that is not finished: 202. */

import { type Static, Type } from 'typebox';
import { closed } from './schema.ts';

export const Accepted = Type.Object(
  {
    id: Type.String({ description: 'Of the run or batch' }),
    state: Type.Literal('running', { description: 'It waits for a thread, or is on one' }),
  },
  { ...closed, description: 'Accepted, and not ended yet: ask again under /v1/runs/{id} or /v1/batches/{id}' },
);
export type Accepted = Static<typeof Accepted>;
