/** Runs: programs that are loaded, verified and run once. */

import type { Accepted } from '../../contract/accepted.ts';
import type { RunAnswerBody, RunResult } from '../../contract/result.ts';
import type { RunBody } from '../../contract/run.ts';
import type { StepPage, StepState } from '../../contract/step.ts';
import type { ServerMessage } from '../../contract/trace.ts';
import {
  type AcceptOptions,
  acceptHeaders,
  type CallOptions,
  type Http,
  type WaitOptions,
  waitQuery,
} from '../http.ts';
import { textLines } from '../text-lines.ts';

/** Longest time that one request waits for the end of a run, s. */
export const LONGEST_WAIT_SECONDS = 30;

/** A message of the service about a run, and the step that comes next for who goes on behind it. */
export interface RunEvent {
  readonly message: ServerMessage;
  /** For `after` of another call; null: it cannot be gone on from here. */
  readonly step: number | null;
}

export class Runs {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Runs a chain and waits for its result, with detail "steps" also for its first steps. A run that traps has a result too.
   * When the call is aborted the run is cancelled.
   * @param options `fresh`: make the run even if the result of the same one is remembered
   * @throws WaggleError when the service refuses the request
   */
  async create(
    body: RunBody,
    { fresh = false, ...options }: CallOptions & { fresh?: boolean } = {},
  ): Promise<RunAnswerBody> {
    const header = fresh ? { 'cache-control': 'no-cache' } : {};
    const send = this.#http.data(
      (client, init) => client.POST('/v1/runs', { ...init, params: { header }, body }),
      options,
    );
    return (await send) as RunAnswerBody;
  }

  /** Starts a run that outlives this connection and the process of the service. `wait` tells its result. */
  async accept(body: RunBody, options: AcceptOptions = {}): Promise<Accepted> {
    const header = acceptHeaders(options);
    const send = this.#http.data(
      (client, init) => client.POST('/v1/runs', { ...init, params: { header }, body }),
      options,
    );
    return (await send) as Accepted;
  }

  /** The result of a run; null: it has not ended. */
  async get(id: string, { wait, ...options }: WaitOptions = {}): Promise<RunResult | null> {
    const { data, response } = await this.#http.send(
      (client, init) => client.GET('/v1/runs/{id}', { ...init, params: { path: { id }, query: waitQuery(wait) } }),
      options,
    );
    return response.status === 202 ? null : (data as RunResult);
  }

  /** The result of a run, when it has ended. */
  async wait(id: string, options: CallOptions = {}): Promise<RunResult> {
    for (;;) {
      const result = await this.get(id, { ...options, wait: LONGEST_WAIT_SECONDS });
      if (result !== null) return result;
    }
  }

  /** Ends a run; its result then has the outcome `cancelled`. One that has ended is 409 run_ended. */
  cancel(id: string, options: CallOptions = {}): Promise<Accepted> {
    return this.#http.data(
      (client, init) => client.DELETE('/v1/runs/{id}', { ...init, params: { path: { id } } }),
      options,
    );
  }

  /** A page of steps; `count` is at most MAX_WINDOW_STEPS. */
  steps(
    id: string,
    { from = 0, count, ...options }: CallOptions & { from?: number; count?: number } = {},
  ): Promise<StepPage> {
    const query = { from: String(from), ...(count === undefined ? {} : { count: String(count) }) };
    return this.#http.data(
      (client, init) => client.GET('/v1/runs/{id}/steps', { ...init, params: { path: { id }, query } }),
      options,
    );
  }

  /** The state in front of a step; beyond the end, and by default, the last one. `maps` names the maps to show; default: all. */
  state(
    id: string,
    step?: number,
    { maps, ...options }: CallOptions & { maps?: readonly string[] } = {},
  ): Promise<StepState> {
    const query = {
      ...(step === undefined ? {} : { step: String(step) }),
      ...(maps === undefined ? {} : { maps: maps.join(',') }),
    };
    return this.#http.data(
      (client, init) => client.GET('/v1/runs/{id}/state', { ...init, params: { path: { id }, query } }),
      options,
    );
  }

  /**
   * What a run did, once it has ended, for who cannot have a socket.
   * @param options `detail` "steps": every step too; `after`: only what is behind the step of an earlier event
   */
  async *events(
    id: string,
    { detail = 'chain', after, ...options }: CallOptions & { detail?: 'chain' | 'steps'; after?: number } = {},
  ): AsyncGenerator<RunEvent> {
    const header = after === undefined ? {} : { 'last-event-id': String(after) };
    const body = await this.#http.data(
      (client, init) =>
        client.GET('/v1/runs/{id}/events', {
          ...init,
          params: { path: { id }, query: { detail }, header },
          parseAs: 'stream',
        }),
      options,
    );
    let step: number | null = null;
    for await (const line of textLines((body ?? null) as ReadableStream<Uint8Array> | null)) {
      if (line.startsWith('id: ')) step = Number(line.slice('id: '.length));
      else if (line.startsWith('data: ')) {
        yield { message: JSON.parse(line.slice('data: '.length)) as ServerMessage, step };
        step = null;
      }
    }
  }

  /** A run as a file for ui.perfetto.dev and chrome://tracing, as it is written. */
  async perfettoTrace(id: string, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const body = await this.#http.data(
      (client, init) =>
        client.GET('/v1/runs/{id}/trace.perfetto', { ...init, params: { path: { id } }, parseAs: 'stream' }),
      options,
    );
    return body as ReadableStream<Uint8Array>;
  }
}
