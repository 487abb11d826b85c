/**
 * A trace: the steps of one run from the socket, its chain, prints and result, and any step again. It connects by itself, again after a
 * cut, and neither loses a step nor gives one twice.
 */

import type { ChainRow, MapWriteRow, PrintRow, RunResult } from '../contract/result.ts';
import type { RunBody } from '../contract/run.ts';
import type { SandboxRunBody } from '../contract/sandbox.ts';
import { BATCH_STEPS, MAX_WINDOW_STEPS, type StepRow } from '../contract/step.ts';
import { type ClientMessage, DEFAULT_CREDIT_BYTES, type ServerMessage } from '../contract/trace.ts';
import { BatchQueue } from './batch-queue.ts';
import { checkCount, checkPart, checkStep, checkUntil } from './checks.ts';
import { CodeBook } from './code-book.ts';
import { TraceClosedError, WaggleError } from './errors.ts';
import { FlowWindow } from './flow-window.ts';
import { RunEvents } from './run-events.ts';
import { binaryBatch, jsonBatch, type TraceBatch } from './trace-batch.ts';
import type { TraceConnection, Welcome } from './trace-connection.ts';
import { type ConnectionSource, TraceLink } from './trace-link.ts';
import { type AnswerType, type MessageOf, TraceQuestions } from './trace-questions.ts';

/** Attempts to connect again that bring nothing new, one after the other. */
export const DEFAULT_RECONNECTS = 5;
/** After an answer the socket stays open for further questions so long. */
const LINGER_MS = 1_000;
/** Of the one subscription of the socket. */
const ID = 'trace';

export type Started = Omit<MessageOf<'started'>, 'type' | 'id' | 'handle'>;
export type SeekAnswer = Omit<MessageOf<'state'>, 'type' | 'id'>;
export type InspectAnswer = Omit<MessageOf<'inspected'>, 'type' | 'id'>;
export type Gap = Omit<MessageOf<'gap'>, 'type' | 'id'>;
export type Until = Extract<ClientMessage, { type: 'runTo' }>['until'];

/** What a trace is of: a new run, or one that there is. */
export type TraceSubject =
  | { readonly spec: RunBody }
  /** A run on a sandbox. */
  | { readonly sandbox: string; readonly spec: SandboxRunBody }
  | { readonly run: string };

export interface TraceSettings {
  /** First step; default 0. */
  readonly from?: number;
  /** Default 'steps'; 'chain': no steps, only what the run does between programs. */
  readonly detail?: 'chain' | 'steps';
  /** Default 'binary'. */
  readonly encoding?: 'binary' | 'json';
  /** Names of the programs whose steps are wanted; default: all. */
  readonly programs?: readonly string[];
  /** Bytes that may be on their way or unread (1 to MAX_CREDIT_BYTES). */
  readonly credit?: number;
  readonly maxBatchBytes?: number;
  /** Attempts to connect again that bring nothing new; default DEFAULT_RECONNECTS. */
  readonly reconnects?: number;
}

export type TraceOptions = TraceSettings & TraceSubject;

export class Trace implements AsyncIterable<StepRow>, AsyncDisposable {
  readonly #options: TraceOptions;
  readonly #link: TraceLink;
  readonly #queue = new BatchQueue<TraceBatch>();
  readonly #window: FlowWindow;
  readonly #started = Promise.withResolvers<Started>();
  readonly #events = new RunEvents();
  readonly #questions = new TraceQuestions();
  readonly #gaps: Gap[] = [];
  #welcome: Welcome | undefined;
  #book: CodeBook | undefined;
  #run: string | undefined;
  #isSubscribed = false;
  #isCancelled = false;
  /** A spec was sent: until its run's id is known, asking again would run it a second time. */
  #hasAsked = false;
  /** First step that has not come in a whole batch. */
  #next: number;
  /** First step that has not been given to the reader. */
  #unread: number;
  /** The steps have their reader. */
  #isRead = false;
  /** No further step will come or is wanted. */
  #over = false;
  /** The last one. */
  #problem: WaggleError | null = null;
  /** What the server refused the subscription with. */
  #refusal: WaggleError | null = null;
  #failure: Error | null = null;
  /** The run was refused before its first step: nothing can be asked of it. */
  #unbegun: WaggleError | null = null;
  #hasQuestions = false;
  #linger: ReturnType<typeof setTimeout> | undefined;

