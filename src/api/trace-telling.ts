/** What a subscription is told of its run beside its steps: started, chain rows, lines, the result. None of it waits for credit. */

import type { FinishedRun } from '../contract/finished-run.ts';
import type { ChainRow, RunResult } from '../contract/result.ts';
import type { Budgets } from '../contract/run-spec.ts';
import type { StartedFacts, TraceMessage } from '../contract/task.ts';
import { MAX_CHAIN_ROWS, RESERVE_BYTES, type ServerMessage } from '../contract/trace.ts';
import type { TraceOutbox } from './trace-outbox.ts';

type Line = Extract<TraceMessage, { type: 'print' | 'map' }>;

export class TraceTelling {
  readonly #outbox: TraceOutbox;
  readonly #id: string;
  readonly #handle: number;
  /** What lines may still use. */
  #reserve = RESERVE_BYTES;
  /** Steps of the first and the last line that had no room. */
  #dropped: { first: number; last: number } | null = null;

  constructor(outbox: TraceOutbox, id: string, handle: number) {
    this.#outbox = outbox;
    this.#id = id;
    this.#handle = handle;
  }

  started(run: string, { programs, maps }: StartedFacts, budgets: Budgets): void {
    this.#outbox.send({ type: 'started', id: this.#id, handle: this.#handle, run, programs, maps, budgets });
  }

  chain(rows: readonly ChainRow[]): void {
    for (let from = 0; from < rows.length; from += MAX_CHAIN_ROWS) {
      this.#outbox.send({ type: 'chain', id: this.#id, rows: rows.slice(from, from + MAX_CHAIN_ROWS) });
    }
  }

  /** A printed line or a write to a map: told as long as the reserve lasts. */
  line({ type, row }: Line): void {
    const message = { type, id: this.#id, ...row } as ServerMessage;
    const bytes = Buffer.byteLength(JSON.stringify(message));
    if (this.#dropped === null && bytes <= this.#reserve) {
      this.#reserve -= bytes;
      this.#outbox.send(message);
      return;
    }
    const step = Number(row.step);
    this.lost(step, step);
  }

  /** Lines of these steps were not told. */
  lost(first: number, last: number): void {
    this.#dropped ??= { first, last };
    this.#dropped.first = Math.min(this.#dropped.first, first);
    this.#dropped.last = Math.max(this.#dropped.last, last);
  }

  /** The result; in front of it, whether lines were dropped. */
  result(result: RunResult): void {
    if (this.#dropped !== null) {
      const { first, last } = this.#dropped;
      const steps = { from: String(first), to: String(last + 1) };
      this.#outbox.send({ type: 'gap', id: this.#id, ...steps, reason: 'credit' });
    }
    this.#outbox.send({ type: 'result', id: this.#id, result });
  }

  /** A run that had ended before it was subscribed to. */
  finished({ result, started }: FinishedRun): void {
    if (started !== null) this.started(result.id, started, result.budgets);
    this.chain(result.chain);
    for (const row of result.output.prints) this.line({ type: 'print', row });
    this.result(result);
  }
}
