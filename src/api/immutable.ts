/** Answers that never change: a strong ETag, 304 for who has it, and leave to keep them (RFC 9110 §8.8.3, §13.1.2; RFC 8246). */

import type { FastifyReply, FastifyRequest } from 'fastify';

/** How long a client may keep what cannot change, s: a year. */
export const IMMUTABLE_SECONDS = 31_536_000;
/** How long it may keep what only another version of the server would say otherwise, s. */
export const OF_THIS_VERSION_SECONDS = 3_600;

export interface Kept {
  /** Without quotes; it holds none. */
  readonly tag: string;
  readonly maxAge: number;
}

/**
 * Marks the answer. True: the client has it already; answer without a body (`reply.send()`), the status is set.
 * Private: what a tenant stored is nobody else's, also in a cache between.
 */
export function markImmutable(request: FastifyRequest, reply: FastifyReply, { tag, maxAge }: Kept): boolean {
  reply
    .header('etag', `"${tag}"`)
    .header('cache-control', `private, max-age=${maxAge}, immutable`)
    .header('vary', 'accept, authorization');
  if (!hasTag(request.headers['if-none-match'], tag)) return false;
  reply.code(304);
  return true;
}

/** Weak comparison, as If-None-Match has it. */
function hasTag(field: string | undefined, tag: string): boolean {
  if (field === undefined) return false;
  if (field.trim() === '*') return true;
  return field.split(',').some((one) => one.trim().replace(/^W\//, '') === `"${tag}"`);
}
