/** Every refusal of a request: the one closed list of problem codes (RFC 9457). */

import type { Rejection } from './result.ts';

interface ProblemRow {
  readonly status: number;
  readonly title: string;
  /** May the same request succeed later, unchanged? */
  readonly retryable: boolean;
}

export const PROBLEMS = {
  bad_json: { status: 400, title: 'The body is not JSON', retryable: false },
  schema_violation: { status: 400, title: 'The body does not fit the schema', retryable: false },
  bad_request: { status: 400, title: 'The request cannot be understood', retryable: false },
  not_authenticated: { status: 401, title: 'Who asks is not known', retryable: false },
  forbidden: { status: 403, title: 'This origin may not connect', retryable: false },
  bad_delete_token: { status: 403, title: 'The delete token is missing or another', retryable: false },
  not_found: { status: 404, title: 'There is nothing at this address', retryable: false },
  method_not_allowed: { status: 405, title: 'This address does not take this method', retryable: false },
  request_timeout: { status: 408, title: 'The request did not arrive in time', retryable: true },
  run_ended: { status: 409, title: 'The run has ended already', retryable: false },
  idempotency_in_flight: {
    status: 409,
    title: 'A request with this Idempotency-Key is being answered just now',
    retryable: true,
  },
  trace_gone: { status: 410, title: 'The run is no longer kept', retryable: false },
  snapshot_gone: { status: 410, title: 'The snapshot belongs to another version of the engine', retryable: false },
  body_too_large: { status: 413, title: 'The body is larger than the limit', retryable: false },
  unsupported_media_type: { status: 415, title: 'This content type is not taken here', retryable: false },
  bad_bytes: { status: 422, title: 'A hex or base64 text cannot be decoded', retryable: false },
  bad_elf: { status: 422, title: 'The ELF object cannot be read', retryable: false },
  bad_btf: { status: 422, title: 'The BTF of the object cannot be read', retryable: false },
  bad_assembly: { status: 422, title: 'The assembly text cannot be read', retryable: false },
  bad_instructions: { status: 422, title: 'The instruction bytes cannot be read', retryable: false },
  bad_reference: { status: 422, title: 'The request names something that it does not hold', retryable: false },
  not_permitted: { status: 403, title: 'The map may not be read or written', retryable: false },
  no_entry: { status: 404, title: 'The map holds nothing there', retryable: false },
  entry_exists: { status: 409, title: 'The map holds this already', retryable: false },
  map_refused: { status: 422, title: 'The map does not take this', retryable: false },
  load_rejected: { status: 422, title: 'Linux would not load this', retryable: false },
  bad_map: { status: 422, title: 'A map setting does not fit its map', retryable: false },
  bad_input: { status: 422, title: 'The input does not fit the entry program', retryable: false },
  idempotency_mismatch: {
    status: 422,
    title: 'This Idempotency-Key was used for another request',
    retryable: false,
  },
  limit_exceeded: { status: 422, title: 'A limit of this server was passed', retryable: false },
  too_many_sandboxes: { status: 429, title: 'There is no room for another sandbox', retryable: true },
  queue_full: { status: 429, title: 'The queue of runs is full', retryable: true },
  headers_too_large: { status: 431, title: 'The header fields are larger than the limit', retryable: false },
  rate_limited: { status: 429, title: 'This client asks for too much a minute', retryable: true },
  too_many_streams: { status: 429, title: 'Too many streams of runs are open', retryable: true },
  internal: { status: 500, title: 'A defect of the server', retryable: false },
  not_implemented: { status: 501, title: 'A later version brings this', retryable: false },
  answer_timeout: { status: 503, title: 'The answer took too long', retryable: true },
  overloaded: { status: 503, title: 'The server has no room for new work', retryable: true },
  storage_failed: { status: 503, title: 'What is stored cannot be read or written now', retryable: true },
  draining: { status: 503, title: 'The server is shutting down', retryable: true },
  not_ready: { status: 503, title: 'The server is not ready', retryable: true },
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
  /** Why Linux would not load it, as in the result of a run. */
  readonly rejection?: Rejection;
  /** For `Retry-After`, where more is known than that it may succeed later; whole seconds. */
  readonly retryAfterSeconds?: number;
}
