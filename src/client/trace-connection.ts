/** One trace socket: hello, messages in both directions, heartbeat, and the close as an error. Knows nothing of subscriptions. */

import type { ProblemDocument } from '../contract/problem-document.ts';
import { type ClientMessage, MISSED_PINGS, type ServerMessage, TRACE_SUBPROTOCOL } from '../contract/trace.ts';
import { TraceClosedError } from './errors.ts';

/** RFC 6455 §7.4.1: a close without an error, and a connection that was cut. */
const NORMAL_CLOSURE = 1000;
const CUT = 1006;

export interface ConnectionOptions {
  /** http: or https: address of the service. */
  readonly url: string;
  /** Sent with the upgrade; only where WebSocket can send headers (Node). */
  readonly headers?: Readonly<Record<string, string>>;
  /** A single-use ticket, for browsers. */
  readonly ticket?: string;
  readonly encoding: 'binary' | 'json';
  readonly maxBatchBytes?: number;
}

export interface ConnectionListener {
  /** `text` is the message as it came. What a listener throws is the end of the connection. */
  message(message: ServerMessage, text: string): void;
  batch(bytes: Uint8Array): void;
}

export type Welcome = Extract<ServerMessage, { type: 'welcome' }>;

export class TraceConnection {
  readonly #socket: WebSocket;
  readonly #listener: ConnectionListener;
  readonly #welcome = Promise.withResolvers<Welcome>();
  readonly #closed = Promise.withResolvers<Error>();
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  /** Heartbeats without a word of the server. */
  #silent = 0;
  #failure = '';
  #problem: ProblemDocument | null = null;

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    this.#listener = listener;
    const { headers } = options;
    // Browsers know no headers here; Node's WebSocket takes them in place of the protocols.
    const protocols = headers === undefined ? TRACE_SUBPROTOCOL : { protocols: [TRACE_SUBPROTOCOL], headers };
    const socket = new WebSocket(socketAddress(options), protocols);
    this.#socket = socket;
    this.#welcome.promise.catch(() => {});
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('open', () => {
      const { encoding, maxBatchBytes } = options;
      this.send({ type: 'hello', encoding, ...(maxBatchBytes === undefined ? {} : { maxBatchBytes }) });
    });
    socket.addEventListener('message', (event) => this.#listen(event.data));
    socket.addEventListener('error', (event) => {
      if ('message' in event) this.#failure = String(event.message);
    });
    socket.addEventListener('close', (event) => {
      this.#end(new TraceClosedError(event.code, event.reason || this.#failure, this.#problem));
    });
  }

  #end(error: Error): void {
    clearInterval(this.#heartbeat);
    this.#welcome.reject(error);
    this.#closed.resolve(error);
  }

  #abandon(error: Error): void {
    this.close();
    this.#end(error);
  }

  #listen(data: unknown): void {
    try {
      this.#hear(data);
    } catch (error) {
      this.#abandon(error as Error);
    }
  }

  /** Rejects with a TraceClosedError when the socket closes before. */
  get welcome(): Promise<Welcome> {
    return this.#welcome.promise;
  }

  /** Resolves when the socket has closed, whoever closed it: a TraceClosedError, or what the listener threw. */
  get closed(): Promise<Error> {
    return this.#closed.promise;
  }

  send(message: ClientMessage): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  close(): void {
    this.#socket.close(NORMAL_CLOSURE);
  }

  #hear(data: unknown): void {
    this.#silent = 0;
    if (typeof data !== 'string') {
      this.#listener.batch(new Uint8Array(data as ArrayBuffer));
      return;
    }
    const message = JSON.parse(data) as ServerMessage;
    if (message.type === 'ping') this.send({ type: 'pong' });
    else if (message.type === 'welcome') {
      this.#heartbeat = setInterval(() => this.#beat(), message.heartbeatMs);
      this.#welcome.resolve(message);
    } else {
      if (message.type === 'error') this.#problem = message.problem;
      this.#listener.message(message, data);
    }
  }

  /** A connection that is dead without a close is found out here: browsers do not see the server's pings. */
  #beat(): void {
    this.#silent++;
    if (this.#silent <= MISSED_PINGS) this.send({ type: 'ping' });
    // Nobody would answer a close either, so it is not waited for.
    else this.#abandon(new TraceClosedError(CUT, 'the server is silent', null));
  }
}

function socketAddress({ url, ticket }: ConnectionOptions): string {
  const address = new URL('/v1/traces', url);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  if (ticket !== undefined) address.searchParams.set('ticket', ticket);
  return address.href;
}
