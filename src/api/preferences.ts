/** Header fields that change how a request is answered: Prefer (RFC 7240), Idempotency-Key (draft-ietf-httpapi-idempotency-key-header) and Cache-Control. */

import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { badParameter } from './query.ts';

/** Must the answer wait for the end? */
export const PreferHeaders = Type.Object({
  prefer: Type.Optional(Type.String({ description: 'respond-async: answer 202 before it has ended (RFC 7240)' })),
});

/** What a request may say of how its result is told. */
export const AsyncHeaders = Type.Object({
  ...PreferHeaders.properties,
  'idempotency-key': Type.Optional(
    Type.String({ description: 'With respond-async: the same key and body are the same run, also when sent again' }),
  ),
  'cache-control': Type.Optional(
    Type.String({ description: 'no-cache: make the run even if the result of the same one is remembered' }),
  ),
});

/** Longest Idempotency-Key, characters. */
export const MAX_IDEMPOTENCY_KEY_LENGTH = 255;

const VISIBLE_ASCII = /^[!-~]+$/;

/** Does the client want 202 and a place to ask, rather than to wait? */
export function wantsAsync(request: FastifyRequest): boolean {
  const { prefer = '' } = request.headers;
  const preferences = (Array.isArray(prefer) ? prefer.join(',') : prefer).split(',');
  return preferences.some((one) => one.split(';', 1)[0]!.trim().toLowerCase() === 'respond-async');
}

/**
 * The request's Idempotency-Key; null: it has none. As a quoted string (the draft) or bare, which means the same.
 * @throws ProblemError bad_request
 */
export function idempotencyKeyOf(request: FastifyRequest): string | null {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return null;
  const text = String(header);
  const key = /^"(.*)"$/.exec(text)?.[1] ?? text;
  if (key.length <= MAX_IDEMPOTENCY_KEY_LENGTH && VISIBLE_ASCII.test(key)) return key;
  throw badParameter('Idempotency-Key', `must have 1 to ${MAX_IDEMPOTENCY_KEY_LENGTH} visible ASCII characters`);
}

/** Does the client want the run to be made, even if its result is remembered (`Cache-Control: no-cache`)? */
export function wantsFresh(request: FastifyRequest): boolean {
  const directives = (request.headers['cache-control'] ?? '').split(',');
  return directives.some((one) => ['no-cache', 'no-store'].includes(one.trim().toLowerCase()));
}
