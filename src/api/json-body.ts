/** The one content type of requests: application/json. Its size is kept, since limits after parsing depend on it. */

import type { FastifyInstance } from 'fastify';
import { ProblemError } from './problem-error.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Size of the body as it came, bytes. */
    bodyBytes: number;
  }
}

/** Replaces Fastify's parsers (JSON and plain text) by one for JSON that refuses `__proto__` and `constructor.prototype` keys. */
export function setJsonParser(
  app: Pick<
    FastifyInstance,
    'removeAllContentTypeParsers' | 'addContentTypeParser' | 'getDefaultJsonParser' | 'decorateRequest'
  >,
): void {
  app.decorateRequest('bodyBytes', 0);
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    request.bodyBytes = body.length;
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      const detail = 'A body with a content-encoding is not taken: send it as it is.';
      done(new ProblemError({ code: 'unsupported_media_type', detail }));
      return;
    }
    const text = decodeUtf8(body as Buffer);
    if (text === null) {
      done(new ProblemError({ code: 'bad_json', detail: 'The body is not UTF-8.' }));
      return;
    }
    // The parser answers at once, through its callback.
    void parse(request, text, (error, value) => {
      if (error === null) done(null, value);
      else if ('statusCode' in error && error.message.includes('prototype')) {
        done(
          new ProblemError({ code: 'bad_json', detail: 'The body has a key that would change an object prototype.' }),
        );
      } else done(error);
    });
  });
}

/** The text of the bytes; null when they are not UTF-8. */
function decodeUtf8(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
