/**
 * The steps of one subscription: slices of a replay, one after the other, each as long as the credit goes. Between slices a stream is a few
 * numbers: it holds neither a thread nor the run.
 *
 *   credit  = #held + what the slice has left        at most MAX_CREDIT_BYTES; below 0 when the last batch went over
 *   budget  = bytes of steps that the subscription may still get (traceBytes); a slice is never granted more
 */

import type { StepMessage } from '../contract/task.ts';
import { BOOKMARK_EVERY_MS, type GapReason, MAX_CREDIT_BYTES } from '../contract/trace.ts';
import type { ReplayHandle } from '../pool/replay-job.ts';
import { findRun, replayed, sourceOf } from './find-run.ts';
import { ProblemError } from './problem-error.ts';
import type { TraceContext } from './trace-context.ts';

export interface StreamRequest {
  /** Of the subscription. */
  readonly id: string;
  readonly handle: number;
  /** Id of a run that has ended. */
  readonly run: string;
  /** First step that is wanted; batches begin at the grid place at or below it. */
  readonly from: number;
  /** Programs whose steps are wanted; null: all. */
  readonly programs: readonly string[] | null;
  readonly credit: number;
  /** Bytes of steps that the whole stream may have. */
  readonly traceBytes: number;
  /** The run was admitted for this stream, so it is not refused by queueLimit. */
  readonly admitted: boolean;
}

export class TraceStream {
  readonly #context: TraceContext;
  readonly #request: StreamRequest;
  readonly #ended: () => void;
  #next: number;
  /** Steps of the run; null: not known yet. */
  #steps: number | null = null;
  #held: number;
  #budget: number;
  #slice: { readonly handle: ReplayHandle; granted: number } | null = null;
  #working = false;
  #continued: boolean;
  #over = false;
  /** Keys of code pages that the client has; null: not even the regions. */
  #known: number[] | null = null;
  /** A bookmark that has not been told, and when the last one was (performance.now() ms). */
  #bookmark: number | null = null;
  #bookmarked = Number.NEGATIVE_INFINITY;

  /** @param ended called once, when no further step will be told: the run has none, the budget is used up, or a problem was told */
  constructor(context: TraceContext, request: StreamRequest, ended: () => void) {
    this.#context = context;
    this.#request = request;
    this.#ended = ended;
    this.#next = request.from;
    this.#held = request.credit;
    this.#budget = request.traceBytes;
    this.#continued = request.admitted;
  }

  /** First step that has not been told in a whole batch. */
  get next(): number {
    return this.#next;
  }

  /** A slice waits for a thread or has one. */
  get isWorking(): boolean {
    return this.#working;
  }

  /** Goes on as far as the credit goes. */
  advance(): void {
    if (this.#working || this.#over) return;
    this.#working = true;
    void this.#work();
  }

  addCredit(bytes: number): void {
    const slice = this.#slice;
    const outstanding = this.#held + (slice?.handle.credit() ?? 0);
    const added = Math.min(bytes, MAX_CREDIT_BYTES - outstanding);
    if (added <= 0) return;
    const toSlice = slice === null ? 0 : Math.min(added, this.#budget - slice.granted);
    if (slice !== null && toSlice > 0) {
      slice.handle.addCredit(toSlice);
      slice.granted += toSlice;
    }
    this.#held += added - Math.max(toSlice, 0);
    this.advance();
  }

  /** From now on nothing is told any more. */
  stop(): void {
    this.#over = true;
    this.#slice?.handle.cancel();
  }

  async #work(): Promise<void> {
    const { outbox, defect } = this.#context;
    const { id } = this.#request;
    try {
      while (this.#mayAdvance()) {
        // Behind a large message steps would only pile up.
        await outbox.whenRoom(() => undefined);
        if (!this.#over) await this.#serveSlice();
      }
    } catch (error) {
      if (this.#over) return;
      if (error instanceof ProblemError) {
        outbox.fail(error.problem, id);
        this.#end();
      } else defect(error, id);
    } finally {
      this.#working = false;
    }
  }

  /** False when the stream has ended or waits for credit. Throws ProblemError. */
  #mayAdvance(): boolean {
    if (this.#over) return false;
    this.#steps ??= this.#source()?.steps ?? 0;
    if (this.#next < this.#steps && this.#budget > 0) return this.#held > 0;
    if (this.#next < this.#steps) this.#gap(this.#next, this.#steps, 'budget');
    this.#end();
    return false;
  }

  /** Throws ProblemError. */
  async #serveSlice(): Promise<void> {
    const source = this.#source();
    if (source === null) throw new Error('a run that had steps has none');
    const { services, principal, encoding, maxBatchBytes } = this.#context;
    const { id, handle, programs } = this.#request;
    const granted = Math.min(this.#held, this.#budget);
    const known = this.#known === null ? null : [...this.#known];
    const replay = services.pool.replay({
      principal: principal.bucket,
      source,
      work: { kind: 'stream', from: this.#next, encoding, handle, id, programs, known, maxBatchBytes },
      listener: (message) => this.#hear(message),
      credit: granted,
      continued: this.#continued,
    });
    this.#held -= granted;
    this.#slice = { handle: replay, granted };
    this.#continued = true;
    try {
      const answer = replayed('streamed', await replay.answer);
      this.#next = answer.next;
    } finally {
      this.#settle();
    }
    if (!this.#over) this.#tellBookmark();
  }

  /** Takes back what the slice has left. */
  #settle(): void {
    const { handle, granted } = this.#slice!;
    const left = handle.credit();
    this.#held += left;
    this.#budget -= granted - left;
    this.#slice = null;
  }

  #end(): void {
    this.#over = true;
    this.#ended();
  }

  /** What makes the run again; null: it has no steps. Throws ProblemError. */
  #source() {
    const { services, principal } = this.#context;
    const kept = findRun(services.runs, { tenant: principal.tenant, id: this.#request.run });
    if (kept.state === 'running') throw new Error('a stream of a run that has not ended');
    return sourceOf(kept.run);
  }

  #hear(message: Exclude<StepMessage, { type: 'end' }>): void {
    if (this.#over) return;
    const { outbox, services } = this.#context;
    const { id } = this.#request;
    if (message.type === 'bookmark') {
      this.#next = message.step;
      this.#bookmark = message.step;
      if (performance.now() - this.#bookmarked >= BOOKMARK_EVERY_MS) this.#tellBookmark();
      return;
    }
    this.#tellBookmark();
    switch (message.type) {
      case 'batch':
        outbox.sendFrame(message.frame);
        if (message.partial) return;
        this.#next = message.next;
        services.metrics.traceSteps(message.count);
        return;
      case 'gap':
        this.#next = message.to;
        this.#gap(message.from, message.to, 'size');
        return;
      case 'regions':
        this.#known ??= [];
        outbox.send({ type: 'regions', id, regions: message.regions });
        return;
      case 'code':
        this.#known?.push(message.key);
        outbox.send({ type: 'code', id, program: message.program, rows: message.rows });
    }
  }

  #gap(from: number, to: number, reason: GapReason): void {
    const { id } = this.#request;
    this.#context.outbox.send({ type: 'gap', id, from: String(from), to: String(to), reason });
  }

  #tellBookmark(): void {
    if (this.#bookmark === null) return;
    this.#context.outbox.send({ type: 'bookmark', id: this.#request.id, step: String(this.#bookmark) });
    this.#bookmark = null;
    this.#bookmarked = performance.now();
  }
}
