/** The one content type of requests: application/json. Its size is kept, since limits after parsing depend on it. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Problem } from '../contract/problem.ts';
import { ProblemError } from './problem-error.ts';
import { prototypeKey } from './prototype-key.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Size of the body as it came, bytes. */
    bodyBytes: number;
  }
}

/** Escapes included, every text that may hold such a key; most bodies are not looked at twice. */
const SUSPECT = /__proto__|constructor|\\u/;

function prototypeProblem(what: string, pointer: string): Problem {
  const detail = `would reach the prototype of an object, and is never taken from a ${what}: remove or rename this key`;
  return { code: 'schema_violation', detail: `${pointer}: ${detail}.`, errors: [{ pointer, detail }] };
}

/** A JSON text's value, or why it is none. */
export type JsonReading = { readonly value: unknown } | { readonly problem: Problem };

/** Reads JSON that comes as bytes; keys that would reach an object's prototype are refused. */
export type JsonReader = (bytes: Buffer) => JsonReading;

/** The one reader of JSON that requests bring. @param what it is, for problems */
export function jsonReader(what = 'body'): JsonReader {
  const bad = (fault: string): JsonReading => ({ problem: { code: 'bad_json', detail: `The ${what} ${fault}.` } });
  return (bytes) => {
    const text = decodeUtf8(bytes);
    if (text === null) return bad('is not UTF-8');
    if (text === '') return bad('is empty');
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return bad('is not valid JSON');
    }
    const pointer = SUSPECT.test(text) ? prototypeKey(value) : null;
    return pointer === null ? { value } : { problem: prototypeProblem(what, pointer) };
  };
}

/** @throws ProblemError unsupported_media_type for a body that is compressed */
export function refuseEncoding(request: FastifyRequest): void {
  const encoding = request.headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return;
  const detail = 'A body with a content-encoding is not taken: send it as it is.';
  throw new ProblemError({ code: 'unsupported_media_type', detail });
}

/** Replaces Fastify's parsers (JSON and plain text) by one for JSON that refuses `__proto__` and `constructor.prototype` keys. */
export function setJsonParser(
  app: Pick<FastifyInstance, 'removeAllContentTypeParsers' | 'addContentTypeParser' | 'decorateRequest'>,
): void {
  app.decorateRequest('bodyBytes', 0);
  app.removeAllContentTypeParsers();
  const read = jsonReader();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    request.bodyBytes = body.length;
    refuseEncoding(request);
    const reading = read(body);
    if ('problem' in reading) throw new ProblemError(reading.problem);
    return reading.value;
  });
}

/** Kept: it takes as long to make one as to decode a small body. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of the bytes; null when they are not UTF-8. */
function decodeUtf8(bytes: Buffer): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}
