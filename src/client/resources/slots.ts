/** Slots of the prog arrays of a sandbox. A run that goes on sees a change at its next tail call. */

import type { SlotDocument, SlotPage, SwapDocument } from '../../contract/sandbox.ts';
import type { CallOptions, Http } from '../http.ts';

export class Slots {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Filled slots, with the owner and the generation of the array. `after`: those behind this index. */
  list(
    sandbox: string,
    map: string,
    { after, limit, ...options }: CallOptions & { after?: number; limit?: number } = {},
  ): Promise<SlotPage> {
    const path = { id: sandbox, map };
    const query = {
      ...(after === undefined ? {} : { after: String(after) }),
      ...(limit === undefined ? {} : { limit: String(limit) }),
    };
    return this.#http.data(
      (client, init) => client.GET('/v1/sandboxes/{id}/maps/{map}/slots', { ...init, params: { path, query } }),
      options,
    );
  }

  /** The program in a slot; an empty one is 404 with ENOENT. */
  get(sandbox: string, map: string, index: number, options: CallOptions = {}): Promise<SlotDocument> {
    const path = { id: sandbox, map, index: String(index) };
    return this.#http.data(
      (client, init) => client.GET('/v1/sandboxes/{id}/maps/{map}/slots/{index}', { ...init, params: { path } }),
      options,
    );
  }

  /** Puts a program of the sandbox into a slot. */
  put(
    sandbox: string,
    map: string,
    { index, program }: { readonly index: number; readonly program: string },
    options: CallOptions = {},
  ): Promise<SlotDocument> {
    const params = { path: { id: sandbox, map, index: String(index) } };
    const body = { program };
    return this.#http.data(
      (client, init) => client.PUT('/v1/sandboxes/{id}/maps/{map}/slots/{index}', { ...init, params, body }),
      options,
    );
  }

  /** Empties a slot; an empty one is 404 with ENOENT. */
  clear(sandbox: string, map: string, index: number, options: CallOptions = {}): Promise<SlotDocument> {
    const path = { id: sandbox, map, index: String(index) };
    return this.#http.data(
      (client, init) => client.DELETE('/v1/sandboxes/{id}/maps/{map}/slots/{index}', { ...init, params: { path } }),
      options,
    );
  }

  /** Changes several slots at once, between two tail calls: an index to the name of a program, or to null to empty it. */
  swap(
    sandbox: string,
    map: string,
    slots: Readonly<Record<number, string | null>>,
    options: CallOptions = {},
  ): Promise<SwapDocument> {
    const params = { path: { id: sandbox, map } };
    return this.#http.data(
      (client, init) =>
        client.POST('/v1/sandboxes/{id}/maps/{map}/slots/swap', { ...init, params, body: { slots: { ...slots } } }),
      options,
    );
  }
}
