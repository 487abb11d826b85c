/** What goes out on one trace socket: messages, frames, problems, the close; and the guard against a peer that does not read. */

import type { WebSocket } from '@fastify/websocket';
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

export interface OutboxOptions {
  readonly limits: Pick<Limits, 'maxTraceBufferedBytes' | 'maxTraceStallMs'>;
  readonly metrics: Pick<Metrics, 'traceOpened' | 'traceClosed' | 'traceSent'>;
  /** Id of the upgrade's request: problems quote it. */
  readonly requestId: string;
}

export class TraceOutbox {
  readonly #socket: WebSocket;
  readonly #options: OutboxOptions;
  readonly #stallTimer: NodeJS.Timeout;
  #closeTimer: NodeJS.Timeout | undefined;
  /** Messages whose write is not done, and when the last write was done (performance.now() ms). */
  #unwritten = 0;
  #written = performance.now();

  constructor(socket: WebSocket, options: OutboxOptions) {
    this.#socket = socket;
    this.#options = options;
    const { limits, metrics } = options;
    this.#stallTimer = setInterval(() => this.#closeIfStalled(), limits.maxTraceStallMs);
    metrics.traceOpened();
    // ws has begun to close by then.
    socket.on('error', () => this.#cutOffLater());
    socket.on('close', (code) => {
      clearInterval(this.#stallTimer);
      clearTimeout(this.#closeTimer);
      metrics.traceClosed(code);
    });
  }

  /** False from the moment that either side begins to close. */
  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  send(message: ServerMessage): void {
    this.#write(JSON.stringify(message));
  }

  /** Sends a whole frame as a worker made it. */
  sendFrame(frame: Uint8Array | string): void {
    this.#write(frame);
  }

  /** Sends, and resolves when the message has left this process or never will. */
  sendAndWait(message: ServerMessage): Promise<void> {
    return new Promise((resolve) => this.#write(JSON.stringify(message), resolve));
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

  close(reason: CloseReason, text: string): void {
    if (!this.isOpen) return;
    this.#socket.close(CLOSE_CODES[reason], Buffer.from(text).subarray(0, MAX_REASON_BYTES));
    this.#cutOffLater();
  }

  #cutOffLater(): void {
    this.#closeTimer ??= setTimeout(() => this.#socket.terminate(), CLOSE_TIMEOUT_MS);
  }

  #write(data: string | Uint8Array, written?: () => void): void {
    const { limits, metrics } = this.#options;
    if (this.isOpen && this.#socket.bufferedAmount > limits.maxTraceBufferedBytes) {
      // Looked at before a message is added: one large message alone does not make a slow consumer.
      this.close('slow_consumer', 'too many unsent bytes');
    }
    if (!this.isOpen) {
      written?.();
      return;
    }
    metrics.traceSent(typeof data === 'string' ? Buffer.byteLength(data) : data.length);
    if (this.#unwritten === 0) this.#written = performance.now();
    this.#unwritten += 1;
    this.#socket.send(data, () => {
      this.#unwritten -= 1;
      this.#written = performance.now();
      written?.();
    });
  }

  #closeIfStalled(): void {
    const { maxTraceStallMs } = this.#options.limits;
    if (this.#unwritten > 0 && performance.now() - this.#written >= maxTraceStallMs) {
      this.close('slow_consumer', 'no write got done');
    }
  }
}
