/** Batches: many runs in one request, each answered on its own. */

import type { Accepted } from '../../contract/accepted.ts';
import { type BatchLine, NDJSON_MEDIA_TYPE } from '../../contract/batch.ts';
import type { RunBody } from '../../contract/run.ts';
import {
  type AcceptOptions,
  acceptHeaders,
  type CallOptions,
  type Http,
  type WaitOptions,
  waitQuery,
} from '../http.ts';
import { textLines } from '../text-lines.ts';
import { LONGEST_WAIT_SECONDS } from './runs.ts';

type Stream = ReadableStream<Uint8Array> | null;

export class Batches {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Runs many, and tells how each ended as it ends: `index` is its place. Who stops reading cancels the rest.
   * @param options `fresh`: make runs even if the result of the same one is remembered
   * @throws WaggleError when the batch as a whole is refused
   */
  async *run(
    items: readonly RunBody[],
    { fresh = false, ...options }: CallOptions & { fresh?: boolean } = {},
  ): AsyncGenerator<BatchLine> {
    const header = fresh ? { 'cache-control': 'no-cache' } : {};
    const { data } = await this.#post(items, header, options);
    yield* batchLines(data);
  }

  /** Starts a batch that outlives this connection and the process of the service. `wait` tells its lines. */
  async accept(items: readonly RunBody[], options: AcceptOptions = {}): Promise<Accepted> {
    const { response, data } = await this.#post(items, acceptHeaders(options), options);
    return (await new Response(data, response).json()) as Accepted;
  }

  /** The lines of an accepted batch, in the order of its items; null: it has not ended. */
  async get(id: string, { wait, ...options }: WaitOptions = {}): Promise<BatchLine[] | null> {
    const { data, response } = await this.#http.send(
      (client, init) =>
        client.GET('/v1/batches/{id}', {
          ...init,
          params: { path: { id }, query: waitQuery(wait) },
          parseAs: 'stream',
        }),
      options,
    );
    const lines: BatchLine[] = [];
    for await (const line of batchLines(data as Stream)) lines.push(line);
    return response.status === 202 ? null : lines;
  }

  /** The lines of an accepted batch, when it has ended. */
  async wait(id: string, options: CallOptions = {}): Promise<BatchLine[]> {
    for (;;) {
      const lines = await this.get(id, { ...options, wait: LONGEST_WAIT_SECONDS });
      if (lines !== null) return lines;
    }
  }

  /** Ends a batch; items that have not ended end as `cancelled`. One that has ended is 409 run_ended. */
  cancel(id: string, options: CallOptions = {}): Promise<Accepted> {
    return this.#http.data(
      (client, init) => client.DELETE('/v1/batches/{id}', { ...init, params: { path: { id } } }),
      options,
    );
  }

  async #post(
    items: readonly RunBody[],
    header: Readonly<Record<string, string>>,
    options: CallOptions,
  ): Promise<{ readonly data: Stream; readonly response: Response }> {
    const { data, response } = await this.#http.send(
      (client, init) =>
        client.POST('/v1/batches', {
          ...init,
          params: { header },
          headers: { 'content-type': NDJSON_MEDIA_TYPE },
          body: items.map((item) => JSON.stringify(item)).join('\n'),
          bodySerializer: (lines) => lines,
          parseAs: 'stream',
        }),
      options,
    );
    return { data: (data ?? null) as Stream, response };
  }
}

async function* batchLines(body: Stream): AsyncGenerator<BatchLine> {
  for await (const line of textLines(body)) if (line !== '') yield JSON.parse(line) as BatchLine;
}
