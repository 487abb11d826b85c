/**
 * The client of a Waggle service, for Node and for browsers: runs, their steps, and traces.
 *
 *   const client = new WaggleClient('http://127.0.0.1:8080');
 *   const trace = client.trace({ spec });
 *   for await (const step of trace) console.log(step.step, step.insn);
 *   console.log((await trace.result).outcome.code);
 */

import type { ProblemDocument } from '../contract/problem-document.ts';
import type { RunAnswerBody, RunResult } from '../contract/result.ts';
import type { RunBody } from '../contract/run.ts';
import type { StepPage, StepState } from '../contract/step.ts';
import { WaggleError } from './errors.ts';
import { Trace, type TraceOptions } from './trace.ts';

export interface ClientOptions {
  /** Sent with each request, and with the socket's upgrade unless `tickets` is set. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Open sockets with a ticket (POST /v1/trace-tickets): browsers cannot send headers with them. */
  readonly tickets?: boolean;
}

export class WaggleClient {
  readonly #url: string;
  readonly #options: ClientOptions;

  /** @param url where the service listens, such as http://127.0.0.1:8080 */
  constructor(url: string, options: ClientOptions = {}) {
    this.#url = url;
    this.#options = options;
  }

  /**
   * Runs a chain and waits for its result, with detail "steps" also for its first steps. A run that traps has a result too.
   * Throws WaggleError when the service refuses the request.
   */
  run(body: RunBody): Promise<RunAnswerBody> {
    return this.#request<RunAnswerBody>('POST', '/v1/runs', body);
  }

  /** The result of a run. */
  result(id: string): Promise<RunResult> {
    return this.#request<RunResult>('GET', runPath(id));
  }

  /** A page of steps; `count` is at most MAX_WINDOW_STEPS. */
  steps(id: string, { from = 0, count }: { from?: number; count?: number } = {}): Promise<StepPage> {
    const query = new URLSearchParams({ from: String(from), ...(count === undefined ? {} : { count: String(count) }) });
    return this.#request<StepPage>('GET', `${runPath(id)}/steps?${query.toString()}`);
  }

  /** The state in front of a step; beyond the end the last one. `maps` names the maps to show; default: all. */
  state(id: string, step: number, { maps }: { maps?: readonly string[] } = {}): Promise<StepState> {
    const query = new URLSearchParams({ step: String(step), ...(maps === undefined ? {} : { maps: maps.join(',') }) });
    return this.#request<StepState>('GET', `${runPath(id)}/state?${query.toString()}`);
  }

  /**
   * Watches a run. It connects at once; the steps come as they are read.
   * When all steps were read the socket closes by itself; else `close` it, or declare it with `await using`.
   */
  trace(options: TraceOptions): Trace {
    const { headers, tickets = false } = this.#options;
    return new Trace(async () => {
      if (tickets) return { url: this.#url, ticket: await this.#ticket() };
      return { url: this.#url, ...(headers === undefined ? {} : { headers }) };
    }, options);
  }

  async #ticket(): Promise<string> {
    return (await this.#request<{ ticket: string }>('POST', '/v1/trace-tickets')).ticket;
  }

  async #request<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(new URL(path, this.#url), {
      method,
      headers: { ...this.#options.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text) as Answer;
    throw new WaggleError(response.status, problemIn(text));
  }
}

const runPath = (id: string): string => `/v1/runs/${encodeURIComponent(id)}`;

/** null: not one of the service's own (a proxy may have answered). */
function problemIn(text: string): ProblemDocument | null {
  try {
    const document = JSON.parse(text) as ProblemDocument | null;
    return typeof document?.code === 'string' ? document : null;
  } catch {
    return null;
  }
}
