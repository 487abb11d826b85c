/** Bodies and answers of the routes under /v1/shares. */

import { type Static, Type } from 'typebox';
import { Integer64Input, RunBody } from './run.ts';
import { closed, nullable } from './schema.ts';

/** Header of a DELETE with the token that the answer to POST /v1/shares gave. */
export const DELETE_TOKEN_HEADER = 'delete-token';

const Step = Type.String({ description: 'A 64-bit number, in decimal' });
const ShareId = Type.String({ description: 'Unguessable (128 random bits): whoever has it may read the share' });
const ExpiresAt = Type.String({ description: 'RFC 3339; then the share is gone' });

export const ShareBody = Type.Object(
  {
    spec: RunBody,
    step: Type.Optional({
      ...Integer64Input,
      description: 'The step to look at first: a number, or text, decimal or 0x',
    }),
    expiresIn: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Seconds until it expires; default defaultShareTtl, at most maxShareTtl of /v1/limits',
      }),
    ),
  },
  closed,
);
export type ShareBody = Static<typeof ShareBody>;

export const CreatedShare = Type.Object(
  {
    id: ShareId,
    url: Type.String({ description: 'Where it is read, on this server' }),
    deleteToken: Type.String({
      description: `For DELETE, in the header ${DELETE_TOKEN_HEADER}. It is told only here: the server keeps its hash`,
    }),
    expiresAt: ExpiresAt,
  },
  closed,
);
export type CreatedShare = Static<typeof CreatedShare>;

export const Share = Type.Object(
  {
    id: ShareId,
    url: Type.String({ description: 'Where it is read, on this server' }),
    createdAt: Type.String({ description: 'RFC 3339' }),
    expiresAt: ExpiresAt,
    step: nullable(Step),
    spec: { ...RunBody, description: 'As it was shared: the body of POST /v1/runs' },
  },
  closed,
);
export type Share = Static<typeof Share>;
