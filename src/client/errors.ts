/** What a client hears when the server says no, or the connection does. */

import type { ProblemDocument } from '../contract/problem-document.ts';
import { CLOSE_CODES, type CloseReason } from '../contract/trace.ts';

/** The server answered a request with a problem, or with something that is none of its answers (then `problem` is null). */
export class WaggleError extends Error {
  override readonly name = 'WaggleError';
  readonly status: number;
  readonly problem: ProblemDocument | null;

  constructor(status: number, problem: ProblemDocument | null, detail = `status ${status}`) {
    super(problem === null ? detail : `${problem.code}: ${problem.detail}`);
    this.status = status;
    this.problem = problem;
  }
}

/** The trace socket closed before the trace was over. */
export class TraceClosedError extends Error {
  override readonly name = 'TraceClosedError';
  /** Of the WebSocket: one of CLOSE_CODES, or what the network says (1006: it was cut). */
  readonly code: number;
  /** Name of the code; undefined for one that is not the server's. */
  readonly closeReason: CloseReason | undefined;
  /** What the server said in an `error` before it closed. */
  readonly problem: ProblemDocument | null;

  constructor(code: number, text: string, problem: ProblemDocument | null) {
    super(`the trace socket closed with ${code}: ${problem?.detail ?? (text === '' ? 'no reason given' : text)}`);
    this.code = code;
    this.closeReason = REASONS.find((reason) => CLOSE_CODES[reason] === code);
    this.problem = problem;
  }

  /** The server closed for a reason that it named: not `done`, and not the network. */
  get isRefusal(): boolean {
    return this.closeReason !== undefined && this.closeReason !== 'done';
  }

  /** May the same subscription follow, from the step that was reached? */
  get isResumable(): boolean {
    return RESUMABLE.includes(this.code);
  }
}

const REASONS = Object.keys(CLOSE_CODES) as CloseReason[];

/** Codes of the WebSocket protocol (RFC 6455 §7.4.1, IANA): no code given, the connection was cut, the server starts again. */
const PROTOCOL_CODES = { noCode: 1005, cut: 1006, restart: 1012 } as const;

const RESUMABLE: readonly number[] = [
  ...Object.values(PROTOCOL_CODES),
  CLOSE_CODES.draining,
  CLOSE_CODES.overloaded,
  CLOSE_CODES.hello_timeout,
  CLOSE_CODES.slow_consumer,
  CLOSE_CODES.idle,
  CLOSE_CODES.session_limit,
];
