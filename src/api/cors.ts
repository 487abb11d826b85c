/** Which web pages may use the service: those of WAGGLE_ALLOWED_ORIGINS, and those that the service itself serves (Fetch §3.2). */

import type { FastifyRequest } from 'fastify';
import { METHODS } from './methods.ts';
import { ProblemError } from './problem-error.ts';
import type { Api } from './services.ts';

/** A browser keeps the answer to a preflight for so long, s. */
export const PREFLIGHT_LIFE_SECONDS = 600;
/** Header fields that a page may send. */
const ALLOWED_HEADERS = [
  'Accept',
  'Authorization',
  'Content-Type',
  'Delete-Token',
  'Idempotency-Key',
  'If-None-Match',
  'Last-Event-ID',
  'Prefer',
  'Traceparent',
  'Tracestate',
  'X-Request-Id',
].join(', ');
/** Header fields of an answer that a page may read. */
const EXPOSED_HEADERS = [
  'ETag',
  'Location',
  'Preference-Applied',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Traceparent',
  'WWW-Authenticate',
  'X-Request-Id',
].join(', ');

/** Methods with which a page can only read, and reads nothing when its origin is not listed. */
const READING: readonly string[] = ['GET', 'HEAD'];

/** A page of this very address, such as /docs, sends its origin too. */
function isOwn(origin: string, { host }: FastifyRequest): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** Registers the check for all routes that come after it; before the door, since a preflight brings no key. */
export function registerCors(app: Api, allowedOrigins: readonly string[]): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('vary', 'Origin');
    const { origin } = request.headers;
    if (origin === undefined) return;
    const isListed = allowedOrigins.includes(origin);
    if (isListed) {
      reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', EXPOSED_HEADERS);
    } else if (!READING.includes(request.method) && !isOwn(origin, request)) {
      const detail = 'This web page may not use the server: WAGGLE_ALLOWED_ORIGINS does not list its origin.';
      throw new ProblemError({ code: 'forbidden', detail });
    }
    if (!isListed || request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
      return;
    }
    await reply
      .code(204)
      .header('access-control-allow-methods', METHODS.join(', '))
      .header('access-control-allow-headers', ALLOWED_HEADERS)
      .header('access-control-max-age', String(PREFLIGHT_LIFE_SECONDS))
      .send();
  });
}
