/** One trace socket from its hello to its close: who may say what when, its subscriptions, and its clocks. */

import { randomUUID } from 'node:crypto';
import type { WebSocket } from '@fastify/websocket';
import type { FastifyRequest } from 'fastify';
import { RunBody } from '../contract/run.ts';
import { SandboxRunBody } from '../contract/sandbox.ts';
import {
  type ClientMessage,
  DEFAULT_BATCH_BYTES,
  HEARTBEAT_MS,
  MAX_HANDLES,
  MISSED_PINGS,
  type Subscribe,
  TRACE_FEATURES,
} from '../contract/trace.ts';
import { ENGINE } from '../contract/version.ts';
import { admitWork } from './admission.ts';
import { decodeRun } from './decode-run.ts';
import { findRun } from './find-run.ts';
import type { Principal } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { QuestionLine } from './question-line.ts';
import { problemIn } from './schema-violation.ts';
import type { Services } from './services.ts';
import type { TraceContext } from './trace-context.ts';
import { MessageReader, type MessageRefusal, violationOf } from './trace-messages.ts';
import type { TraceOutbox } from './trace-outbox.ts';
import { SPEC_POINTER, type Subject, TraceSubscription } from './trace-subscription.ts';

type MessageOf<Type extends ClientMessage['type']> = Extract<ClientMessage, { type: Type }>;
type AboutSubscription = MessageOf<'cancel' | 'unsubscribe' | 'credit' | 'seek' | 'inspect' | 'runTo'>;

export interface SessionOptions {
  readonly socket: WebSocket;
  readonly outbox: TraceOutbox;
  readonly request: FastifyRequest;
  readonly services: Services;
  readonly principal: Principal;
}

export class TraceSession {
  readonly connection = randomUUID();
  readonly #socket: WebSocket;
  readonly #outbox: TraceOutbox;
  readonly #request: FastifyRequest;
  readonly #services: Services;
  readonly #reader: MessageReader;
  readonly #timers: NodeJS.Timeout[];
  /** By id; those that have ended in the order of their end. */
  readonly #subscriptions = new Map<string, TraceSubscription>();
  #context: TraceContext;
  #draining = false;
  #unanswered = 0;
  #handles = 0;
  #heard = performance.now();

