/** The trace socket (waggle-trace.v1): its messages, close codes and fixed times. Numbers an operator may set are in limits.ts. */

import { type Static, type TSchema, Type } from 'typebox';
import type { Region } from './place.ts';
import type { ProblemDocument } from './problem-document.ts';
import type { ChainRow, MapWriteRow, PrintRow, RunResult } from './result.ts';
import type { Budgets } from './run-spec.ts';
import { closed, literals } from './schema.ts';
import { type FrameState, MAX_WINDOW_STEPS, type StepRow, type StepState } from './step.ts';
import type { CodeRow } from './step-facts.ts';

export const TRACE_SUBPROTOCOL = 'waggle-trace.v1';
/** The server pings this often; a client that misses two is cut off. */
export const HEARTBEAT_MS = 25_000;
export const MISSED_PINGS = 2;
/** Rows of one `chain` message. */
export const MAX_CHAIN_ROWS = 256;
/** Credit that a client may give. */
export const MAX_CREDIT_BYTES = 1024 * 1024;
/** Credit of a subscription that names none. */
export const DEFAULT_CREDIT_BYTES = 256 * 1024;
/** Bytes or elements of one `inspect`. */
export const MAX_INSPECT_COUNT = 65_536;
/** What `chain`, `result` and `error` may use beyond the credit, and lines of `print` and `map` together: bytes of one subscription. */
export const RESERVE_BYTES = 1024 * 1024;
/** A stream that makes no whole batch for this long sends the steps that it has, ms. */
export const PARTIAL_AFTER_MS = 16;
/** A single-use ticket is good for this long, ms. */
export const TICKET_LIFE_MS = 30_000;
/** Largest batch for a client whose hello names no maxBatchBytes. */
export const DEFAULT_BATCH_BYTES = 1024 * 1024;
/** Subscriptions that one socket can have one after the other: a handle is 16 bits, and none is used twice. */
export const MAX_HANDLES = 65_536;
/** Questions (seek, inspect, runTo) of one socket that may wait for their answer. */
export const MAX_WAITING_QUESTIONS = 64;
/** Bookmarks of one subscription that follow each other directly are told at most this often, ms. */
export const BOOKMARK_EVERY_MS = 100;
/** A socket whose peer does not answer the close is cut off after this time, ms. */
export const CLOSE_TIMEOUT_MS = 5_000;

/** What this server can do; `welcome` tells it. */
export const TRACE_FEATURES = [
  'chain',
  'steps',
  'print',
  'map',
  'filter',
  'resume',
  'seek',
  'inspect',
  'runTo',
  'tickets',
] as const;
/** Bytes of a close reason (RFC 6455 §5.5: 125 with its code). */
export const MAX_REASON_BYTES = 123;

export const CLOSE_CODES = {
  done: 1000,
  draining: 1001,
  too_big: 1009,
  internal: 1011,
  overloaded: 1013,
  bad_message: 4400,
  not_authenticated: 4401,
  forbidden: 4403,
  no_such_run: 4404,
  hello_timeout: 4408,
  duplicate_id: 4409,
  gone: 4410,
  too_many_messages: 4429,
  slow_consumer: 4440,
  idle: 4441,
  session_limit: 4442,
} as const;
export type CloseReason = keyof typeof CLOSE_CODES;

/** Characters of an `id`. */
export const MAX_ID_LENGTH = 128;
const Id = Type.String({ minLength: 1, maxLength: MAX_ID_LENGTH });
/** A step as a client says it: a number up to 2^53 - 1, or decimal text. */
const StepInput = Type.Unsafe<number | string>({
  type: ['integer', 'string'],
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  pattern: '^[0-9]{1,16}$',
});

const Hello = Type.Object(
  {
    type: Type.Literal('hello'),
    id: Type.Optional(Id),
    client: Type.Optional(Type.String({ maxLength: 256 })),
    encoding: Type.Optional(literals(['binary', 'json'])),
    maxBatchBytes: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  closed,
);

const Subscribe = Type.Object(
  {
    type: Type.Literal('subscribe'),
    id: Id,
    run: Type.Optional(Id),
    sandbox: Type.Optional(Id),
    /** A run body; checked against its own schema, so that its faults are a problem and not the end of the socket. */
    spec: Type.Optional(Type.Unknown()),
    from: Type.Optional(StepInput),
    detail: Type.Optional(literals(['chain', 'steps'])),
    programs: Type.Optional(Type.Array(Type.String(), { maxItems: 256 })),
    credit: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_CREDIT_BYTES })),
  },
  closed,
);
export type Subscribe = Static<typeof Subscribe>;

