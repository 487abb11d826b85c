/** A server of the trace socket that does what a test says, where the service would not: cuts, silence, wrong bytes. */

import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Subscribe } from '../../src/contract/trace.ts';

export interface ScriptedSocket {
  readonly socket: WebSocket;
  readonly upgrade: IncomingMessage;
  readonly subscribe: Subscribe;
  readonly say: (message: object) => void;
  /** Tells `started` of a run of one program. */
  readonly start: () => void;
  /** Hears what the client says after the subscribe. */
  readonly listen: (listener: (message: HeardMessage) => void) => void;
}

/** What the server does with its connections, one after the other; the last also with all that follow. */
export type Script = (connection: ScriptedSocket) => void;

/** Any message of a client, by the fields that tests look at. */
export interface HeardMessage {
  readonly type: string;
  readonly from?: number;
  readonly credit?: number;
  readonly bytes?: number;
  readonly run?: string;
  readonly spec?: unknown;
  readonly programs?: readonly string[];
}

export interface ScriptedServer {
  readonly url: string;
  /** Messages of clients, in order. */
  readonly heard: HeardMessage[];
  /** Connections so far. */
  connections(): number;
}

export interface ScriptedSettings {
  readonly heartbeatMs?: number;
  readonly limits?: Readonly<Record<string, number>>;
  /** Answer of POST /v1/trace-tickets. */
  readonly tickets?: string[];
}

export async function scriptedServer(
  t: TestContext,
  scripts: readonly Script[],
  { heartbeatMs = 25_000, limits = {}, tickets = [] }: ScriptedSettings = {},
): Promise<ScriptedServer> {
  const heard: HeardMessage[] = [];
  let connections = 0;
  const http = createServer((request, response) => {
    if (request.method !== 'POST' || request.url !== '/v1/trace-tickets') response.writeHead(404).end();
    else response.writeHead(201).end(JSON.stringify({ ticket: tickets.shift() }));
  });
  const server = new WebSocketServer({ server: http, path: '/v1/traces' });
  server.on('connection', (socket, upgrade) => {
    const script = scripts[Math.min(connections, scripts.length - 1)]!;
    connections++;
    const say = (message: object) => socket.send(JSON.stringify(message));
    const listeners: ((message: HeardMessage) => void)[] = [];
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString());
      heard.push(message);
      for (const listener of listeners) listener(message);
      if (message.type === 'hello')
        say({ type: 'welcome', connection: 'c', limits, heartbeatMs, features: [], server: 'scripted' });
      if (message.type !== 'subscribe') return;
      const programs = [{ index: 0, name: 'entry', insns: 2 }];
      const start = () =>
        say({ type: 'started', id: message.id, handle: 1, run: 'r', programs, maps: [], budgets: {} });
      const listen = (listener: (message: HeardMessage) => void) => void listeners.push(listener);
      script({ socket, upgrade, subscribe: message, say, start, listen });
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    http.closeAllConnections();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, heard, connections: () => connections };
}
