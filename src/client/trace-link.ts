/** One trace socket after the other, for as long as one is wanted. */

import type { ServerMessage } from '../contract/trace.ts';
import { TraceClosedError } from './errors.ts';
import { type ConnectionOptions, TraceConnection, type Welcome } from './trace-connection.ts';

const FIRST_DELAY_MS = 20;
const LONGEST_DELAY_MS = 2_000;

/** Where a connection goes; asked before each one, since a ticket is good for one. */
export type ConnectionSource = () => Promise<Pick<ConnectionOptions, 'url' | 'headers' | 'ticket'>>;

/** Whom the link serves. */
export interface LinkUser {
  /** Is a connection wanted (still, again)? */
  isWanted(): boolean;
  /** May what was asked for be asked again? */
  isRepeatable(): boolean;
  /** How far it has come: attempts that bring nothing new are counted. */
  progress(): number;
  /** There is a connection, and nothing was said yet. */
  connected(connection: TraceConnection, welcome: Welcome): void;
  disconnected(): void;
  /** There will be no further connection. */
  failed(error: Error): void;
  message(message: ServerMessage, text: string): void;
  batch(bytes: Uint8Array): void;
}

export interface LinkOptions extends Pick<ConnectionOptions, 'encoding' | 'maxBatchBytes'> {
  /** Attempts in a row that may bring nothing new. */
  readonly reconnects: number;
}

export class TraceLink {
  readonly #source: ConnectionSource;
  readonly #options: LinkOptions;
  readonly #user: LinkUser;
  #connection: TraceConnection | null = null;
  #running = false;
  /** The close of the connection is ours. */
  #closing = false;

  constructor(source: ConnectionSource, options: LinkOptions, user: LinkUser) {
    this.#source = source;
    this.#options = options;
    this.#user = user;
  }

  /** null: none is open or being opened. */
  get connection(): TraceConnection | null {
    return this.#connection;
  }

  /** Connects if a connection is wanted and there is none. */
  async open(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (let failures = 0; this.#user.isWanted(); ) {
      const before = this.#user.progress();
      const error = await this.#connectOnce();
      if (this.#closing || !this.#user.isWanted()) continue;
      failures = this.#user.progress() > before ? 0 : failures + 1;
      const repeats = error instanceof TraceClosedError && error.isResumable && this.#user.isRepeatable();
      if (!repeats || failures > this.#options.reconnects) this.#user.failed(error);
      else await delay(Math.min(FIRST_DELAY_MS * 2 ** Math.max(failures - 1, 0), LONGEST_DELAY_MS));
    }
    this.#running = false;
  }

  close(): void {
    if (this.#connection === null) return;
    this.#closing = true;
    this.#connection.close();
  }

  /** Resolves when the connection is at its end, with the reason. */
  async #connectOnce(): Promise<Error> {
    const { encoding, maxBatchBytes } = this.#options;
    this.#closing = false;
    try {
      const place = await this.#source();
      if (!this.#user.isWanted()) return new Error('it is not wanted any more');
      const settings = { encoding, ...(maxBatchBytes === undefined ? {} : { maxBatchBytes }) };
      const connection = new TraceConnection({ ...place, ...settings }, this.#user);
      this.#connection = connection;
      this.#user.connected(connection, await connection.welcome);
      return await connection.closed;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#connection = null;
      this.#user.disconnected();
    }
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
