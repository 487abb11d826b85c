/** Requests of the client: typed by the routes of the service, refused with WaggleError, and sent again if that was asked for. */

import createClient, { type Client } from 'openapi-fetch';
import type { ProblemDocument } from '../contract/problem-document.ts';
import type { paths } from './api-types.ts';
import { WaggleError } from './errors.ts';

/** What every call takes. */
export interface CallOptions {
  /** Ends the request, and rejects the call with the signal's reason. */
  readonly signal?: AbortSignal;
  /** How often a request that the service could not take now is sent again, when Retry-After is over. Default: as the client was made. */
  readonly retries?: number;
}

/** Calls that wait for the end of a run or batch. */
export interface WaitOptions extends CallOptions {
  /** Whole seconds that the service may wait for the end, up to 30; default 0. */
  readonly wait?: number;
}

/** Calls that start a run or batch and do not wait for its end. */
export interface AcceptOptions extends CallOptions {
  /** The same key and body are the same run, so that the request can be sent again without harm. */
  readonly idempotencyKey?: string;
}

export interface HttpOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly retries?: number;
}

/** Answer of a request that was not refused. */
export interface Answered<Data> {
  readonly data: Data;
  readonly response: Response;
}

/** A request as openapi-fetch makes it: with data, or with the text or JSON of a refusal. */
type Sent<Data> = Promise<{ readonly data?: Data; readonly error?: unknown; readonly response: Response }>;

/** Seconds to wait where a service says that it can be tried again, and not when. */
const DEFAULT_RETRY_SECONDS = 1;

export class Http {
  readonly #client: Client<paths>;
  readonly #retries: number;

  /** @param url where the service listens; it may have a path */
  constructor(url: string, { headers = {}, retries = 0 }: HttpOptions = {}) {
    this.#client = createClient<paths>({ baseUrl: url, headers });
    this.#retries = retries;
  }

  /**
   * Sends a request.
   * @param send it may be called more than once
   * @throws WaggleError for a problem, and for what is none of the service's answers
   */
  async send<Data>(
    send: (client: Client<paths>, init: { signal?: AbortSignal }) => Sent<Data>,
    { signal, retries = this.#retries }: CallOptions = {},
  ): Promise<Answered<Data>> {
    const init = signal === undefined ? {} : { signal };
    for (let left = retries; ; left -= 1) {
      const { data, error, response } = await send(this.#client, init);
      if (response.ok) return { data: data as Data, response };
      const problem = problemIn(error);
      if (left <= 0 || !isWorthRetrying(problem)) throw new WaggleError(response.status, problem);
      await pause(1000 * secondsIn(response), signal);
    }
  }

  /** The data of an answer that has some. */
  async data<Data>(
    send: (client: Client<paths>, init: { signal?: AbortSignal }) => Sent<Data>,
    options: CallOptions = {},
  ): Promise<Data> {
    return (await this.send(send, options)).data;
  }
}

/** null: not one of the service's own (a proxy may have answered). */
function problemIn(error: unknown): ProblemDocument | null {
  const document = error as Partial<ProblemDocument> | null | undefined;
  return typeof document === 'object' && typeof document?.code === 'string' ? (document as ProblemDocument) : null;
}

/** What took too long may still be going on: sent again it might happen twice. */
function isWorthRetrying(problem: ProblemDocument | null): boolean {
  return problem?.retryable === true && problem.code !== 'answer_timeout';
}

function secondsIn({ headers }: Response): number {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds : DEFAULT_RETRY_SECONDS;
}

/** Rejects with the reason of the signal. */
function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', end);
      resolve();
    }, milliseconds);
    if (signal?.aborted === true) end();
    else signal?.addEventListener('abort', end, { once: true });
  });
}

/** Seconds as the query parameter `wait` has them. */
export const waitQuery = (wait: number | undefined): { wait?: string } =>
  wait === undefined ? {} : { wait: `${wait}s` };

/** Header fields of a request that does not wait for the end. */
export const acceptHeaders = ({ idempotencyKey }: AcceptOptions): { prefer: string; 'idempotency-key'?: string } => ({
  prefer: 'respond-async',
  ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
});
