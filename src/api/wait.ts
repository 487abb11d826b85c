/** The query parameter `wait`: how long a request may wait for the end of a run. */

import { setTimeout as delay } from 'node:timers/promises';
import { Type } from 'typebox';
import { closed } from '../contract/schema.ts';
import { badParameter, MAX_QUERY_LENGTH } from './query.ts';

/** Longest time that a request may wait for the end of a run, s. */
export const MAX_WAIT_SECONDS = 30;

export const WaitQuery = Type.Object(
  {
    wait: Type.Optional(
      Type.String({ maxLength: MAX_QUERY_LENGTH, description: 'Seconds to wait for the end: 0s (default) to 30s' }),
    ),
  },
  closed,
);

/**
 * `10s` or `10` in milliseconds.
 * @throws ProblemError bad_request
 */
export function waitOf(text: string | undefined): number {
  const seconds = /^([0-9]{1,2})s?$/.exec(text ?? '0')?.[1];
  if (seconds === undefined || Number(seconds) > MAX_WAIT_SECONDS) {
    throw badParameter('wait', `must be whole seconds from 0s to ${MAX_WAIT_SECONDS}s`);
  }
  return 1000 * Number(seconds);
}

/** Resolves when it is done, when the time is over, or when nobody waits any more. */
export async function withinWait(milliseconds: number, gone: AbortSignal, done: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, gone]);
  try {
    await Promise.race([done, delay(milliseconds, undefined, { signal, ref: false }).catch(() => {})]);
  } finally {
    over.abort();
  }
}
