/** The closed label sets. What is not in its set is counted as `other`, so that no input can make a new series. */

import { RATE_POLICIES } from '../contract/limits.ts';
import { OUTCOMES, type OutcomeCode } from '../contract/outcome.ts';
import { CLOSE_CODES } from '../contract/trace.ts';
import { HELPERS } from '../spec/helpers.ts';
import { VERIFIER_RULES } from './verifier-rules.ts';

export const OTHER = 'other';

const outcomeCodes = Object.keys(OUTCOMES) as OutcomeCode[];

export const RUN_MODES = ['request', 'trace', 'async', 'batch', 'sandbox'] as const;
export type RunMode = (typeof RUN_MODES)[number];

export const LABELS = {
  outcome: outcomeCodes,
  fault: outcomeCodes.filter((code) => OUTCOMES[code].kind === 'fault'),
  mode: RUN_MODES,
  tailCallResult: ['taken', 'index', 'empty', 'limit'],
  phase: ['queue', 'load', 'verify', 'compile', 'exec'],
  budget: ['instructions', 'tailCalls', 'wallMs'],
  slotResult: ['stored', 'EPERM', 'EINVAL', 'E2BIG', 'ENOENT'],
  sandboxState: ['idle', 'running', 'stored'],
  probeResult: ['passed', 'failed'],
  recycleReason: ['worker_lost', 'internal'],
  cacheResult: ['hit', 'miss'],
  closeCode: [...Object.values(CLOSE_CODES).map(String), OTHER],
  ratePolicy: Object.keys(RATE_POLICIES),
  shedReason: ['memory', 'event_loop'],
  statusClass: ['2xx', '3xx', '4xx', '5xx'],
  helper: [...HELPERS.filter(({ implemented }) => implemented).map(({ name }) => name), OTHER],
  rule: [...VERIFIER_RULES, OTHER],
} as const satisfies Record<string, readonly string[]>;

/** The value if its set has it, else `other`. */
export function closedLabel(set: readonly string[], value: string): string {
  return set.includes(value) ? value : OTHER;
}
