/** The one place where refusals become answers: the error handler, the answer for unknown addresses, and a page for each code. */

import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { LATER_RESOURCES } from '../contract/later.ts';
import { PROBLEMS, type Problem, type ProblemCode } from '../contract/problem.ts';
import { PROBLEM_MEDIA_TYPE, problemDocument, problemPath } from '../contract/problem-document.ts';
import { closed } from '../contract/schema.ts';
import { StoreFailure } from '../store/store.ts';
import { ProblemError } from './problem-error.ts';
import { type SchemaError, schemaViolation } from './schema-violation.ts';
import type { Api } from './services.ts';

/** Answer to `retryable` problems that do not say when: try again after this many seconds. */
export const RETRY_AFTER_SECONDS = 1;

/** Fastify's own refusals, by their code. */
const FASTIFY_PROBLEMS: Readonly<Record<string, (error: FastifyError) => Problem>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => ({
    code: 'unsupported_media_type',
    detail: 'Send the body as application/json.',
  }),
  FST_ERR_CTP_BODY_TOO_LARGE: () => ({
    code: 'body_too_large',
    detail: 'The body is larger than maxBodyBytes in /v1/limits.',
    limit: 'maxBodyBytes',
  }),
  FST_ERR_HANDLER_TIMEOUT: () => ({
    code: 'answer_timeout',
    detail: 'There was no answer within maxHandlerMs (see /v1/limits); what the request began may still be going on.',
    limit: 'maxHandlerMs',
  }),
  FST_ERR_MAX_PARAM_LENGTH: () => ({ code: 'not_found', detail: 'No id in an address is that long.' }),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => ({ code: 'bad_json', detail: 'The body is empty.' }),
  FST_ERR_CTP_INVALID_JSON_BODY: () => ({ code: 'bad_json', detail: 'The body is not valid JSON.' }),
};

/** Query parameters are checked by hand (query.ts): what the schema refuses is one that is not known here, too long, or given twice. */
function unknownParameter(error: FastifyError): Problem {
  const { errors = [] } = schemaViolation(error.validation as unknown as SchemaError[]);
  const detail = errors.map(({ pointer, detail: text }) => `${pointer.slice(1)} ${text}`).join('; ');
  return { code: 'bad_request', detail: `In the query: ${detail}.` };
}

/** What a thrown error means to the client; null: a defect of ours. */
function problemOf(error: FastifyError): Problem | null {
  if (error instanceof ProblemError) return error.problem;
  if (error.validationContext === 'querystring') return unknownParameter(error);
  if (error.validation !== undefined) return schemaViolation(error.validation as unknown as SchemaError[]);
  const known = FASTIFY_PROBLEMS[error.code];
  if (known !== undefined) return known(error);
  const status = error.statusCode ?? 500;
  return status >= 400 && status < 500 ? { code: 'bad_request', detail: 'The request cannot be understood.' } : null;
}

/** Sends a problem as application/problem+json. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  const document = problemDocument(problem, request.id);
  if (document.retryable) reply.header('retry-after', String(problem.retryAfterSeconds ?? RETRY_AFTER_SECONDS));
  return reply.code(document.status).type(PROBLEM_MEDIA_TYPE).serializer(JSON.stringify).send(document);
}

/** The last stop of every error of a request: a problem, or `internal` with the error in the log and nothing of it in the answer. */
export function handleError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error);
  if (problem !== null) return sendProblem(request, reply, problem);
  if (error instanceof StoreFailure) {
    request.log.error({ err: error }, 'the store failed');
    return sendProblem(request, reply, {
      code: 'storage_failed',
      detail: 'What is stored could not be read or written; it is logged with this requestId. Try again later.',
    });
  }
  request.log.error({ err: error }, 'a request failed by a defect');
  return sendProblem(request, reply, {
    code: 'internal',
    detail: 'A defect of the server; it is logged with this requestId.',
  });
}

function handleUnknown(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const resource = /^\/v1\/([a-z-]+)(?:[/?]|$)/.exec(request.url)?.[1];
  if (LATER_RESOURCES.some((later) => later === resource)) {
    return sendProblem(request, reply, { code: 'not_implemented', detail: `A later version brings /v1/${resource}.` });
  }
  return sendProblem(request, reply, {
    code: 'not_found',
    detail: 'There is nothing here; /docs lists what there is.',
  });
}

/** Sets the handlers of an instance. */
export function setProblemHandlers(app: Pick<Api, 'setErrorHandler' | 'setNotFoundHandler'>): void {
  app.setErrorHandler(handleError);
  app.setNotFoundHandler(handleUnknown);
}

/** Refuses a request that does not say whom it asks (RFC 9112 §3.2), for all routes that come after it. */
export function requireHost(app: Pick<Api, 'addHook'>): void {
  app.addHook('onRequest', async ({ raw }) => {
    if (raw.headers.host !== undefined || raw.httpVersion !== '1.1') return;
    throw new ProblemError({ code: 'bad_request', detail: 'A request of HTTP/1.1 needs the header field Host.' });
  });
}

/** What can go wrong before there is a request, by Node's codes. */
const CONNECTION_PROBLEMS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: {
    code: 'headers_too_large',
    detail: 'The request line and its header fields are larger than maxHeaderBytes in /v1/limits.',
    limit: 'maxHeaderBytes',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    code: 'request_timeout',
    detail:
      'The request did not arrive in time: header fields have maxHeadersMs, all of it has maxRequestMs (see /v1/limits).',
    limit: 'maxRequestMs',
  },
};

/** Answers what is not HTTP, or came too slowly, on the bare socket. */
export function handleClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const problem: Problem = CONNECTION_PROBLEMS[error.code ?? ''] ?? {
    code: 'bad_request',
    detail: 'This is not an HTTP request that can be read.',
  };
  const document = problemDocument(problem, randomUUID());
  const body = JSON.stringify(document);
  socket.end(
    `HTTP/1.1 ${document.status} ${STATUS_CODES[document.status]}\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function problemPage(code: ProblemCode): string {
  const { status, title, retryable } = PROBLEMS[code];
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${code} - Waggle</title>
<h1>${code}</h1><p>${title}.</p>
<p>HTTP status ${status}. ${retryable ? 'The same request may succeed later.' : 'The same request will be refused again.'}</p>
<p>The answer's <code>detail</code> and <code>errors</code> say what was wrong and where. See <a href="/docs">the API</a>.</p></html>
`;
}

/** Registers the pages that problem documents point to with `type`. */
export function registerProblemPages(app: Api): void {
  const codes = Object.keys(PROBLEMS) as ProblemCode[];
  const pages = new Map<string, string>(codes.map((code) => [problemPath(code), problemPage(code)]));
  app.get(
    problemPath(':code'),
    {
      schema: {
        operationId: 'getProblemPage',
        summary: 'What a problem means',
        description: 'The page that the type of a problem document names.',
        tags: ['info'],
        params: Type.Object({ code: Type.String({ description: 'A code of /v1/outcomes' }) }, closed),
        response: { 200: { description: 'A page', content: { 'text/html': { schema: Type.String() } } } },
      },
    },
    async (request, reply) => {
      const page = pages.get(problemPath(request.params.code));
      if (page === undefined)
        throw new ProblemError({ code: 'not_found', detail: 'There is no problem with this code.' });
      return reply
        .type('text/html; charset=utf-8')
        .serializer((text: unknown) => text as string)
        .send(page);
    },
  );
}
