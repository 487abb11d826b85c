/** What comes in on one trace socket: read, checked against its schema, and held to size, pace and order. */

import type { FastifyRequest } from 'fastify';
import type { Limits } from '../contract/limits.ts';
import type { Problem } from '../contract/problem.ts';
import {
  CLIENT_MESSAGES,
  type ClientMessage,
  type ClientMessageType,
  type CloseReason,
  MAX_ID_LENGTH,
} from '../contract/trace.ts';
import { TokenBucket } from './rate.ts';
import { type SchemaError, schemaViolation } from './schema-violation.ts';

/** Why a message ends the socket. */
export interface MessageRefusal {
  readonly reason: CloseReason;
  readonly problem: Problem;
  /** Of the message, when it could be read. */
  readonly id?: string;
}

interface Refused {
  readonly message?: never;
  readonly refusal: MessageRefusal;
}
export type ReadMessage = { readonly message: ClientMessage; readonly refusal?: never } | Refused;

type MessageLimits = Pick<Limits, 'maxTraceMessageBytes' | 'maxTraceMessageBurst' | 'maxTraceMessagesPerSecond'>;

const KNOWN_TYPES = Object.keys(CLIENT_MESSAGES).join(', ');

/** Validates by the schemas of the app that the request came to. */
export type Validators = Pick<FastifyRequest, 'getValidationFunction' | 'compileValidationSchema'>;

/** What of the value, which stands at `place` of a message, does not fit the schema; null: it fits. */
export function violationOf(validators: Validators, schema: object, value: unknown, place = ''): Problem | null {
  const validate =
    validators.getValidationFunction(schema as never) ?? validators.compileValidationSchema(schema as never);
  return validate(value) ? null : schemaViolation((validate.errors ?? []) as unknown as SchemaError[], place);
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
    const { maxTraceMessageBytes } = this.#limits;
    const value = isBinary ? null : parse(data);
    const fields: Readonly<Record<string, unknown>> = typeof value === 'object' && value !== null ? { ...value } : {};
    const { type, id } = fields;
    if (data.length > maxTraceMessageBytes && !(type === 'subscribe' && fields.spec !== undefined)) {
      const detail = `A message other than subscribe with a spec may have ${maxTraceMessageBytes} bytes.`;
      return overLimit('too_big', 'maxTraceMessageBytes', detail);
    }
    if (typeof type !== 'string' || !Object.hasOwn(CLIENT_MESSAGES, type)) {
      return badMessage(`A message is a JSON object whose type is one of ${KNOWN_TYPES}.`);
    }
    const violation = violationOf(this.#validators, CLIENT_MESSAGES[type as ClientMessageType], value);
    if (violation === null) return this.#admit(value as ClientMessage, now);
    const whose = typeof id === 'string' && id.length <= MAX_ID_LENGTH ? { id } : {};
    return { refusal: { reason: 'bad_message', problem: violation, ...whose } };
  }

  #admit(message: ClientMessage, now: number): ReadMessage {
    if (message.type !== 'credit') {
      const refusal = this.charge(now);
      if (refusal !== null) return { refusal };
    }
    if (this.#greeted === (message.type === 'hello')) {
      return badMessage('The first message, and only the first, is hello.');
    }
    this.#greeted = true;
    return { message };
  }

  /** Counts a message; what to refuse it with when it is one too many. */
  charge(now: number): MessageRefusal | null {
    if (this.#pace.take(now)) return null;
    const detail = `More than ${this.#limits.maxTraceMessagesPerSecond} messages a second.`;
    return overLimit('too_many_messages', 'maxTraceMessagesPerSecond', detail).refusal;
  }
}

function parse(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString('utf8'));
  } catch {
    return null;
  }
}

function badMessage(detail: string): Refused {
  return { refusal: { reason: 'bad_message', problem: { code: 'bad_request', detail } } };
}

function overLimit(reason: CloseReason, limit: keyof MessageLimits, detail: string): Refused {
  return { refusal: { reason, problem: { code: 'limit_exceeded', detail, limit } } };
}
