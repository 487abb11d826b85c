/**
 * The client of a Waggle service, for Node and for browsers: every route by its resource, and traces.
 *
 *   const client = new WaggleClient('http://127.0.0.1:8080');
 *   const trace = client.trace({ spec });
 *   for await (const step of trace) console.log(step.step, step.insn);
 *   console.log((await trace.result).outcome.code);
 */

import type { RunAnswerBody, RunResult } from '../contract/result.ts';
import type { RunBody } from '../contract/run.ts';
import type { StepPage, StepState } from '../contract/step.ts';
import { type CallOptions, Http } from './http.ts';
import { Batches } from './resources/batches.ts';
import { ServiceInfo } from './resources/info.ts';
import { Maps } from './resources/maps.ts';
import { Programs } from './resources/programs.ts';
import { Runs } from './resources/runs.ts';
import { Sandboxes } from './resources/sandboxes.ts';
import { Shares } from './resources/shares.ts';
import { Slots } from './resources/slots.ts';
import { Trace, type TraceOptions } from './trace.ts';

export interface ClientOptions {
  /** Sent with each request, and with the socket's upgrade unless `tickets` is set. A key: `{authorization: 'Bearer <id>.<secret>'}`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Open sockets with a ticket (POST /v1/trace-tickets): browsers cannot send headers with them. */
  readonly tickets?: boolean;
  /** How often a request that the service could not take now (a retryable problem) is sent again, after its Retry-After; default 0. */
  readonly retries?: number;
}

export class WaggleClient {
  readonly runs: Runs;
  readonly batches: Batches;
  readonly programs: Programs;
  readonly sandboxes: Sandboxes;
  readonly maps: Maps;
  readonly slots: Slots;
  readonly shares: Shares;
  readonly info: ServiceInfo;
  readonly #url: string;
  readonly #http: Http;
  readonly #options: ClientOptions;

  /** @param url where the service listens, such as http://127.0.0.1:8080 */
  constructor(url: string, options: ClientOptions = {}) {
    const http = new Http(url, options);
    this.runs = new Runs(http);
    this.batches = new Batches(http);
    this.programs = new Programs(http);
    this.sandboxes = new Sandboxes(http);
    this.maps = new Maps(http);
    this.slots = new Slots(http);
    this.shares = new Shares(http);
    this.info = new ServiceInfo(http);
    this.#url = url;
    this.#http = http;
    this.#options = options;
  }

  /** Short for runs.create. */
  run(body: RunBody, options: CallOptions = {}): Promise<RunAnswerBody> {
    return this.runs.create(body, options);
  }

  /** Short for runs.wait. */
  result(id: string, options: CallOptions = {}): Promise<RunResult> {
    return this.runs.wait(id, options);
  }

  /** Short for runs.steps. */
  steps(id: string, options: Parameters<Runs['steps']>[1] = {}): Promise<StepPage> {
    return this.runs.steps(id, options);
  }

  /** Short for runs.state. */
  state(id: string, step: number, options: Parameters<Runs['state']>[2] = {}): Promise<StepState> {
    return this.runs.state(id, step, options);
  }

  /**
   * Watches a run. It connects at once; the steps come as they are read.
   * When all steps were read the socket closes by itself; else `close` it, or declare it with `await using`.
   */
  trace(options: TraceOptions): Trace {
    const { headers, tickets = false } = this.#options;
    return new Trace(async () => {
      if (tickets) return { url: this.#url, ticket: await this.traceTicket() };
      return { url: this.#url, ...(headers === undefined ? {} : { headers }) };
    }, options);
  }

  /** A ticket that opens the trace socket once, for who opens it by himself. */
  async traceTicket(options: CallOptions = {}): Promise<string> {
    const { ticket } = await this.#http.data((client, init) => client.POST('/v1/trace-tickets', init), options);
    return ticket;
  }
}
