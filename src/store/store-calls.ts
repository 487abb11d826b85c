/** What the API thread and the store's thread say to each other. */

import type { SentError } from './sent-error.ts';
import type { Quota, Store } from './store.ts';

/** The parts of a store that have calls of their own. */
export type Part = 'programs' | 'runs' | 'sandboxes' | 'shares';

/** Every call of the interface, apart from the store's own: usage, sweep, close. */
export const PART_CALLS = {
  programs: ['put', 'get', 'delete'],
  runs: ['accept', 'finish', 'get', 'noteStart', 'listUnfinished'],
  sandboxes: ['put', 'get', 'list', 'setExpiry', 'delete'],
  shares: ['put', 'get', 'delete'],
} as const satisfies { readonly [name in Part]: readonly (keyof Store[name])[] };

/** What the thread is started with. */
export interface ThreadData {
  readonly folder: string;
  readonly quota: Quota;
}

/** To the thread. */
export type ToThread =
  | {
      readonly kind: 'call';
      /** Of this call, for its answer. */
      readonly number: number;
      /** null: a call of the store itself. */
      readonly part: Part | null;
      readonly method: string;
      readonly arguments: readonly unknown[];
      /** The caller's clock, ms since 1970. */
      readonly now: number;
    }
  /** No call follows; the thread ends when it has let go of the folder. */
  | { readonly kind: 'close' };

/** From the thread. The first is `open` or `refused`. */
export type FromThread =
  | { readonly kind: 'open' }
  | { readonly kind: 'refused'; readonly error: SentError }
  | { readonly kind: 'answer'; readonly number: number; readonly answer: unknown }
  | { readonly kind: 'error'; readonly number: number; readonly error: SentError };
