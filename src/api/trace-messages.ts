/** What comes in on one trace socket: read, checked against its schema, and held to size, pace and order. */

import type { FastifyRequest } from 'fastify';
import type { Limits } from '../contract/limits.ts';
import type { Problem } from '../contract/problem.ts';
import { CLIENT_MESSAGES, type ClientMessage, type ClientMessageType, type CloseReason } from '../contract/trace.ts';
import { TokenBucket } from './rate.ts';
import { type SchemaError, schemaViolation } from './schema-violation.ts';

/** Why a message ends the socket. */
export interface MessageRefusal {
  readonly reason: CloseReason;
  readonly problem: Problem;
}

export type ReadMessage =
  | { readonly message: ClientMessage; readonly refusal?: never }
  | { readonly message?: never; readonly refusal: MessageRefusal };

type MessageLimits = Pick<Limits, 'maxTraceMessageBytes' | 'maxTraceMessageBurst' | 'maxTraceMessagesPerSecond'>;

const KNOWN_TYPES = Object.keys(CLIENT_MESSAGES).join(', ');

/** Validates by the schemas of the app that the request came to. */
export type Validators = Pick<FastifyRequest, 'getValidationFunction' | 'compileValidationSchema'>;

/** What of the value does not fit the schema; null: it fits. */
export function violationOf(validators: Validators, schema: object, value: unknown): Problem | null {
  const validate =
    validators.getValidationFunction(schema as never) ?? validators.compileValidationSchema(schema as never);
  return validate(value) ? null : schemaViolation((validate.errors ?? []) as unknown as SchemaError[]);
}

export class MessageReader {
  readonly #validators: Validators;
  readonly #limits: MessageLimits;
  readonly #pace: TokenBucket;
  #greeted = false;

  constructor(validators: Validators, limits: MessageLimits) {
    this.#validators = validators;
    this.#limits = limits;
    this.#pace = new TokenBucket(limits.maxTraceMessageBurst, limits.maxTraceMessagesPerSecond, performance.now());
  }

  /** A hello has come. */
  get greeted(): boolean {
    return this.#greeted;
  }

  /** @param now performance.now(), ms */
  read(data: Buffer, isBinary: boolean, now: number): ReadMessage {
    const value = isBinary ? null : parse(data);
    const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
    if (typeof type !== 'string' || !Object.hasOwn(CLIENT_MESSAGES, type)) {
      return badMessage(`A message is a JSON object whose type is one of ${KNOWN_TYPES}.`);
    }
    const violation = violationOf(this.#validators, CLIENT_MESSAGES[type as ClientMessageType], value);
    if (violation !== null) return { refusal: { reason: 'bad_message', problem: violation } };
    return this.#admit(value as ClientMessage, data.length, now);
  }

  #admit(message: ClientMessage, bytes: number, now: number): ReadMessage {
    const { maxTraceMessageBytes, maxTraceMessagesPerSecond } = this.#limits;
    if (bytes > maxTraceMessageBytes && !(message.type === 'subscribe' && message.spec !== undefined)) {
      const detail = `A message other than subscribe with a spec may have ${maxTraceMessageBytes} bytes.`;
      return overLimit('too_big', 'maxTraceMessageBytes', detail);
    }
    if (message.type !== 'credit' && !this.#pace.take(now)) {
      const detail = `More than ${maxTraceMessagesPerSecond} messages a second.`;
      return overLimit('too_many_messages', 'maxTraceMessagesPerSecond', detail);
    }
    if (this.#greeted === (message.type === 'hello')) {
      return badMessage('The first message, and only the first, is hello.');
    }
    this.#greeted = true;
    return { message };
  }
}

function parse(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString('utf8'));
  } catch {
    return null;
  }
}

function badMessage(detail: string): ReadMessage {
  return { refusal: { reason: 'bad_message', problem: { code: 'bad_request', detail } } };
}

function overLimit(reason: CloseReason, limit: keyof MessageLimits, detail: string): ReadMessage {
  return { refusal: { reason, problem: { code: 'limit_exceeded', detail, limit } } };
}
