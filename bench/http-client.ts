/**
 * A load generator's client: one HTTP/1.1 connection that is kept, one request at a time, and of the answer only status and length. It does
 * as little as possible, since it shares the processors with what it measures.
 */

import { connect, type Socket } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

export interface Answered {
  readonly status: number;
  /** The whole answer, head included, bytes. */
  readonly bytes: number;
}

/** The bytes of a POST. */
export function postBytes(
  path: string,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `POST ${path} HTTP/1.1\r\nhost: bench\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
  return Buffer.from(`${head}${lines.join('')}\r\n${body}`);
}

export class Connection {
  readonly #socket: Socket;
  #answer: PromiseWithResolvers<Answered> | null = null;
  /** What came of the head. */
  #head: Buffer = Buffer.alloc(0);
  #status = 0;
  #bytes = 0;
  /** Bytes of the answer with the head; null: not known yet, -1: it comes in chunks. */
  #expected: number | null = null;
  #tail: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (data: Buffer) => this.#hear(data));
    socket.on('error', (error) => this.#answer?.reject(error));
    socket.on('close', () => this.#answer?.reject(new Error('the connection was closed')));
  }

  static async open(url: string): Promise<Connection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new Connection(socket);
  }

  /** Sends the bytes of a request. The answer before must have come. */
  send(request: Buffer): Promise<Answered> {
    this.#answer = Promise.withResolvers<Answered>();
    this.#head = Buffer.alloc(0);
    this.#tail = Buffer.alloc(0);
    this.#bytes = 0;
    this.#expected = null;
    this.#socket.write(request);
    return this.#answer.promise;
  }

  close(): void {
    this.#answer = null;
    this.#socket.destroy();
  }

  #hear(data: Buffer): void {
    this.#bytes += data.length;
    if (this.#expected === null) {
      this.#head = this.#head.length === 0 ? data : Buffer.concat([this.#head, data]);
      this.#readHead();
      if (this.#expected === null) return;
    }
    const isWhole = this.#expected === -1 ? this.#endsHere(data) : this.#bytes >= this.#expected;
    if (!isWhole) return;
    const answer = this.#answer;
    this.#answer = null;
    answer?.resolve({ status: this.#status, bytes: this.#bytes });
  }

  #readHead(): void {
    const end = this.#head.indexOf(HEAD_END);
    if (end < 0) return;
    const head = this.#head.toString('latin1', 0, end);
    this.#status = Number(head.slice(9, 12));
    const length = /^content-length: ([0-9]+)/im.exec(head)?.[1];
    this.#expected = length === undefined ? -1 : end + HEAD_END.length + Number(length);
  }

  /** Do the chunks end with this data? */
  #endsHere(data: Buffer): boolean {
    const last = LAST_CHUNK.length;
    this.#tail =
      data.length >= last ? data.subarray(data.length - last) : Buffer.concat([this.#tail, data]).subarray(-last);
    return this.#tail.equals(LAST_CHUNK);
  }
}
