/**
 * What goes out on one trace socket: messages, frames, problems, the close; and the guard against a peer that does not read. Messages wait
 * here, and the socket is given them in parts, so that it shows whether a large one moves.
 *
 *   send -> [ waiting ... the largest ... ] -> at most WINDOW_BYTES in the socket -> peer
 *           `- without the largest more than maxTraceBufferedBytes: 4440
 */

import type { WebSocket } from '@fastify/websocket';
import type { FastifyBaseLogger } from 'fastify';
import type { Limits } from '../contract/limits.ts';
import type { Problem } from '../contract/problem.ts';
import { problemDocument } from '../contract/problem-document.ts';
import {
  CLOSE_CODES,
  CLOSE_TIMEOUT_MS,
  type CloseReason,
  MAX_REASON_BYTES,
  type ServerMessage,
} from '../contract/trace.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { RoomLine } from './room-line.ts';

/** A larger message goes out in several WebSocket frames, bytes. */
export const FRAGMENT_BYTES = 256 * 1024;
/** Bytes that the socket is given before it has written the ones in front. */
export const WINDOW_BYTES = 1024 * 1024;
/** A stall is looked for so many times within maxTraceStallMs. */
export const STALL_LOOKS = 8;
/** ws says this of a frame beyond maxPayload, which it answers with 1009 by itself. */
const TOO_BIG = 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';

export interface OutboxOptions {
  readonly limits: Pick<Limits, 'maxTraceBufferedBytes' | 'maxTraceStallMs'>;
  readonly metrics: Pick<Metrics, 'traceOpened' | 'traceClosed' | 'traceSent'>;
  /** Bound to the request id. */
  readonly log: Pick<FastifyBaseLogger, 'info'>;
  /** Id of the upgrade's request: problems quote it. */
  readonly requestId: string;
}

interface Waiting {
  readonly data: string | Uint8Array;
  readonly isText: boolean;
  readonly bytes: number;
  /** Bytes that the socket has been given. */
  given: number;
  readonly written: (() => void) | undefined;
}

export class TraceOutbox {
  readonly #socket: WebSocket;
  readonly #options: OutboxOptions;
  readonly #stallTimer: NodeJS.Timeout;
  readonly #room = new RoomLine(() => this.#unwritten <= this.#options.limits.maxTraceBufferedBytes / 2);
  #closeTimer: NodeJS.Timeout | undefined;
  /** Why this side closed; null: it did not. */
  #reason: CloseReason | null = null;
  /** Messages that are not written as a whole, in their order; the socket has been given those in front of `#toGive`. */
  readonly #waiting: Waiting[] = [];
  #toGive = 0;
  /** Bytes of `#waiting`, and of what the socket has been given and has not written. */
  #unwritten = 0;
  #inSocket = 0;
  /** When the last write was done, or began to be waited for (performance.now() ms). */
  #moved = performance.now();

