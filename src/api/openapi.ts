/** The OpenAPI 3.1 document, made from the schemas that validate; /docs shows it. */

import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySchema, RouteOptions } from 'fastify';
import { Type } from 'typebox';
import { PROBLEMS, type ProblemCode } from '../contract/problem.ts';
import { PROBLEM_MEDIA_TYPE } from '../contract/problem-document.ts';
import { VERSION } from '../contract/version.ts';
import { isShared, needsKey } from './authentication.ts';
import { Naming, reference, withReferences } from './components.ts';
import { byStatus, problemsOf } from './documented-problems.ts';
import type { Api } from './services.ts';

const DESCRIPTION = `A networked sandbox for chains of eBPF programs.

64-bit integers are strings, decimal or 0x; bytes are {"hex": …}, {"base64": …} or {"text": …}. Unknown fields and query parameters are refused, never dropped.
A refusal is application/problem+json (RFC 9457); its type is a page of this server. Every answer has X-Request-Id, which a request may bring along, and traceparent (W3C).
Before there is a route, a request can be answered 408 (request_timeout), 431 (headers_too_large) and 400 (bad_request); an address answers methods that it does not take by 405 with Allow.`;

/** How a request says who asks. */
const KEY_SCHEME = {
  type: 'http',
  scheme: 'bearer',
  description: 'A key of WAGGLE_API_KEYS: <id>.<secret>. A server without keys lets everybody in',
} as const;

const TAGS = [
  { name: 'runs', description: 'Chains of programs, run once' },
  { name: 'batches', description: 'Many runs in one request' },
  { name: 'programs', description: 'Programs by the hash of their content' },
  { name: 'sandboxes', description: 'Programs and maps that last; slots that change under a running chain' },
  { name: 'shares', description: 'Runs stored for others to see' },
  { name: 'traces', description: 'Every step of a run while it goes on' },
  { name: 'info', description: 'What this server is and allows' },
  { name: 'health', description: 'For probes' },
];

/** Descriptions of answers whose schema has none. */
const ANSWERS: Readonly<Record<string, string>> = {
  200: 'The answer',
  201: 'Made',
  202: 'Accepted, and not ended yet',
};

/** Header fields of answers. */
const FIELDS: Readonly<Record<string, string>> = {
  Location: 'Where it stands',
  'Retry-After': 'Seconds after which to ask again',
  ETag: 'Strong: If-None-Match with it is answered 304',
  'Cache-Control': 'It does not change, and may be kept',
  RateLimit: "What is left of the client's rates (draft-ietf-httpapi-ratelimit-headers)",
  'RateLimit-Policy': "The client's rates",
};

const HEADERS = Object.fromEntries(
  Object.entries(FIELDS).map(([name, description]) => [name, { description, schema: { type: 'string' } }]),
);

/** Those with a condition that holds, as references. */
function fields(chosen: Readonly<Record<string, boolean>>): object {
  const names = Object.keys(FIELDS).filter((name) => chosen[name] === true);
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** What the first pass notes for the second one, which has no routes any more. */
const NOTE = 'x-waggle';
interface Note {
  readonly problems: readonly ProblemCode[];
  readonly location: boolean;
  readonly isLimited: boolean;
}

interface Answer {
  description: string;
  headers?: object;
  content?: object;
}
interface Operation {
  [NOTE]?: Note;
  responses: Record<string, Answer>;
}

function note({ url, config }: RouteOptions, problems: Iterable<ProblemCode>): Note {
  return {
    problems: [...problems],
    location: config?.location === true,
    isLimited: needsKey(url) || isShared(url),
  };
}

/** Fills an operation's answers: descriptions, header fields, problems. */
function complete(operation: Operation): void {
  const { [NOTE]: noted, responses } = operation;
  delete operation[NOTE];
  if (noted === undefined) return;
  const { location, isLimited } = noted;
  const limited = { RateLimit: isLimited, 'RateLimit-Policy': isLimited };
  const isKept = '304' in responses;
  for (const [status, answer] of Object.entries(responses)) {
    if (answer.description === 'Default Response') answer.description = ANSWERS[status] ?? 'The answer';
    const isAccepted = status === '202';
    answer.headers = fields({
      Location: location && (status === '201' || isAccepted),
      'Retry-After': isAccepted,
      ETag: isKept,
      'Cache-Control': isKept,
      ...limited,
    });
  }
  for (const [status, codes] of byStatus(new Set(noted.problems))) {
    responses[status] = {
      description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('. '),
      headers: fields({ 'Retry-After': codes.some((code) => PROBLEMS[code].retryable), ...limited }),
      content: { [PROBLEM_MEDIA_TYPE]: { schema: reference('ProblemDocument') } },
    };
  }
}

/**
 * How the document is made.
 * @param keysRequired does this server have keys?
 */
export function documentOptions(keysRequired: boolean): FastifyDynamicSwaggerOptions {
  const naming = new Naming();
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Waggle',
        version: VERSION,
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      tags: TAGS,
      components: { securitySchemes: { bearer: KEY_SCHEME } },
    },
    transform: ({ schema, url, route }) => {
      const security = keysRequired && needsKey(url) ? [{ bearer: [] }] : needsKey(url) ? [{}, { bearer: [] }] : [];
      const noted = { [NOTE]: note(route, problemsOf(route, keysRequired)) };
      const { body, response } = schema ?? {};
      const marked = {
        ...(body === undefined ? {} : { body: naming.mark(body) }),
        ...(response === undefined ? {} : { response: naming.mark(response) }),
      };
      return { schema: { ...schema, ...marked, ...noted, security } as FastifySchema, url };
    },
    transformObject: (made) => {
      const document = 'openapiObject' in made ? made.openapiObject : {};
      const { paths = {}, components = {} } = document;
      for (const path of Object.values(paths)) {
        for (const operation of Object.values(path ?? {})) complete(operation as unknown as Operation);
      }
      return {
        ...document,
        paths: withReferences(paths),
        components: { ...components, schemas: naming.schemas(), headers: HEADERS },
      } as typeof document;
    },
  };
}

export function registerOpenApi(app: Api): void {
  app.get(
    '/openapi.json',
    {
      schema: {
        operationId: 'getOpenApi',
        summary: 'This document',
        description: 'OpenAPI 3.1, made from the schemas that validate. /docs shows it.',
        tags: ['info'],
        response: {
          200: {
            description: 'OpenAPI 3.1',
            content: { 'application/json': { schema: Type.Unsafe({ type: 'object' }) } },
          },
        },
      },
      serializerCompiler: () => JSON.stringify,
    },
    async () => app.swagger(),
  );
}
