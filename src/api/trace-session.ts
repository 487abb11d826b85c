/** One trace socket from its hello to its close: a state machine over the messages of contract/trace.ts. */

import { randomUUID } from 'node:crypto';
import type { WebSocket } from '@fastify/websocket';
import type { FastifyRequest } from 'fastify';
import type { Problem } from '../contract/problem.ts';
import { problemDocument } from '../contract/problem-document.ts';
import { RunBody } from '../contract/run.ts';
import {
  CLIENT_MESSAGES,
  CLOSE_CODES,
  type ClientMessage,
  type ClientMessageType,
  type CloseReason,
  HEARTBEAT_MS,
  MAX_CHAIN_ROWS,
  MAX_REASON_BYTES,
  MISSED_PINGS,
  type ServerMessage,
  type Subscribe,
} from '../contract/trace.ts';
import { ENGINE } from '../contract/version.ts';
import type { TraceListener } from '../pool/trace-channel.ts';
import { decodeRun } from './decode-run.ts';
import { ProblemError } from './problem-error.ts';
import { TokenBucket } from './rate.ts';
import { type SchemaError, schemaViolation } from './schema-violation.ts';
import type { Services } from './services.ts';
import { type StartedRun, startRun } from './start-run.ts';

interface Subscription {
  readonly handle: number;
  run: StartedRun | null;
  /** False after unsubscribe: the run goes on, nobody is told. */
  watched: boolean;
}

export class TraceSession {
  readonly connection = randomUUID();
  readonly #socket: WebSocket;
  readonly #request: FastifyRequest;
  readonly #services: Services;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #messages: TokenBucket;
  readonly #timers: NodeJS.Timeout[];
  #greeted = false;
  #draining = false;
  #unanswered = 0;
  #handles = 0;
  #heard = performance.now();
  /** Messages whose write is not done, and when the last one was. */
  #unwritten = 0;
  #written = performance.now();

