/** Programs that are stored under the hash of their content, and what is shown of them. */

import {
  type Disassembly,
  ELF_MEDIA_TYPE,
  type ProgramDetails,
  type ProgramGraph,
  type ProgramsStored,
  type ProgramUpload,
  type ProgramVerification,
} from '../../contract/program.ts';
import type { CallOptions, Http } from '../http.ts';

export class Programs {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Stores the programs of an ELF object (its bytes, or `elf`), or one program with the maps that it refers to. Runs and sandboxes name them
   * by their ids.
   */
  store(upload: ProgramUpload | Uint8Array, options: CallOptions = {}): Promise<ProgramsStored> {
    return this.#http.data(
      (client, init) =>
        upload instanceof Uint8Array
          ? client.POST('/v1/programs', {
              ...init,
              headers: { 'content-type': ELF_MEDIA_TYPE },
              body: upload,
              bodySerializer: (bytes) => bytes,
            })
          : client.POST('/v1/programs', { ...init, body: upload }),
      options,
    );
  }

  /** Its linked instructions, functions and maps. */
  get(id: string, options: CallOptions = {}): Promise<ProgramDetails> {
    return this.#http.data(
      (client, init) => client.GET('/v1/programs/{id}', { ...init, params: { path: { id } } }),
      options,
    );
  }

  /** Its instructions as rows, with their source lines. */
  async disassembly(id: string, options: CallOptions = {}): Promise<Disassembly> {
    const params = { path: { id }, query: { format: 'json' } };
    const send = this.#http.data(
      (client, init) => client.GET('/v1/programs/{id}/disassembly', { ...init, params }),
      options,
    );
    return (await send) as Disassembly;
  }

  /** Its instructions as text, which `store` reads as `asm`. */
  listing(id: string, options: CallOptions = {}): Promise<string> {
    const params = { path: { id }, query: { format: 'text' } };
    return this.#http.data(
      (client, init) => client.GET('/v1/programs/{id}/disassembly', { ...init, params, parseAs: 'text' }),
      options,
    );
  }

  /** Its control-flow graph: blocks, loops, calls and tail calls. */
  async graph(id: string, options: CallOptions = {}): Promise<ProgramGraph> {
    const params = { path: { id }, query: { format: 'json' } };
    const send = this.#http.data((client, init) => client.GET('/v1/programs/{id}/cfg', { ...init, params }), options);
    return (await send) as ProgramGraph;
  }

  /** Its control-flow graph in DOT, for Graphviz. */
  dot(id: string, options: CallOptions = {}): Promise<string> {
    const params = { path: { id }, query: { format: 'dot' } };
    return this.#http.data(
      (client, init) => client.GET('/v1/programs/{id}/cfg', { ...init, params, parseAs: 'text' }),
      options,
    );
  }

  /** What the verifier says of it. */
  verification(id: string, options: CallOptions = {}): Promise<ProgramVerification> {
    return this.#http.data(
      (client, init) => client.GET('/v1/programs/{id}/verification', { ...init, params: { path: { id } } }),
      options,
    );
  }
}
