/** W3C Trace Context: who asked for this in a larger trace, and what this request is called in it. */

import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Api } from './services.ts';

/** One span of a trace. */
export interface TraceParent {
  /** 32 hex digits, not all zero. */
  readonly traceId: string;
  /** 16 hex digits, not all zero. */
  readonly spanId: string;
  /** Trace flags, 8 bits. */
  readonly flags: number;
}

/** Version, trace id, parent id, flags; what a later version appends begins with another dash. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const OUR_VERSION = '00';
const INVALID_VERSION = 'ff';
const ZEROS = /^0+$/;
/** Flags that are known: sampled, and random trace id. */
const KNOWN_FLAGS = 0b11;
const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

/** A header's span; null for one that must be ignored (Trace Context §3.2, §4.3). */
export function parseTraceParent(header: string): TraceParent | null {
  const [, version, traceId = '', spanId = '', flags = '', more] = TRACEPARENT.exec(header) ?? [];
  if (version === undefined || version === INVALID_VERSION) return null;
  if (version === OUR_VERSION && more !== undefined) return null;
  if (ZEROS.test(traceId) || ZEROS.test(spanId)) return null;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & KNOWN_FLAGS };
}

export function formatTraceParent({ traceId, spanId, flags }: TraceParent): string {
  return `${OUR_VERSION}-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`;
}

/** A new span below the parent; without one, of a new trace that nobody samples. */
export function childOf(parent: TraceParent | null): TraceParent {
  const spanId = randomBytes(SPAN_ID_BYTES).toString('hex');
  if (parent !== null) return { ...parent, spanId };
  return { traceId: randomBytes(TRACE_ID_BYTES).toString('hex'), spanId, flags: 0 };
}

/** The span of each request, known to its log lines and to its answer. */
export class RequestSpans {
  readonly #spans = new WeakMap<IncomingMessage, TraceParent>();

  of(request: IncomingMessage): TraceParent {
    const known = this.#spans.get(request);
    if (known !== undefined) return known;
    const { traceparent } = request.headers;
    const span = childOf(typeof traceparent === 'string' ? parseTraceParent(traceparent) : null);
    this.#spans.set(request, span);
    return span;
  }
}

/** Registers the answer's `traceparent` for all routes that come after it. */
export function registerTraceParent(app: Api, spans: RequestSpans): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('traceparent', formatTraceParent(spans.of(request.raw)));
  });
}