  /** See WaggleClient.trace. */
  constructor(source: ConnectionSource, options: TraceOptions) {
    const { credit = DEFAULT_CREDIT_BYTES, encoding = 'binary', maxBatchBytes, reconnects, from = 0 } = options;
    checkStep(from, 'from');
    this.#options = options;
    this.#window = new FlowWindow(credit);
    this.#run = 'run' in options ? options.run : undefined;
    this.#next = from;
    this.#unread = from;
    // Who does not wait for them does not hear of their failure here.
    for (const { promise } of [this.#started, this.#events.result]) promise.catch(() => {});
    const settings = { encoding, reconnects: reconnects ?? DEFAULT_RECONNECTS };
    this.#link = new TraceLink(source, maxBatchBytes === undefined ? settings : { ...settings, maxBatchBytes }, {
      isWanted: () => this.#failure === null && (!this.#over || this.#questions.count > 0),
      isRepeatable: () => this.#refusal === null && (this.#run !== undefined || !this.#hasAsked),
      progress: () => this.#next,
      connected: (connection, welcome) => this.#subscribe(connection, welcome),
      disconnected: () => {
        this.#isSubscribed = false;
        this.#questions.pause();
      },
      failed: (error) => {
        const saysMore = error instanceof TraceClosedError && error.isRefusal;
        this.#fail(saysMore ? error : (this.#refusal ?? error));
      },
      message: (message, text) => this.#hear(message, text),
      batch: (bytes) => {
        if (this.#book !== undefined) this.#receive(binaryBatch(bytes, this.#book));
      },
    });
    void this.#link.open();
  }

  /** The run's id, programs, maps and budgets, as soon as it is known. */
  get started(): Promise<Started> {
    return this.#started.promise;
  }

  /** The run's result; it comes when the run has ended, however slowly its steps are read. */
  get result(): Promise<RunResult> {
    return this.#events.result.promise;
  }

  /** Tail calls so far; complete with the result. */
  get chain(): readonly ChainRow[] {
    return this.#events.chain;
  }

  get prints(): readonly PrintRow[] {
    return this.#events.prints;
  }

  /** Helpers' writes to maps; only of a run that was watched while it ran. */
  get mapWrites(): readonly MapWriteRow[] {
    return this.#events.mapWrites;
  }

  /** Steps that do not come: beyond the trace's budget, or in a batch beyond maxBatchBytes. */
  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  /** The steps, in order, each once, for one reader. Throws TraceClosedError, WaggleError or BatchError. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StepRow, void, undefined> {
    for await (const batch of this.batches()) {
      for (const row of batch.rows()) {
        const step = Number(row.step);
        if (step < this.#unread) continue;
        this.#unread = step + 1;
        yield row;
      }
    }
  }

  /** What the steps come in, for one reader: from the grid place at or below `from` on; a partial batch is followed by the whole. */
  async *batches(): AsyncGenerator<TraceBatch, void, undefined> {
    if (this.#isRead) throw new Error('the steps of a trace have one reader, and there is one');
    this.#isRead = true;
    try {
      for (;;) {
        const batch = await this.#queue.next();
        if (batch === undefined) return;
        yield batch;
        this.#grant(batch.bytes);
      }
    } finally {
      this.#finish(null);
    }
  }

  /** The state in front of a step (beyond the end: the last), and `count` steps from there. */
  async seek(step: number, count = 0): Promise<SeekAnswer> {
    checkStep(step, 'step');
    checkCount(count, MAX_WINDOW_STEPS);
    const { type: _, id: __, ...answer } = await this.#ask('state', { type: 'seek', id: ID, step, count });
    return answer;
  }

  /** Part of the state in front of a step; the range counts bytes, of `map:<name>` elements. */
  async inspect(step: number, what: string, range: { start?: number; count?: number } = {}): Promise<InspectAnswer> {
    checkStep(step, 'step');
    checkPart(what, range);
    const message = { type: 'inspect', id: ID, step, what, ...range } as const;
    const { type: _, id: __, ...answer } = await this.#ask('inspected', message);
    return answer;
  }

  /** The first step at or behind `from`, with 'back' the last at or in front of it, where `until` holds; null: there is none. */
  async runTo(until: Until, from: number, direction: 'forward' | 'back' = 'forward'): Promise<number | null> {
    checkStep(from, 'from');
    checkUntil(until);
    const { step } = await this.#ask('found', { type: 'runTo', id: ID, from, until, direction });
    return step === null ? null : Number(step);
  }

  /** Stops the run, as soon as there is a connection. */
  cancel(): void {
    this.#isCancelled = true;
    if (this.#isSubscribed) this.#sendCancel();
  }

  #sendCancel(): void {
    this.#link.connection?.send({ type: 'cancel', id: ID });
  }

  /** Stops watching; the run goes on. What was received can still be read. */
  close(): void {
    this.#queue.finish(null);
    this.#fail(new WaggleError(0, null, 'the trace was closed'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#link.connection?.closed;
    this.close();
    await closed;
  }

  #ask<Type extends AnswerType>(type: Type, message: ClientMessage): Promise<MessageOf<Type>> {
    const refused = this.#failure ?? this.#unbegun;
    if (refused !== null) return Promise.reject(refused);
    clearTimeout(this.#linger);
    this.#hasQuestions = true;
    const answer = this.#questions.ask(type, message);
    void this.#link.open();
    return answer;
  }

  /** Closes the socket when nobody wants anything more: at once, or some time after the last answer. */
  #rest(): void {
    clearTimeout(this.#linger);
    if (!this.#over || this.#questions.count > 0) return;
    if (this.#hasQuestions) this.#linger = setTimeout(() => this.#link.close(), LINGER_MS);
    else this.#link.close();
  }

  get #detail(): 'chain' | 'steps' {
    return this.#options.detail ?? 'steps';
  }

  #subscribe(connection: TraceConnection, welcome: Welcome): void {
    this.#welcome = welcome;
    const { programs } = this.#options;
    const wanted = {
      from: this.#next,
      credit: this.#window.begin(),
      detail: this.#over ? ('chain' as const) : this.#detail,
      ...(programs === undefined ? {} : { programs: [...programs] }),
    };
    if (this.#run !== undefined) connection.send({ type: 'subscribe', id: ID, run: this.#run, ...wanted });
    else if ('spec' in this.#options) {
      this.#hasAsked = true;
      connection.send({ type: 'subscribe', id: ID, ...subjectOf(this.#options), ...wanted });
    }
    this.#isSubscribed = true;
    if (this.#isCancelled) this.#sendCancel();
  }

  #hear(message: ServerMessage, text: string): void {
    switch (message.type) {
      case 'started':
        this.#begin(message);
        break;
      case 'chain':
      case 'print':
      case 'map':
      case 'result':
        this.#events.hear(message);
        break;
      case 'regions':
        this.#book?.setRegions(message.regions);
        this.#readAtOnce(message.regions);
        break;
      case 'code':
        this.#book?.add(message.program, message.rows);
        this.#readAtOnce(message.rows);
        break;
      case 'steps':
        this.#receive(jsonBatch(message, text));
        break;
      case 'bookmark':
        this.#next = Math.max(this.#next, Number(message.step));
        break;
      case 'gap':
        this.#hearGap(message);
        break;
      case 'end':
        this.#hearEnd();
        break;
      case 'error':
        this.#hearProblem(message);
        break;
      case 'state':
      case 'inspected':
      case 'found':
        if (this.#questions.answer(message)) this.#rest();
        break;
      default:
    }
  }

  #begin(message: MessageOf<'started'>): void {
    const { type: _, id: __, handle: ___, ...started } = message;
    this.#run = started.run;
    const names = started.programs.map((program) => program.name);
    this.#book ??= new CodeBook(names, started.maps);
    this.#events.begin();
    this.#started.resolve(started);
    const { connection } = this.#link;
    this.#questions.begin((message) => connection?.send(message), this.#welcome?.limits ?? {});
  }

  #hearGap(message: MessageOf<'gap'>): void {
    const { type: _, id: __, ...gap } = message;
    this.#gaps.push(gap);
    this.#next = Math.max(this.#next, Number(gap.to));
  }

  #hearEnd(): void {
    if (this.#refusal !== null) return;
    // A problem of the stream that came while a question was under way was taken for its answer.
    const error = this.#detail === 'steps' && this.#next < this.#events.steps ? this.#problem : null;
    if (this.#book === undefined) {
      this.#unbegun = new WaggleError(0, null, `the run did not begin: ${this.#events.whyUnbegun}`);
      this.#started.reject(this.#unbegun);
      this.#questions.rejectAll(this.#unbegun);
    }
    this.#finish(error);
  }

  #hearProblem({ problem }: MessageOf<'error'>): void {
    const error = new WaggleError(problem.status, problem);
    this.#problem = error;
    if (this.#questions.refuse(error)) this.#rest();
    else {
      // The server may be about to close by itself, with a code that says more than our close.
      this.#refusal ??= error;
      this.#link.connection?.close();
    }
  }

  #receive(batch: TraceBatch): void {
    if (this.#over) return;
    this.#window.receive(batch.bytes);
    if (!batch.partial) this.#next = Math.max(this.#next, batch.first + BATCH_STEPS);
    this.#queue.push(batch);
  }

  /** Regions and code count against the credit by their JSON. */
  #readAtOnce(told: readonly unknown[]): void {
    const bytes = JSON.stringify(told).length;
    this.#window.receive(bytes);
    this.#grant(bytes);
  }

  #grant(bytes: number): void {
    const { connection } = this.#link;
    for (const credit of this.#window.read(bytes)) connection?.send({ type: 'credit', id: ID, bytes: credit });
  }

  #finish(error: Error | null): void {
    this.#over = true;
    this.#queue.finish(error);
    this.#rest();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#started.reject(error);
    this.#events.result.reject(error);
    this.#questions.rejectAll(error);
    this.#finish(error);
    clearTimeout(this.#linger);
    this.#link.close();
  }
}

/** What a subscription to a new run names. */
function subjectOf(options: Exclude<TraceSubject, { run: string }>): object {
  const { spec } = options;
  return 'sandbox' in options ? { sandbox: options.sandbox, spec } : { spec };
}
