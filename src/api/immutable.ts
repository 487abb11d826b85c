/** Answers that never change: a strong ETag, 304 for who has it, and leave to keep them (RFC 9110 §8.8.3, §13.1.2; RFC 8246). */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';

/** The header field that asks for 304. */
export const IfNoneMatch = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: 'ETags that the client has' })),
});

/** How long a client may keep what cannot change, s: a year. */
export const IMMUTABLE_SECONDS = 31_536_000;
/** How long it may keep what only another version of the server would say otherwise, s. */
export const OF_THIS_VERSION_SECONDS = 3_600;

export interface Kept {
  /** Without quotes; it holds none. */
  readonly tag: string;
  readonly maxAge: number;
}

/** Marks an answer that is there, and no refusal. Private: what a tenant stored is nobody else's, also in a cache between. */
export function markImmutable(reply: FastifyReply, { tag, maxAge }: Kept): FastifyReply {
  const others = reply.getHeader('vary');
  const vary = others === undefined ? [] : [String(others)];
  return reply
    .header('etag', `"${tag}"`)
    .header('cache-control', `private, max-age=${maxAge}, immutable`)
    .header('vary', [...vary, 'accept', 'authorization'].join(', '));
}

/** Does the client have it already? Weak comparison, as If-None-Match has it. */
export function clientHas(request: FastifyRequest, { tag }: Kept): boolean {
  const field = request.headers['if-none-match'];
  if (field === undefined) return false;
  if (field.trim() === '*') return true;
  return field.split(',').some((one) => one.trim().replace(/^W\//, '') === `"${tag}"`);
}
