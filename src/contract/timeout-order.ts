/** Which time must hold which others, so that the inner one always ends first and says more than a cut connection. */

import { type LimitName, type Limits, limitVariable } from './limits.ts';

interface OrderRow {
  /** These times pass one after the other, */
  readonly inner: readonly LimitName[];
  /** within this one. 0: there is none. */
  readonly outer: LimitName;
  readonly why: string;
}

/** wall budget <= handler <= request <= proxy, and the life of a trace socket. */
export const TIMEOUT_ORDER: readonly OrderRow[] = [
  {
    inner: ['maxQueueMs', 'maxWallMs', 'maxAnswerGraceMs', 'maxQueueMs', 'maxReplayMs', 'maxAnswerGraceMs'],
    outer: 'maxHandlerMs',
    why: 'a run with detail "steps" may wait, run, be answered, wait again, be replayed and be answered before its request ends',
  },
  { inner: ['maxHeadersMs'], outer: 'maxRequestMs', why: 'the header fields are a part of the request' },
  {
    inner: ['maxRequestMs', 'maxHandlerMs'],
    outer: 'proxyTimeoutMs',
    why: 'a proxy that gives up first hides how a request ended',
  },
  { inner: ['maxTraceHelloMs'], outer: 'maxTraceIdleMs', why: 'a client that has not said hello is idle' },
  { inner: ['maxTraceIdleMs'], outer: 'maxTraceSessionMs', why: 'a session that is over is not idle any more' },
];

/** What is wrong with the times, beginning with a variable's name; null: they are in order. */
export function timeoutFault(limits: Limits): string | null {
  for (const { inner, outer, why } of TIMEOUT_ORDER) {
    const most = limits[outer];
    const sum = inner.reduce((total, name) => total + limits[name], 0);
    if (most === 0 || sum <= most) continue;
    const names = inner.map((name) => `${limitVariable(name)} (${limits[name]})`).join(' + ');
    return (
      `${limitVariable(outer)}: ${most} ms are less than ${names} = ${sum} ms, and ${why}; ` +
      `set ${limitVariable(outer)} to ${sum} at least, or lower the others`
    );
  }
  return null;
}
