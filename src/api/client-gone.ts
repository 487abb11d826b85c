/** Stops what is done for a client that has gone away. */

import type { FastifyReply } from 'fastify';

/** Aborted when the connection closes before the answer is written. */
export function clientGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
