/** What the parts of one trace socket share. */

import type { FastifyBaseLogger } from 'fastify';
import type { Principal } from './principal.ts';
import type { QuestionLine } from './question-line.ts';
import type { Services } from './services.ts';
import type { TraceOutbox } from './trace-outbox.ts';

export interface TraceContext {
  readonly services: Services;
  readonly outbox: TraceOutbox;
  /** Whose runs and replays these are. */
  readonly principal: Principal;
  readonly log: FastifyBaseLogger;
  readonly questions: QuestionLine;
  /** Of the hello. */
  readonly encoding: 'binary' | 'json';
  readonly maxBatchBytes: number;
  /** A defect of ours: logged, told without its text, and the socket closes. */
  readonly defect: (error: unknown, id: string) => void;
}