  constructor({ socket, outbox, request, services, principal }: SessionOptions) {
    this.#socket = socket;
    this.#outbox = outbox;
    this.#request = request;
    this.#services = services;
    const { limits } = services;
    this.#reader = new MessageReader(request, limits);
    this.#context = {
      services,
      outbox,
      principal,
      log: request.log,
      questions: new QuestionLine(),
      encoding: 'binary',
      maxBatchBytes: DEFAULT_BATCH_BYTES,
      defect: (error, id) => this.#defect(error, id),
    };
    this.#timers = [
      setTimeout(() => this.#reader.greeted || outbox.close('hello_timeout', 'no hello'), limits.maxTraceHelloMs),
      setTimeout(() => outbox.close('session_limit', 'the session is over'), limits.maxTraceSessionMs),
      setInterval(() => this.#heartbeat(), HEARTBEAT_MS),
      setInterval(() => this.#closeIfIdle(), Math.min(limits.maxTraceIdleMs, HEARTBEAT_MS)),
    ];
    socket.on('pong', () => {
      this.#unanswered = 0;
    });
    socket.on('message', (data: Buffer, isBinary) => this.#receive(data, isBinary));
    socket.on('close', () => {
      for (const timer of this.#timers) clearTimeout(timer);
      for (const subscription of this.#subscriptions.values()) subscription.leave();
      this.#subscriptions.clear();
    });
  }

  /** Says goodbye and where to go on, and closes when the running runs have been answered. */
  drain(deadlineMs: number): void {
    this.#draining = true;
    const subscriptions = [...this.#subscriptions.values()];
    const resume = subscriptions.map((subscription) => subscription.place).filter((place) => place !== null);
    for (const subscription of subscriptions) subscription.drain();
    this.#outbox.send({ type: 'goaway', deadlineMs, resume });
    this.#closeIfDrained();
  }

  #closeIfDrained(): void {
    if (!this.#draining || [...this.#subscriptions.values()].some(({ isRunning }) => isRunning)) return;
    this.#outbox.close('draining', 'the server is shutting down');
  }

  #heartbeat(): void {
    if (this.#unanswered >= MISSED_PINGS) {
      this.#socket.terminate();
      return;
    }
    this.#unanswered += 1;
    this.#socket.ping();
  }

  #closeIfIdle(): void {
    const silent = performance.now() - this.#heard;
    const busy = [...this.#subscriptions.values()].some(({ isBusy }) => isBusy);
    if (!busy && silent >= this.#services.limits.maxTraceIdleMs) this.#outbox.close('idle', 'nothing was said');
  }

  #defect(error: unknown, id?: string): void {
    this.#request.log.error({ err: error }, 'a trace failed by a defect');
    const detail = 'A defect of the server; it is logged with this requestId.';
    this.#outbox.refuse('internal', { code: 'internal', detail }, id);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    // What was under way when the socket began to close is not answered any more.
    if (!this.#outbox.isOpen) return;
    this.#heard = performance.now();
    const { message, refusal } = this.#reader.read(data, isBinary, this.#heard);
    if (refusal !== undefined) {
      this.#refuse(refusal);
      return;
    }
    try {
      this.#handle(message, data.length);
    } catch (error) {
      this.#defect(error, message.id);
    }
  }

  #refuse({ reason, problem, id }: MessageRefusal): void {
    this.#outbox.refuse(reason, problem, id);
  }

  #handle(message: ClientMessage, bytes: number): void {
    const { id = '' } = message;
    switch (message.type) {
      case 'hello':
        this.#welcome(message);
        break;
      case 'subscribe':
        this.#subscribe(message, bytes);
        break;
      case 'cancel':
        this.#of(message)?.cancel();
        break;
      case 'unsubscribe':
        this.#of(message)?.leave();
        this.#subscriptions.delete(id);
        break;
      case 'credit':
        this.#of(message)?.addCredit(message.bytes);
        break;
      case 'ping':
        this.#outbox.send({ type: 'pong', ...(message.id === undefined ? {} : { id }) });
        break;
      case 'pong':
        break;
      case 'seek':
      case 'inspect':
      case 'runTo':
        this.#of(message)?.ask(message);
    }
  }

  #welcome({ encoding = 'binary', maxBatchBytes = DEFAULT_BATCH_BYTES }: MessageOf<'hello'>): void {
    const { limits } = this.#services;
    // A larger batch could not be buffered for a slow reader.
    this.#context = {
      ...this.#context,
      encoding,
      maxBatchBytes: Math.min(maxBatchBytes, limits.maxTraceBufferedBytes),
    };
    this.#outbox.send({
      type: 'welcome',
      connection: this.connection,
      limits,
      heartbeatMs: HEARTBEAT_MS,
      features: TRACE_FEATURES,
      server: ENGINE,
    });
  }

  /** The subscription that a message is about; when there is none the client is told. */
  #of({ type, id }: AboutSubscription): TraceSubscription | undefined {
    const subscription = this.#subscriptions.get(id);
    if (subscription !== undefined) return subscription;
    // Credit costs a client nothing; an answer to it does.
    const refusal = type === 'credit' ? this.#reader.charge(performance.now()) : null;
    if (refusal !== null) this.#refuse({ ...refusal, id });
    else this.#outbox.fail({ code: 'not_found', detail: 'There is no subscription with this id.' }, id);
    return undefined;
  }

  #subscribe(message: Subscribe, bytes: number): void {
    const { id } = message;
    const outbox = this.#outbox;
    const previous = this.#subscriptions.get(id);
    if (previous?.hasEnded === false) {
      outbox.refuse('duplicate_id', { code: 'bad_request', detail: 'There is a subscription with this id.' }, id);
      return;
    }
    try {
      this.#checkRoom();
      const subject = this.#subjectOf(message, bytes);
      if (!('run' in subject)) admitWork(this.#services, this.#context.principal.bucket);
      const cancel = 'run' in subject ? this.#cancelOf(subject.run) : undefined;
      const subscription = new TraceSubscription(this.#context, message, this.#handles, (one) => this.#changed(one));
      this.#handles += 1;
      previous?.leave();
      this.#subscriptions.set(id, subscription);
      subscription.begin(subject, cancel);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      const { problem } = error;
      if (message.run !== undefined && problem.code === 'not_found') outbox.refuse('no_such_run', problem, id);
      else if (message.run !== undefined && problem.code === 'trace_gone') outbox.refuse('gone', problem, id);
      else {
        outbox.fail(problem, id);
        outbox.send({ type: 'end', id });
      }
    }
  }

  /** Throws ProblemError. */
  #checkRoom(): void {
    const { maxTraceSubscriptions } = this.#services.limits;
    const live = [...this.#subscriptions.values()].filter(({ hasEnded }) => !hasEnded).length;
    if (this.#draining) throw new ProblemError({ code: 'draining', detail: 'The server is shutting down.' });
    if (live >= maxTraceSubscriptions) {
      const detail = `A socket may have ${maxTraceSubscriptions} subscriptions.`;
      throw new ProblemError({ code: 'limit_exceeded', detail, limit: 'maxTraceSubscriptions' });
    }
    if (this.#handles >= MAX_HANDLES) {
      const detail = `A socket may have ${MAX_HANDLES} subscriptions one after the other; open another one.`;
      throw new ProblemError({ code: 'limit_exceeded', detail });
    }
  }

  /** What is subscribed to. Throws ProblemError. */
  #subjectOf({ run, sandbox, spec: body }: Subscribe, bytes: number): Subject {
    if (sandbox !== undefined && body === undefined) {
      throw new ProblemError({ code: 'bad_request', detail: 'subscribe with sandbox needs spec, what to run on it.' });
    }
    if ((run === undefined) === (body === undefined)) {
      const detail = 'subscribe needs either run, the id of a run, or spec, the body of one.';
      throw new ProblemError({ code: 'bad_request', detail });
    }
    if (run !== undefined) return { run };
    const schema = sandbox === undefined ? RunBody : SandboxRunBody;
    const violation = violationOf(this.#request, schema, body, SPEC_POINTER);
    if (violation !== null) throw new ProblemError(violation);
    if (sandbox !== undefined) return { sandbox, body: body as SandboxRunBody, bytes };
    try {
      const { tenant } = this.#context.principal;
      return { spec: decodeRun(body as RunBody, this.#services.limits, bytes, tenant) };
    } catch (error) {
      throw error instanceof ProblemError ? new ProblemError(problemIn(SPEC_POINTER, error.problem)) : error;
    }
  }

  /** How to end the run. Throws ProblemError when there is none with this id. */
  #cancelOf(id: string): (() => void) | undefined {
    const kept = findRun(this.#services.runs, { tenant: this.#context.principal.tenant, id });
    return kept.state === 'running' ? kept.cancel : undefined;
  }

  /** Of the subscriptions that have ended only the last ones are remembered, as many as may be live. */
  #changed(subscription: TraceSubscription): void {
    const { id } = subscription;
    if (subscription.hasEnded && this.#subscriptions.get(id) === subscription) {
      this.#subscriptions.delete(id);
      this.#subscriptions.set(id, subscription);
      const ended = [...this.#subscriptions.values()].filter(({ hasEnded }) => hasEnded);
      const oldest = ended.find(({ isAsked }) => !isAsked);
      if (oldest !== undefined && ended.length > this.#services.limits.maxTraceSubscriptions) {
        this.#subscriptions.delete(oldest.id);
      }
    }
    this.#closeIfDrained();
  }
}
