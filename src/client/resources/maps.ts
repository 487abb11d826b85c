/** Maps of a sandbox as user space sees them, with Linux's errno (`error.problem.errno`). Keys and values are hex. */

import type { EntryDocument, EntryPage, MapList, UpdateMode } from '../../contract/sandbox.ts';
import type { CallOptions, Http } from '../http.ts';

/** Which elements of a map, page by page. */
interface PageOptions extends CallOptions {
  /** Elements behind this key: `next` of the page before. */
  readonly after?: string;
  /** At most so many. */
  readonly limit?: number;
}

export class Maps {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** The maps of a sandbox. */
  list(sandbox: string, options: CallOptions = {}): Promise<MapList> {
    return this.#http.data(
      (client, init) => client.GET('/v1/sandboxes/{id}/maps', { ...init, params: { path: { id: sandbox } } }),
      options,
    );
  }

  /** A page of elements by ascending key, as they are between two runs. */
  page(sandbox: string, map: string, { after, limit, ...options }: PageOptions = {}): Promise<EntryPage> {
    const path = { id: sandbox, map };
    const query = {
      ...(after === undefined ? {} : { after }),
      ...(limit === undefined ? {} : { limit: String(limit) }),
    };
    return this.#http.data(
      (client, init) => client.GET('/v1/sandboxes/{id}/maps/{map}/entries', { ...init, params: { path, query } }),
      options,
    );
  }

  /** All elements, page after page; runs between two pages may change what is still to come. */
  async *entries(sandbox: string, map: string, options: PageOptions = {}): AsyncGenerator<EntryDocument> {
    for (let after = options.after; ; ) {
      const page = await this.page(sandbox, map, { ...options, ...(after === undefined ? {} : { after }) });
      yield* page.entries;
      if (page.next === null) return;
      after = page.next;
    }
  }

  /** One element. */
  get(sandbox: string, map: string, key: string, options: CallOptions = {}): Promise<EntryDocument> {
    const path = { id: sandbox, map, key };
    return this.#http.data(
      (client, init) => client.GET('/v1/sandboxes/{id}/maps/{map}/entries/{key}', { ...init, params: { path } }),
      options,
    );
  }

  /** Writes an element, as BPF_MAP_UPDATE_ELEM with the flags of `mode`; default any. */
  put(
    sandbox: string,
    map: string,
    { key, value }: { readonly key: string; readonly value: string },
    { mode, ...options }: CallOptions & { mode?: UpdateMode } = {},
  ): Promise<EntryDocument> {
    const params = { path: { id: sandbox, map, key }, query: mode === undefined ? {} : { mode } };
    const body = { value: { hex: value } };
    return this.#http.data(
      (client, init) => client.PUT('/v1/sandboxes/{id}/maps/{map}/entries/{key}', { ...init, params, body }),
      options,
    );
  }

  /** Deletes an element, as BPF_MAP_DELETE_ELEM. */
  async delete(sandbox: string, map: string, key: string, options: CallOptions = {}): Promise<void> {
    const path = { id: sandbox, map, key };
    await this.#http.send(
      (client, init) => client.DELETE('/v1/sandboxes/{id}/maps/{map}/entries/{key}', { ...init, params: { path } }),
      options,
    );
  }
}
