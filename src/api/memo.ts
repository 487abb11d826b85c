/**
 * Results of runs that were made before, by tenant and requestKey: a stateless run is a function of its request, so the same request has the
 * same answer. Least recently used out first. What a clock, a client or a defect ended is no function of the request, and is not remembered.
 */

import { type FinishedRun, type KeptForm, runOfForm } from '../contract/finished-run.ts';
import type { OutcomeCode } from '../contract/outcome.ts';
import type { RunResult } from '../contract/result.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import { sizeOfKept } from '../store/kept-size.ts';
import { requestKey } from './request-key.ts';

/** Counted for each beside its bytes. */
export const MEMO_OVERHEAD_BYTES = 512;
/** A run that takes more than this part of all room is not remembered. */
const LARGEST_PART = 1 / 8;

/** Outcomes that the next run of the same request need not have. */
const BY_CHANCE: ReadonlySet<OutcomeCode> = new Set<OutcomeCode>([
  'wall_budget',
  'expired_in_queue',
  'cancelled',
  'worker_lost',
  'internal',
]);

export class Memo {
  readonly #maxBytes: number;
  /** By requestKey, which holds the tenant. In the order of use. */
  readonly #runs = new Map<string, KeptForm>();
  #bytes = 0;

  /** @param maxBytes limit maxMemoBytes; 0: nothing is remembered */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What a run is remembered by; null: nothing is remembered here. The spec's tenant is part of it. */
  keyOf(spec: RunSpec): string | null {
    return this.#maxBytes === 0 ? null : requestKey(spec);
  }

  /** The run with this key, as if it had just been made under another id: it took no time. Null: it is not known. */
  find(key: string, id: string): FinishedRun | null {
    const kept = this.#runs.get(key);
    if (kept === undefined) return null;
    this.#runs.delete(key);
    this.#runs.set(key, kept);
    const run = runOfForm(kept);
    return { ...run, result: recalled(run.result, id) };
  }

  /** Remembers a run if it can be. */
  remember(key: string, code: OutcomeCode, kept: KeptForm): void {
    if (BY_CHANCE.has(code) || this.#runs.has(key)) return;
    if (costOf(kept) > this.#maxBytes * LARGEST_PART) return;
    this.#runs.set(key, kept);
    this.#bytes += costOf(kept);
    for (const [oldest, left] of this.#runs) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#runs.delete(oldest);
      this.#bytes -= costOf(left);
    }
  }
}

function costOf(kept: KeptForm): number {
  return sizeOfKept(kept) + MEMO_OVERHEAD_BYTES;
}

function recalled(result: RunResult, id: string): RunResult {
  const timing = { queueUs: 0, loadUs: 0, verifyUs: 0, compileUs: 0, execNs: '0' };
  return { ...result, id, timing, cache: { programs: 'hit', run: 'hit' } };
}
