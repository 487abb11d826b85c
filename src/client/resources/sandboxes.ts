/** Sandboxes: programs, maps and prog arrays that last from run to run. */

import type { Accepted } from '../../contract/accepted.ts';
import type { RunAnswerBody } from '../../contract/result.ts';
import type { ProgramBody } from '../../contract/run.ts';
import type {
  AddedProgram,
  CreatedSandbox,
  GraphDocument,
  SandboxBody,
  SandboxDocument,
  SandboxRunBody,
  SnapshotDocument,
} from '../../contract/sandbox.ts';
import { acceptHeaders, type CallOptions, type Http } from '../http.ts';

export class Sandboxes {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Makes a sandbox of an object, programs and maps, or of a snapshot. What Linux would not load is 422 load_rejected. */
  create(body: SandboxBody, options: CallOptions = {}): Promise<CreatedSandbox> {
    return this.#http.data((client, init) => client.POST('/v1/sandboxes', { ...init, body }), options);
  }

  /** What is in it, what it does, when it ends. */
  get(id: string, options: CallOptions = {}): Promise<SandboxDocument> {
    return this.#http.data(
      (client, init) => client.GET('/v1/sandboxes/{id}', { ...init, params: { path: { id } } }),
      options,
    );
  }

  /** Keeps it for `ttl` seconds from now. */
  keep(id: string, ttl: number, options: CallOptions = {}): Promise<SandboxDocument> {
    return this.#http.data(
      (client, init) => client.PATCH('/v1/sandboxes/{id}', { ...init, params: { path: { id } }, body: { ttl } }),
      options,
    );
  }

  /** Ends it, and cancels what runs on it. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#http.send(
      (client, init) => client.DELETE('/v1/sandboxes/{id}', { ...init, params: { path: { id } } }),
      options,
    );
  }

  /**
   * Runs a program of the sandbox and waits for its result; the maps keep what it leaves. When the call is aborted the run is cancelled.
   */
  async run(id: string, body: SandboxRunBody, options: CallOptions = {}): Promise<RunAnswerBody> {
    const send = this.#http.data(
      (client, init) => client.POST('/v1/sandboxes/{id}/runs', { ...init, params: { path: { id } }, body }),
      options,
    );
    return (await send) as RunAnswerBody;
  }

  /** Starts a run on the sandbox; `client.runs.wait` tells its result. It ends with the process of the service. */
  async accept(id: string, body: SandboxRunBody, options: CallOptions = {}): Promise<Accepted> {
    const params = { path: { id }, header: acceptHeaders({}) };
    const send = this.#http.data(
      (client, init) => client.POST('/v1/sandboxes/{id}/runs', { ...init, params, body }),
      options,
    );
    return (await send) as Accepted;
  }

  /** Adds a program; a run that goes on reaches it as soon as it stands in a slot. */
  addProgram(id: string, body: ProgramBody, options: CallOptions = {}): Promise<AddedProgram> {
    return this.#http.data(
      (client, init) => client.POST('/v1/sandboxes/{id}/programs', { ...init, params: { path: { id } }, body }),
      options,
    );
  }

  /** Copies it, as it stands when all that was asked before has ended. */
  fork(id: string, { ttl, ...options }: CallOptions & { ttl?: number } = {}): Promise<SandboxDocument> {
    const body = ttl === undefined ? {} : { ttl };
    return this.#http.data(
      (client, init) => client.POST('/v1/sandboxes/{id}/fork', { ...init, params: { path: { id } }, body }),
      options,
    );
  }

  /** Stores a copy that outlives the sandbox; `create` takes its id as `snapshot`. */
  snapshot(id: string, { ttl, ...options }: CallOptions & { ttl?: number } = {}): Promise<SnapshotDocument> {
    const body = ttl === undefined ? {} : { ttl };
    return this.#http.data(
      (client, init) => client.POST('/v1/sandboxes/{id}/snapshot', { ...init, params: { path: { id } }, body }),
      options,
    );
  }

  /** Removes a snapshot. */
  async deleteSnapshot(snapshot: string, options: CallOptions = {}): Promise<void> {
    await this.#http.send(
      (client, init) => client.DELETE('/v1/snapshots/{id}', { ...init, params: { path: { id: snapshot } } }),
      options,
    );
  }

  /** Which program can jump where, as the slots are now. */
  graph(id: string, options: CallOptions = {}): Promise<GraphDocument> {
    return this.#http.data(
      (client, init) => client.GET('/v1/sandboxes/{id}/graph', { ...init, params: { path: { id } } }),
      options,
    );
  }
}
