/** Every refusal of a request: the one closed list of problem codes (RFC 9457). */

interface ProblemRow {
  readonly status: number;
  readonly title: string;
  /** May the same request succeed later, unchanged? */
  readonly retryable: boolean;
}

export const PROBLEMS = {
  'bad-json': { status: 400, title: 'The body is not JSON', retryable: false },
  'schema-violation': { status: 400, title: 'The body does not fit the schema', retryable: false },
  'bad-request': { status: 400, title: 'The request cannot be understood', retryable: false },
  'not-found': { status: 404, title: 'There is nothing at this address', retryable: false },
  'method-not-allowed': { status: 405, title: 'This address does not take this method', retryable: false },
  'body-too-large': { status: 413, title: 'The body is larger than the limit', retryable: false },
  'unsupported-media-type': { status: 415, title: 'This content type is not taken here', retryable: false },
  'bad-bytes': { status: 422, title: 'A hex or base64 text cannot be decoded', retryable: false },
  'bad-elf': { status: 422, title: 'The ELF object cannot be read', retryable: false },
  'bad-btf': { status: 422, title: 'The BTF of the object cannot be read', retryable: false },
  'bad-assembly': { status: 422, title: 'The assembly text cannot be read', retryable: false },
  'bad-instructions': { status: 422, title: 'The instruction bytes cannot be read', retryable: false },
  'bad-reference': { status: 422, title: 'The request names something that it does not hold', retryable: false },
  'bad-map': { status: 422, title: 'A map setting does not fit its map', retryable: false },
  'bad-input': { status: 422, title: 'The input does not fit the entry program', retryable: false },
  'limit-exceeded': { status: 422, title: 'A limit of this server was passed', retryable: false },
  'queue-full': { status: 429, title: 'The queue of runs is full', retryable: true },
  internal: { status: 500, title: 'A defect of the server', retryable: false },
  'not-implemented': { status: 501, title: 'A later version brings this', retryable: false },
  draining: { status: 503, title: 'The server is shutting down', retryable: true },
  'not-ready': { status: 503, title: 'The server is not ready', retryable: true },
} as const satisfies Record<string, ProblemRow>;

export type ProblemCode = keyof typeof PROBLEMS;

/** What a worker or a route answers instead of a result. Plain data: it crosses the thread boundary. */
export interface Problem {
  readonly code: ProblemCode;
  /** What was wrong, where, which limit, what to do. */
  readonly detail: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  readonly errno?: string;
  /** Name of the limit that was passed, as in /v1/limits. */
  readonly limit?: string;
}
