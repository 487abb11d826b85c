/** Shares: runs that are stored for others to see. */

import { type CreatedShare, DELETE_TOKEN_HEADER, type Share, type ShareBody } from '../../contract/share.ts';
import type { CallOptions, Http } from '../http.ts';

export class Shares {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Stores a run. Whoever has the id may read it, and whoever has the token of this answer may delete it. */
  create(body: ShareBody, options: CallOptions = {}): Promise<CreatedShare> {
    return this.#http.data((client, init) => client.POST('/v1/shares', { ...init, body }), options);
  }

  /** Reads a share; that needs no key. */
  get(id: string, options: CallOptions = {}): Promise<Share> {
    return this.#http.data(
      (client, init) => client.GET('/v1/shares/{id}', { ...init, params: { path: { id } } }),
      options,
    );
  }

  /** Deletes a share. */
  async delete(id: string, deleteToken: string, options: CallOptions = {}): Promise<void> {
    const params = { path: { id }, header: { [DELETE_TOKEN_HEADER]: deleteToken } };
    await this.#http.send((client, init) => client.DELETE('/v1/shares/{id}', { ...init, params }), options);
  }
}
