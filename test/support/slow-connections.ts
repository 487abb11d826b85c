/** Connections that cost a server something and bring it nothing. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Time between two bytes of a slow client, ms. */
const DRIP_MS = 50;

const HEAD = 'POST /v1/runs HTTP/1.1\r\nHost: waggle\r\nContent-Type: application/json\r\n';
const UPGRADE =
  'GET /v1/traces HTTP/1.1\r\nHost: waggle\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: d2FnZ2xlLXRlc3Qta2V5IQ==\r\nSec-WebSocket-Protocol: waggle-trace.v1\r\n\r\n';

export interface SlowKind {
  readonly name: string;
  /** Sent at once. */
  readonly first: string;
  /** Sent again and again, one at a time, for as long as the connection is there. */
  readonly drip?: string;
  /** Does it read what it is answered? */
  readonly deaf?: true;
}

export const SLOW_KINDS: readonly SlowKind[] = [
  { name: 'says nothing', first: '' },
  { name: 'half a request line', first: 'POST /v1/ru' },
  { name: 'header fields, a byte at a time', first: HEAD, drip: 'x' },
  { name: 'header fields without end', first: HEAD, drip: 'X-Field: x\r\n' },
  { name: 'a body that does not come', first: `${HEAD}Content-Length: 1000\r\n\r\n` },
  { name: 'a body, a byte at a time', first: `${HEAD}Content-Length: 1000000\r\n\r\n{"a":"`, drip: 'x' },
  { name: 'a body in chunks of a byte', first: `${HEAD}Transfer-Encoding: chunked\r\n\r\n`, drip: '1\r\nx\r\n' },
  { name: 'a socket without hello', first: UPGRADE },
  { name: 'an idle connection', first: 'GET /livez HTTP/1.1\r\nHost: waggle\r\n\r\n' },
  { name: 'an answer that nobody reads', first: 'GET /v1/info HTTP/1.1\r\nHost: waggle\r\n\r\n', deaf: true },
];

export interface SlowConnection {
  readonly socket: Socket;
  readonly opened: Promise<unknown>;
  /** Resolves when the server has had enough. */
  readonly closed: Promise<void>;
}

export function openSlowly(url: string, { first, drip, deaf }: SlowKind): SlowConnection {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  if (deaf !== true) socket.resume();
  else {
    // It hears of the end all the same, when it is asked whether it is still there.
    socket.pause();
    setTimeout(() => socket.resume(), 40 * DRIP_MS).unref();
  }
  if (first !== '') socket.write(first);
  const timer = drip === undefined ? undefined : setInterval(() => socket.write(drip), DRIP_MS);
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      clearInterval(timer);
      resolve();
    });
  });
  return { socket, opened: Promise.race([once(socket, 'connect'), closed]), closed };
}