  constructor(socket: WebSocket, options: OutboxOptions) {
    this.#socket = socket;
    this.#options = options;
    const { limits, metrics } = options;
    this.#stallTimer = setInterval(() => this.#closeIfStalled(), Math.ceil(limits.maxTraceStallMs / STALL_LOOKS));
    metrics.traceOpened();
    socket.on('error', (error: Error & { readonly code?: string }) => {
      // ws has begun to close by then.
      if (error.code === TOO_BIG) this.#note('too_big');
      this.#cutOffLater();
    });
    socket.on('close', (code) => {
      clearInterval(this.#stallTimer);
      clearTimeout(this.#closeTimer);
      metrics.traceClosed(this.#reason === null ? code : CLOSE_CODES[this.#reason]);
      this.#drop();
    });
  }

  /** False from the moment that either side begins to close. */
  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  send(message: ServerMessage): void {
    this.#add(JSON.stringify(message));
  }

  /** Sends a whole batch as a worker made it. */
  sendFrame(frame: Uint8Array | string): void {
    this.#add(frame);
  }

  /** Sends, and resolves when the message has left this process or never will. */
  sendAndWait(message: ServerMessage): Promise<void> {
    return new Promise((resolve) => this.#add(JSON.stringify(message), resolve));
  }

  /**
   * Does what sends much as soon as half of maxTraceBufferedBytes is free, one job after the other. Resolves when it is done, or will
   * not be: the socket has closed, or `stop` said so.
   */
  whenRoom(job: () => void, stop?: AbortSignal): Promise<void> {
    return this.#room.enter(job, stop);
  }

  /** Tells a problem; the socket lives on. */
  fail(problem: Problem, id?: string): void {
    const document = problemDocument(problem, this.#options.requestId);
    this.send({ type: 'error', ...(id === undefined ? {} : { id }), problem: document });
  }

  /** Tells a problem and closes. */
  refuse(reason: CloseReason, problem: Problem, id?: string): void {
    this.fail(problem, id);
    this.close(reason, problem.code);
  }

  /** Closes behind what waits; who does not read is told nothing more. `text` holds nothing of a guest's. */
  close(reason: CloseReason, text: string): void {
    if (!this.isOpen) return;
    if (reason !== 'slow_consumer') this.#give(Number.POSITIVE_INFINITY);
    this.#note(reason);
    this.#socket.close(CLOSE_CODES[reason], Buffer.from(text).subarray(0, MAX_REASON_BYTES));
    this.#cutOffLater();
  }

  /** One close has one reason: the first. */
  #note(reason: CloseReason): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#options.log.info({ code: CLOSE_CODES[reason], reason }, 'trace socket closed');
  }

  #cutOffLater(): void {
    this.#closeTimer ??= setTimeout(() => this.#socket.terminate(), CLOSE_TIMEOUT_MS);
  }

  #add(data: string | Uint8Array, written?: () => void): void {
    if (this.#isFull()) this.close('slow_consumer', 'too many unsent bytes');
    if (!this.isOpen) {
      written?.();
      return;
    }
    const bytes = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
    const isText = typeof data === 'string';
    if (this.#unwritten === 0) this.#moved = performance.now();
    this.#waiting.push({
      data: bytes > FRAGMENT_BYTES && isText ? Buffer.from(data) : data,
      isText,
      bytes,
      given: 0,
      written,
    });
    this.#unwritten += bytes;
    this.#give(WINDOW_BYTES);
  }

  /** Looked at before a message is added, and without the largest one: one large message alone does not make a slow consumer. */
  #isFull(): boolean {
    const { maxTraceBufferedBytes } = this.#options.limits;
    if (this.#unwritten <= maxTraceBufferedBytes) return false;
    const largest = this.#waiting.reduce((most, { bytes }) => Math.max(most, bytes), 0);
    return this.#unwritten - largest > maxTraceBufferedBytes;
  }

  /** Gives the socket what waits, as long as it holds less than `window` bytes. */
  #give(window: number): void {
    for (let message = this.#waiting[this.#toGive]; message !== undefined && this.#inSocket < window; ) {
      const { data, isText, given, bytes } = message;
      const end = Math.min(given + FRAGMENT_BYTES, bytes);
      const part = typeof data === 'string' ? data : data.subarray(given, end);
      message.given = end;
      this.#inSocket += end - given;
      const fin = end === bytes;
      if (fin) this.#toGive += 1;
      this.#options.metrics.traceSent(end - given);
      this.#socket.send(part, { binary: !isText, fin }, () => this.#wrote(end - given, fin));
      message = this.#waiting[this.#toGive];
    }
  }

  /** The socket has written a part, or never will. */
  #wrote(bytes: number, isWhole: boolean): void {
    this.#moved = performance.now();
    this.#inSocket -= bytes;
    this.#unwritten -= bytes;
    if (isWhole) {
      this.#toGive -= 1;
      this.#waiting.shift()?.written?.();
    }
    if (!this.isOpen) return;
    this.#give(WINDOW_BYTES);
    this.#room.look();
  }

  /** Nothing of what waits will be written. */
  #drop(): void {
    this.#toGive = 0;
    for (const { written } of this.#waiting.splice(0)) written?.();
    this.#room.close();
  }

  #closeIfStalled(): void {
    if (this.#unwritten > 0 && performance.now() - this.#moved >= this.#options.limits.maxTraceStallMs) {
      this.close('slow_consumer', 'no write got done');
    }
  }
}
