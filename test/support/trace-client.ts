/** A client of the trace socket for tests: it keeps what it hears and lets a test wait for a message or for the close. */

import { WebSocket } from 'ws';
import type { ServerMessage } from '../../src/contract/trace.ts';

/** A message of the server; most carry the id of a subscription. */
export type Heard = ServerMessage & { readonly id?: string };
type HeardOf<T extends Heard['type']> = Extract<ServerMessage, { readonly type: T }>;

export interface TraceClient {
  readonly heard: Heard[];
  /** Binary frames. */
  readonly frames: Buffer[];
  say(message: unknown): void;
  sayRaw(data: string | Buffer): void;
  /** The first message of this type (and id) that has come or will come. Rejects when the socket closes before. */
  wait<T extends Heard['type']>(type: T, id?: string): Promise<HeardOf<T>>;
  /** Resolves with the next message or frame. Rejects when the socket closes before. */
  next(): Promise<void>;
  /** Code and reason of the close. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  end(): void;
  /** Stops and goes on reading what comes. */
  pause(): void;
  resume(): void;
}

export interface TraceClientOptions {
  readonly protocols?: string[];
  readonly headers?: Record<string, string>;
  readonly ticket?: string;
}

/** Connects; rejects with the HTTP status when the server refuses the upgrade. */
export function connectTrace(
  url: string,
  { protocols = ['waggle-trace.v1'], headers = {}, ticket }: TraceClientOptions = {},
): Promise<TraceClient> {
  const query = ticket === undefined ? '' : `?ticket=${ticket}`;
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/traces${query}`, protocols, { headers });
  const heard: Heard[] = [];
  const frames: Buffer[] = [];
  const waiting = new Set<() => void>();
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  let isClosed = false;
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) frames.push(data);
    else heard.push(JSON.parse(data.toString()));
    for (const check of waiting) check();
  });
  socket.on('close', (code, reason) => {
    isClosed = true;
    closed.resolve({ code, reason: reason.toString() });
    for (const check of waiting) check();
  });
  const client: TraceClient = {
    heard,
    frames,
    say: (message) => socket.send(JSON.stringify(message)),
    sayRaw: (data) => socket.send(data),
    wait: (type, id) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const message = heard.find((one) => one.type === type && (id === undefined || one.id === id));
          if (message === undefined && !isClosed) return;
          waiting.delete(check);
          if (message === undefined) reject(new Error(`closed before ${type}: ${JSON.stringify(heard)}`));
          else resolve(message as HeardOf<typeof type>);
        };
        waiting.add(check);
        check();
      }),
    next: () =>
      new Promise((resolve, reject) => {
        const check = () => {
          waiting.delete(check);
          if (isClosed) reject(new Error(`closed: ${JSON.stringify(heard.slice(-3))}`));
          else resolve();
        };
        waiting.add(check);
        if (isClosed) check();
      }),
    closed: closed.promise,
    end: () => socket.close(1000),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  };
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(client));
    socket.once('unexpected-response', (_request, response) => {
      socket.terminate();
      reject(new Error(`status ${response.statusCode}`));
    });
    socket.on('error', reject);
  });
}
