/** A TCP proxy that cuts its connections after so many bytes from the server, as a bad network does. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface CuttingProxy {
  readonly url: string;
  readonly cuts: () => number;
  /** Bytes of the server that came so far. */
  readonly bytes: () => number;
}

/**
 * @param allow bytes of the server that the next connection lets through before it is cut; Infinity: no cut
 */
export async function cuttingProxy(t: TestContext, target: string, allow: () => number): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let cuts = 0;
  let bytes = 0;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    let left = allow();
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (data) => {
      bytes += data.length;
      near.write(data.subarray(0, Math.max(left, 0)));
      left -= data.length;
      if (left > 0) return;
      cuts++;
      // What was written goes out first: the cut is where it was said to be.
      near.end();
      far.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cuts: () => cuts, bytes: () => bytes };
}
