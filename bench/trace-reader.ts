/** Readers of the trace socket that do as little as a reader can: they count what comes and give credit for it. */

import { once } from 'node:events';
import { WebSocket } from 'ws';
import { BATCH_FLAGS } from '../src/contract/step-batch.ts';
import { MAX_CREDIT_BYTES, type ServerMessage, TRACE_SUBPROTOCOL } from '../src/contract/trace.ts';

/** Where the header of a batch has its number of rows and its flags (contract/step-batch.ts). */
const COUNT_AT = 12;
const FLAGS_AT = 14;
/** Begins a JSON batch, up to its number of rows. */
const JSON_HEAD_BYTES = 128;

export type Encoding = 'binary' | 'json';

export class CountingReader {
  /** Steps in whole batches. */
  steps = 0;
  /** Of batches, partial ones and messages about code included. */
  bytes = 0;
  /** Traces that were read to their end. */
  traces = 0;
  readonly #socket: WebSocket;
  readonly #run: string;
  readonly #again: boolean;
  readonly #ended = Promise.withResolvers<void>();
  #owed = 0;

  private constructor(socket: WebSocket, run: string, again: boolean) {
    this.#socket = socket;
    this.#run = run;
    this.#again = again;
    socket.on('message', (data: Buffer, isBinary) => this.#hear(data, isBinary));
    socket.on('close', (code) => this.#ended.reject(new Error(`the socket was closed with ${code}`)));
    this.#ended.promise.catch(() => {});
  }

  /** @param again subscribe again at each end of the trace */
  static async connect(url: string, run: string, { encoding = 'binary' as Encoding, again = false } = {}) {
    const reader = new CountingReader(await openSocket(url, encoding), run, again);
    reader.#subscribe();
    return reader;
  }

  /** Resolves at the first end of the trace. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  close(): void {
    this.#socket.close();
  }

  #subscribe(): void {
    this.#owed = 0;
    subscribe(this.#socket, this.#run);
  }

  #hear(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      if ((data.readUInt16LE(FLAGS_AT) & BATCH_FLAGS.PARTIAL) === 0) this.steps += data.readUInt16LE(COUNT_AT);
      this.#count(data.length);
      return;
    }
    const head = data.toString('latin1', 0, JSON_HEAD_BYTES);
    if (head.startsWith('{"type":"steps"')) {
      if (!head.includes('"partial":true')) this.steps += Number(/"count":(\d+)/.exec(head)?.[1]);
      this.#count(data.length);
    } else this.#tell(JSON.parse(data.toString()) as ServerMessage);
  }

  #tell(message: ServerMessage): void {
    if (message.type === 'regions') this.#count(JSON.stringify(message.regions).length);
    else if (message.type === 'code') this.#count(JSON.stringify(message.rows).length);
    else if (message.type === 'gap' || message.type === 'error') throw new Error(JSON.stringify(message));
    else if (message.type === 'end') {
      this.traces++;
      this.#ended.resolve();
      if (this.#again) this.#subscribe();
    }
  }

  #count(bytes: number): void {
    this.bytes += bytes;
    this.#owed += bytes;
    if (this.#owed < MAX_CREDIT_BYTES / 2) return;
    this.#socket.send(JSON.stringify({ type: 'credit', id: ID, bytes: this.#owed }));
    this.#owed = 0;
  }
}

const ID = 'bench';

/** Subscribes with all the credit that there is, and never reads. @returns what closes it */
export async function connectSilent(url: string, run: string): Promise<() => void> {
  const socket = await openSocket(url, 'binary');
  subscribe(socket, run);
  socket.pause();
  return () => socket.terminate();
}

async function openSocket(url: string, encoding: Encoding): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/traces`, TRACE_SUBPROTOCOL, {
    perMessageDeflate: false,
  });
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'hello', encoding }));
  return socket;
}

function subscribe(socket: WebSocket, run: string): void {
  socket.send(JSON.stringify({ type: 'subscribe', id: ID, run, detail: 'steps', credit: MAX_CREDIT_BYTES }));
}
