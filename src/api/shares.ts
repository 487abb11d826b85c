/** Shares: a run that somebody stores to show it to others. Whoever has the id may read it; whoever has the token may delete it. */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Type } from 'typebox';
import type { Limits } from '../contract/limits.ts';
import { closed } from '../contract/schema.ts';
import { CreatedShare, DELETE_TOKEN_HEADER, Share, ShareBody } from '../contract/share.ts';
import type { StoredShare } from '../store/store.ts';
import { decodeInteger64, decodeRun } from './decode-run.ts';
import { EXAMPLES } from './examples.ts';
import { principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { NoQuery } from './query.ts';
import { problemIn } from './schema-violation.ts';
import type { Api, Services } from './services.ts';
import { storageFull } from './storage-full.ts';

const ID_BYTES = 16;
const TOKEN_BYTES = 32;

/** The id in the path of a share's routes. */
const ShareParameters = Type.Object({ id: Type.String({ description: 'The id of a share' }) }, closed);
const DeleteHeaders = Type.Object({
  [DELETE_TOKEN_HEADER]: Type.Optional(
    Type.String({ description: 'The token that POST /v1/shares gave. It needs no Authorization beside it' }),
  ),
});

const secret = (bytes: number): string => randomBytes(bytes).toString('base64url');
const digest = (token: string): Buffer => createHash('sha256').update(token).digest();
const urlOf = (id: string): string => `/v1/shares/${id}`;
const time = (milliseconds: number): string => new Date(milliseconds).toISOString();

export function registerShares(app: Api, services: Services): void {
  const { store, limits } = services;

  app.post(
    '/v1/shares',
    {
      config: {
        problems: ['bad_bytes', 'bad_reference', 'bad_map', 'bad_input', 'limit_exceeded', 'not_implemented'],
        location: true,
      },
      schema: {
        operationId: 'createShare',
        summary: 'Store a run for others to see',
        description:
          'Storing is explicit: nothing that is run here is kept for others otherwise. A share is public to everybody who has its id, which ' +
          'nobody can guess; reading needs no key. It leaves when it expires, or by DELETE with the token of this answer.',
        tags: ['shares'],
        body: { ...ShareBody, examples: [{ spec: EXAMPLES[0].body, step: '3', expiresIn: 86_400 }] },
        querystring: NoQuery,
        response: { 201: CreatedShare },
      },
    },
    async (request, reply) => {
      const { tenant } = principalOf(request);
      checkSpec(request.body, limits, request.bodyBytes, tenant);
      const createdAt = Date.now();
      const expiresAt = createdAt + 1000 * ttlOf(request.body.expiresIn, limits);
      const deleteToken = secret(TOKEN_BYTES);
      const share: StoredShare = {
        id: secret(ID_BYTES),
        tenant,
        body: contentOf(request.body),
        deleteTokenHash: digest(deleteToken).toString('hex'),
        createdAt,
        expiresAt,
      };
      const answer = await store.shares.put(share);
      if (answer.kind === 'full') throw storageFull(answer, limits);
      const url = urlOf(share.id);
      // The token is for the one who asked, and for no cache between.
      reply.code(201).headers({ location: url, 'cache-control': 'no-store' });
      return { id: share.id, url, deleteToken, expiresAt: time(expiresAt) };
    },
  );

  app.get(
    '/v1/shares/:id',
    {
      schema: {
        operationId: 'getShare',
        summary: 'Read a share',
        description: 'Open to everybody who has the id, with or without a key.',
        tags: ['shares'],
        params: ShareParameters,
        querystring: NoQuery,
        response: { 200: Share },
      },
    },
    async (request, reply) => {
      const { id, body, createdAt, expiresAt } = await findShare(services, request.params.id);
      const envelope = JSON.stringify({ id, url: urlOf(id), createdAt: time(createdAt), expiresAt: time(expiresAt) });
      // The stored text goes out as it came in: it was checked then, and is not parsed again.
      reply.type('application/json; charset=utf-8').serializer((text: unknown) => text as string);
      return `${envelope.slice(0, -1)},${body.slice(1)}` as never;
    },
  );

  app.delete(
    '/v1/shares/:id',
    {
      config: { problems: ['bad_delete_token'] },
      schema: {
        operationId: 'deleteShare',
        summary: 'Delete a share',
        tags: ['shares'],
        params: ShareParameters,
        querystring: NoQuery,
        headers: DeleteHeaders,
        response: { 204: Type.Null({ description: 'Deleted' }) },
      },
    },
    async (request, reply) => {
      const { id, deleteTokenHash } = await findShare(services, request.params.id);
      checkToken(request.headers[DELETE_TOKEN_HEADER], deleteTokenHash);
      await store.shares.delete(id);
      return reply.code(204).send(null);
    },
  );
}

/** @throws ProblemError for a run that this server would refuse to anybody who reads the share */
function checkSpec({ spec }: ShareBody, limits: Limits, bodyBytes: number, tenant: string): void {
  const stored = (spec.programs ?? []).findIndex(({ id }) => id !== undefined);
  if (stored >= 0) {
    const pointer = `/spec/programs/${stored}/id`;
    const detail = 'names a program that only its owner can use: a share holds its programs as asm or insns';
    throw new ProblemError({ code: 'bad_reference', detail: `${pointer}: ${detail}.`, errors: [{ pointer, detail }] });
  }
  try {
    decodeRun(spec, limits, bodyBytes, tenant);
  } catch (error) {
    if (error instanceof ProblemError) throw new ProblemError(problemIn('/spec', error.problem));
    throw error;
  }
}

/** Seconds until a share expires. */
function ttlOf(expiresIn: number | undefined, { defaultShareTtl, maxShareTtl }: Limits): number {
  if (expiresIn === undefined) return Math.min(defaultShareTtl, maxShareTtl);
  if (expiresIn <= maxShareTtl) return expiresIn;
  const detail = `is ${expiresIn}, more than maxShareTtl, which is ${maxShareTtl} here`;
  throw new ProblemError({
    code: 'limit_exceeded',
    detail: `/expiresIn: ${detail}.`,
    errors: [{ pointer: '/expiresIn', detail }],
    limit: 'maxShareTtl',
  });
}

/** What is stored: the last fields of the answer to GET, as JSON. */
function contentOf({ spec, step }: ShareBody): string {
  return JSON.stringify({ step: step === undefined ? null : decodeInteger64(step, '/step'), spec });
}

async function findShare({ store }: Services, id: string): Promise<StoredShare> {
  // What cannot be an id is not looked for; the answer is the same.
  const share = /^[A-Za-z0-9_-]{22}$/.test(id) ? await store.shares.get(id) : null;
  if (share !== null) return share;
  const detail = 'There is no share with this id: it never was, has expired, or was deleted.';
  throw new ProblemError({ code: 'not_found', detail });
}

function checkToken(token: string | undefined, deleteTokenHash: string): void {
  if (token !== undefined && timingSafeEqual(digest(token), Buffer.from(deleteTokenHash, 'hex'))) return;
  const detail =
    token === undefined
      ? `Send the token that POST /v1/shares gave in the header ${DELETE_TOKEN_HEADER}.`
      : `The token in the header ${DELETE_TOKEN_HEADER} is not the one that POST /v1/shares gave for this share.`;
  throw new ProblemError({ code: 'bad_delete_token', detail });
}
