/**
 * Answers that are written for as long as a run has steps: how many a principal may have, when a client that does not read is cut off, and
 * what becomes of them when the server shuts down.
 */

import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Limits } from '../contract/limits.ts';
import { principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import type { Services } from './services.ts';

/** After a drain began, an answer's last bytes have so long to be read, ms. */
const LAST_BYTES_MS = 1_000;
/** A stall is looked for so many times within maxTraceStallMs. */
const STALL_LOOKS = 8;
/** Route option of an answer that lasts as long as it has something to say: its client's stalls end it, not maxHandlerMs. */
export const NO_HANDLER_TIMEOUT = { handlerTimeout: 2 ** 31 - 1 } as const;
/** Text that waits in front of the connection, bytes. */
const WAITING_BYTES = 64 * 1024;

/** When the server shuts down: an answer that is stopped at once, or one that may finish within the time for running work. */
export type AtDrain = 'stop' | 'finish';

interface LongReply {
  readonly atDrain: AtDrain;
  readonly stop: AbortController;
  readonly response: ServerResponse;
  readonly closed: Promise<void>;
}

export class LongReplies {
  readonly #limits: Limits;
  readonly #open = new Map<string, Set<LongReply>>();

  constructor({ limits, lifecycle }: Pick<Services, 'limits' | 'lifecycle'>) {
    this.#limits = limits;
    lifecycle.onDrain.add((deadlineMs) => this.#drain(deadlineMs));
  }

  /**
   * Takes one of the principal's places, until the connection is done. The signal is aborted when the client is gone or the server drains.
   * @throws ProblemError too_many_streams
   */
  open(request: FastifyRequest, reply: FastifyReply, atDrain: AtDrain = 'stop'): AbortSignal {
    const principal = principalOf(request).bucket;
    const replies = this.#open.get(principal) ?? new Set();
    const { maxTraceSockets, maxTraceStallMs } = this.#limits;
    if (replies.size >= maxTraceSockets) {
      const detail = `One client may have ${maxTraceSockets} streams of runs open (limit maxTraceSockets).`;
      throw new ProblemError({ code: 'too_many_streams', detail, limit: 'maxTraceSockets' });
    }
    const response = reply.raw;
    const stop = new AbortController();
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const entry: LongReply = { atDrain, stop, response, closed };
    replies.add(entry);
    this.#open.set(principal, replies);
    const watch = watchStall(response, maxTraceStallMs);
    response.once('close', () => {
      clearInterval(watch);
      stop.abort();
      replies.delete(entry);
      if (replies.size === 0) this.#open.delete(principal);
      resolve();
    });
    return stop.signal;
  }

  async #drain(deadlineMs: number): Promise<void> {
    const all = [...this.#open.values()].flatMap((replies) => [...replies]);
    await Promise.all(
      all.map(async ({ atDrain, stop, response, closed }) => {
        if (atDrain === 'finish') await within(closed, deadlineMs);
        stop.abort();
        await within(closed, LAST_BYTES_MS);
        response.destroy();
      }),
    );
  }
}

async function within(done: Promise<void>, milliseconds: number): Promise<void> {
  const late = new AbortController();
  await Promise.race([done, delay(milliseconds, undefined, { ref: false, signal: late.signal }).catch(() => {})]);
  late.abort();
}

/** Cuts the connection when bytes wait and none of them moves for so long, ms. */
function watchStall(response: ServerResponse, stallMs: number): NodeJS.Timeout {
  let before = -1;
  let since = performance.now();
  return setInterval(
    () => {
      const waiting = response.writableLength;
      const moved = (response.socket?.bytesWritten ?? 0) - waiting;
      const now = performance.now();
      if (waiting === 0 || moved !== before) since = now;
      else if (now - since >= stallMs) response.destroy();
      before = moved;
    },
    Math.ceil(stallMs / STALL_LOOKS),
  );
}

/** Text as a stream that asks for more only when the connection has room. */
export function streamOf(text: AsyncIterable<string>): Readable {
  return Readable.from(text, { objectMode: false, highWaterMark: WAITING_BYTES });
}
