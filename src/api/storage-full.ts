/** The refusal of what a tenant's quota has no room for. */

import type { Limits } from '../contract/limits.ts';
import type { Full } from '../store/store.ts';
import { ProblemError } from './problem-error.ts';

export function storageFull({ limit }: Full, limits: Limits): ProblemError {
  const detail =
    `There is no room for one more: ${limit} is ${limits[limit]} here, for programs, asynchronous runs, batches and shares together. ` +
    'Shares leave by DELETE, and with results when they expire; what is stored already is still there.';
  return new ProblemError({ code: 'limit_exceeded', detail, limit });
}