  constructor(socket: WebSocket, request: FastifyRequest, services: Services) {
    this.#socket = socket;
    this.#request = request;
    this.#services = services;
    const { limits, metrics } = services;
    this.#messages = new TokenBucket(limits.maxTraceMessageBurst, limits.maxTraceMessagesPerSecond, performance.now());
    this.#timers = [
      setTimeout(() => this.#greeted || this.#close('hello_timeout', 'no hello'), limits.maxTraceHelloMs),
      setTimeout(() => this.#close('session_limit', 'the session is over'), limits.maxTraceSessionMs),
      setInterval(() => this.#heartbeat(), HEARTBEAT_MS),
      setInterval(() => this.#closeIfIdle(), Math.min(limits.maxTraceIdleMs, HEARTBEAT_MS)),
      setInterval(() => this.#closeIfStalled(), limits.maxTraceStallMs),
    ];
    metrics.traceOpened();
    socket.on('pong', () => {
      this.#unanswered = 0;
    });
    socket.on('message', (data: Buffer, isBinary) => this.#receive(data, isBinary));
    socket.on('close', (code) => {
      for (const timer of this.#timers) clearTimeout(timer);
      for (const { run } of this.#subscriptions.values()) run?.cancel();
      metrics.traceClosed(code);
    });
  }

  /** Says goodbye, and closes when the running runs have been answered. */
  drain(deadlineMs: number): void {
    this.#draining = true;
    const resume = [...this.#subscriptions].flatMap(([id, { run }]) =>
      run === null ? [] : [{ id, run: run.id, step: '0' }],
    );
    this.#send({ type: 'goaway', deadlineMs, resume });
    this.#closeIfDrained();
  }

  #closeIfDrained(): void {
    if (this.#draining && this.#subscriptions.size === 0) this.#close('draining', 'the server is shutting down');
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
    if (this.#subscriptions.size === 0 && silent >= this.#services.limits.maxTraceIdleMs)
      this.#close('idle', 'nothing was said');
  }

  #closeIfStalled(): void {
    const { maxTraceStallMs } = this.#services.limits;
    if (this.#unwritten > 0 && performance.now() - this.#written >= maxTraceStallMs) {
      this.#close('slow_consumer', 'no write got done');
    }
  }

  #close(reason: CloseReason, text: string): void {
    this.#socket.close(CLOSE_CODES[reason], Buffer.from(text).subarray(0, MAX_REASON_BYTES));
  }

  #send(message: ServerMessage): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    // Looked at before a message is added: one large message alone does not make a slow consumer.
    if (this.#socket.bufferedAmount > this.#services.limits.maxTraceBufferedBytes) {
      this.#close('slow_consumer', 'too many unsent bytes');
      return;
    }
    const text = JSON.stringify(message);
    this.#services.metrics.traceSent(Buffer.byteLength(text));
    if (this.#unwritten === 0) this.#written = performance.now();
    this.#unwritten += 1;
    this.#socket.send(text, () => {
      this.#unwritten -= 1;
      this.#written = performance.now();
    });
  }

  #fail(problem: Problem, id?: string): void {
    this.#send({
      type: 'error',
      ...(id === undefined ? {} : { id }),
      problem: problemDocument(problem, this.#request.id),
    });
  }

  #refuse(reason: CloseReason, problem: Problem, id?: string): void {
    this.#fail(problem, id);
    this.#close(reason, problem.code);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    // What was under way when the socket began to close is not answered any more.
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#heard = performance.now();
    const { limits } = this.#services;
    const message = this.#read(data, isBinary);
    if (message === null) return;
    if (data.length > limits.maxTraceMessageBytes && !(message.type === 'subscribe' && message.spec !== undefined)) {
      this.#refuse('too_big', {
        code: 'limit_exceeded',
        detail: `A message other than subscribe with a spec may have ${limits.maxTraceMessageBytes} bytes.`,
        limit: 'maxTraceMessageBytes',
      });
    } else if (message.type !== 'credit' && !this.#messages.take(this.#heard)) {
      this.#refuse('too_many_messages', {
        code: 'limit_exceeded',
        detail: `More than ${limits.maxTraceMessagesPerSecond} messages a second.`,
        limit: 'maxTraceMessagesPerSecond',
      });
    } else if (this.#greeted === (message.type === 'hello')) {
      this.#refuse('bad_message', { code: 'bad_request', detail: 'The first message, and only the first, is hello.' });
    } else this.#handle(message, data.length);
  }

  /** The message, checked against the schema of its type; null after a refusal. */
  #read(data: Buffer, isBinary: boolean): ClientMessage | null {
    let value: unknown = null;
    if (!isBinary) {
      try {
        value = JSON.parse(data.toString('utf8'));
      } catch {
        value = null;
      }
    }
    const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
    if (typeof type !== 'string' || !Object.hasOwn(CLIENT_MESSAGES, type)) {
      const known = Object.keys(CLIENT_MESSAGES).join(', ');
      this.#refuse('bad_message', {
        code: 'bad_request',
        detail: `A message is a JSON object whose type is one of ${known}.`,
      });
      return null;
    }
    const violation = this.#violation(CLIENT_MESSAGES[type as ClientMessageType], value);
    if (violation === null) return value as ClientMessage;
    this.#refuse('bad_message', violation);
    return null;
  }

  #violation(schema: object, value: unknown): Problem | null {
    const validate =
      this.#request.getValidationFunction(schema as never) ?? this.#request.compileValidationSchema(schema as never);
    return validate(value) ? null : schemaViolation((validate.errors ?? []) as unknown as SchemaError[]);
  }

  #handle(message: ClientMessage, bytes: number): void {
    switch (message.type) {
      case 'hello':
        this.#greeted = true;
        this.#send({
          type: 'welcome',
          connection: this.connection,
          limits: this.#services.limits,
          heartbeatMs: HEARTBEAT_MS,
          features: ['chain', 'print'],
          server: ENGINE,
        });
        return;
      case 'subscribe':
        this.#subscribe(message, bytes);
        return;
      case 'cancel':
        this.#subscriptions.get(message.id)?.run?.cancel();
        return;
      case 'unsubscribe': {
        const subscription = this.#subscriptions.get(message.id);
        if (subscription !== undefined) subscription.watched = false;
        return;
      }
      case 'ping':
        this.#send({ type: 'pong', ...(message.id === undefined ? {} : { id: message.id }) });
        return;
      case 'pong':
      // Credit throttles step batches, which a later version brings; chain rows and results have a reserve of their own.
      case 'credit':
        return;
      case 'seek':
      case 'inspect':
      case 'runTo':
        this.#fail({ code: 'not_implemented', detail: `A later version brings ${message.type}.` }, message.id);
    }
  }

  #subscribe(message: Subscribe, bytes: number): void {
    const { id } = message;
    const { limits } = this.#services;
    if (this.#subscriptions.has(id)) {
      this.#refuse('duplicate_id', { code: 'bad_request', detail: 'There is a subscription with this id.' }, id);
      return;
    }
    if (this.#subscriptions.size >= limits.maxTraceSubscriptions) {
      const detail = `A socket may have ${limits.maxTraceSubscriptions} subscriptions.`;
      this.#fail({ code: 'limit_exceeded', detail, limit: 'maxTraceSubscriptions' }, id);
      return;
    }
    try {
      this.#start(message, bytes);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      this.#fail(error.problem, id);
    }
  }

  /** Starts the run of a subscription. Throws ProblemError. */
  #start({ id, run, sandbox, spec: body, detail }: Subscribe, bytes: number): void {
    for (const [name, used] of Object.entries({ run, sandbox, 'detail "steps"': detail === 'steps' || undefined })) {
      if (used !== undefined)
        throw new ProblemError({ code: 'not_implemented', detail: `A later version brings subscribe with ${name}.` });
    }
    if (body === undefined)
      throw new ProblemError({ code: 'bad_request', detail: 'subscribe needs a spec, the body of a run.' });
    const violation = this.#violation(RunBody, body);
    if (violation !== null) throw new ProblemError(violation);
    const { limits } = this.#services;
    const spec = decodeRun(body as RunBody, limits, bytes);
    const subscription: Subscription = { handle: this.#handles, run: null, watched: true };
    this.#handles += 1;
    this.#subscriptions.set(id, subscription);
    const listener: TraceListener = (heard) => this.#relay(id, subscription, heard, spec.budgets);
    const started = startRun(this.#services, {
      spec,
      principal: this.#request.ip,
      mode: 'trace',
      log: this.#request.log,
      listener,
    });
    subscription.run = started;
    void this.#answer(id, subscription, started);
  }

  #relay(
    id: string,
    subscription: Subscription,
    heard: Parameters<TraceListener>[0],
    budgets: ReturnType<typeof decodeRun>['budgets'],
  ): void {
    if (!subscription.watched) return;
    if (heard.type === 'started') {
      const { programs, maps } = heard;
      this.#send({
        type: 'started',
        id,
        handle: subscription.handle,
        run: subscription.run?.id ?? '',
        programs,
        maps,
        budgets,
      });
    } else if (heard.type === 'print') this.#send({ type: 'print', id, ...heard.row });
    else {
      for (let from = 0; from < heard.rows.length; from += MAX_CHAIN_ROWS) {
        this.#send({ type: 'chain', id, rows: heard.rows.slice(from, from + MAX_CHAIN_ROWS) });
      }
    }
  }

  /** Tells the end of a run, the last message of its subscription. */
  async #answer(id: string, subscription: Subscription, run: StartedRun): Promise<void> {
    try {
      const answer = await run.answer;
      this.#subscriptions.delete(id);
      if (!subscription.watched) return;
      if (answer.kind === 'problem') this.#fail(answer.problem, id);
      else this.#send({ type: 'result', id, result: answer.result });
      this.#send({ type: 'end', id });
    } catch (error) {
      this.#request.log.error({ err: error }, 'a traced run failed by a defect');
      this.#refuse(
        'internal',
        { code: 'internal', detail: 'A defect of the server; it is logged with this requestId.' },
        id,
      );
    } finally {
      this.#closeIfDrained();
    }
  }
}