const Cancel = Type.Object({ type: Type.Literal('cancel'), id: Id }, closed);
const Unsubscribe = Type.Object({ type: Type.Literal('unsubscribe'), id: Id }, closed);
const Ping = Type.Object({ type: Type.Literal('ping'), id: Type.Optional(Id) }, closed);
const Pong = Type.Object({ type: Type.Literal('pong'), id: Type.Optional(Id) }, closed);
const Credit = Type.Object(
  { type: Type.Literal('credit'), id: Id, bytes: Type.Integer({ minimum: 0, maximum: MAX_CREDIT_BYTES }) },
  closed,
);
const Seek = Type.Object(
  {
    type: Type.Literal('seek'),
    id: Id,
    step: StepInput,
    count: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_WINDOW_STEPS })),
  },
  closed,
);
/** What can be inspected. */
export const INSPECT_PATTERN = '^(registers|stack|ctx|packet|map:.+)$';
const Inspect = Type.Object(
  {
    type: Type.Literal('inspect'),
    id: Id,
    step: StepInput,
    /** `map:<name>`: `start` and `count` count elements; else bytes. */
    what: Type.String({ pattern: INSPECT_PATTERN, maxLength: 256 }),
    start: Type.Optional(Type.Integer()),
    count: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_INSPECT_COUNT })),
  },
  closed,
);
const RunTo = Type.Object(
  {
    type: Type.Literal('runTo'),
    id: Id,
    from: StepInput,
    until: Type.Union([
      Type.Object({ program: Type.String(), pc: Type.Integer({ minimum: 0 }) }, closed),
      Type.Object({ tailCall: Type.Unsafe<true | 'miss'>({ enum: [true, 'miss'] }) }, closed),
      Type.Object({ mapWrite: Type.String() }, closed),
    ]),
    direction: Type.Optional(literals(['forward', 'back'])),
  },
  closed,
);

/** What a client may say, by type. */
export const CLIENT_MESSAGES = {
  hello: Hello,
  subscribe: Subscribe,
  cancel: Cancel,
  unsubscribe: Unsubscribe,
  ping: Ping,
  pong: Pong,
  credit: Credit,
  seek: Seek,
  inspect: Inspect,
  runTo: RunTo,
} as const satisfies Record<string, TSchema>;

export type ClientMessageType = keyof typeof CLIENT_MESSAGES;
export type ClientMessage = { [type in ClientMessageType]: Static<(typeof CLIENT_MESSAGES)[type]> }[ClientMessageType];

/** Why something does not come: lines beyond the reserve, steps beyond traceBytes, a batch beyond the hello's maxBatchBytes. */
export type GapReason = 'credit' | 'budget' | 'size';

/** What the server says. */
export type ServerMessage =
  | {
      readonly type: 'welcome';
      readonly connection: string;
      readonly limits: Readonly<Record<string, number>>;
      readonly heartbeatMs: number;
      readonly features: readonly string[];
      readonly server: string;
    }
  | {
      readonly type: 'started';
      readonly id: string;
      readonly handle: number;
      readonly run: string;
      readonly programs: readonly { readonly index: number; readonly name: string; readonly insns: number }[];
      readonly maps: readonly string[];
      readonly budgets: Budgets;
    }
  | { readonly type: 'chain'; readonly id: string; readonly rows: readonly ChainRow[] }
  | ({ readonly type: 'print'; readonly id: string } & PrintRow)
  /** A helper's write to a map, while the run goes on. */
  | ({ readonly type: 'map'; readonly id: string } & MapWriteRow)
  /** Binary encoding, in front of the first batch: the named regions that addresses lie in. */
  | { readonly type: 'regions'; readonly id: string; readonly regions: readonly Region[] }
  /** Binary encoding, in front of a batch that needs them: instructions of a program. */
  | { readonly type: 'code'; readonly id: string; readonly program: number; readonly rows: readonly CodeRow[] }
  /** JSON encoding: a batch. */
  | {
      readonly type: 'steps';
      readonly id: string;
      readonly first: string;
      readonly count: number;
      readonly partial?: true;
      /** The registers in front of step `first`, innermost frame first. */
      readonly keyframe: readonly FrameState[];
      readonly rows: readonly StepRow[];
    }
  | { readonly type: 'bookmark'; readonly id: string; readonly step: string }
  | {
      readonly type: 'gap';
      readonly id: string;
      readonly from: string;
      readonly to: string;
      readonly reason: GapReason;
    }
  | ({
      readonly type: 'state';
      readonly id: string;
      readonly rows: readonly StepRow[];
      /** The step behind the rows, of which there may be fewer than asked for; null: the run has none. */
      readonly next: string | null;
    } & Omit<StepState, 'maps'>)
  | {
      readonly type: 'inspected';
      readonly id: string;
      readonly step: string;
      readonly what: string;
      readonly start: number;
      /** Hex; of registers the innermost frame's r0 to r10, 8 bytes each, little-endian. */
      readonly bytes?: string;
      /** Of a map. */
      readonly entries?: StepState['maps'][string];
    }
  | { readonly type: 'found'; readonly id: string; readonly step: string | null }
  | { readonly type: 'result'; readonly id: string; readonly result: RunResult }
  | { readonly type: 'end'; readonly id: string }
  | { readonly type: 'error'; readonly id?: string; readonly problem: ProblemDocument }
  | { readonly type: 'ping' | 'pong'; readonly id?: string }
  | {
      readonly type: 'goaway';
      readonly deadlineMs: number;
      readonly resume: readonly { readonly id: string; readonly run: string; readonly step: string }[];
    };
