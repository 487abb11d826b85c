/** A result in which nothing has happened yet: what the pool answers for runs that no worker finished, and what the engine starts from. */

import { type OutcomeCode, outcome } from './outcome.ts';
import type { RunResult } from './result.ts';
import type { RunSpec } from './run-spec.ts';
import type { Observations } from './task.ts';
import { ENGINE } from './version.ts';

/** A whole answer with every counter 0 and no state to show. */
export function unrunResult(id: string, spec: RunSpec, code: OutcomeCode, queueUs: number): RunResult {
  return {
    id,
    runKey: null,
    outcome: outcome(code),
    returnValue: null,
    r0: null,
    action: null,
    counters: {
      instructions: '0',
      programs: 0,
      tailCalls: 0,
      tailCallMisses: { index: 0, empty: 0, limit: 0 },
      chainDepth: 0,
      helperCalls: 0,
      mapOps: 0,
      prints: 0,
    },
    chain: [],
    chainTruncated: false,
    last: null,
    fault: null,
    rejection: null,
    verification: null,
    output: { packet: null, ctx: null, maps: {}, prints: [], events: [] },
    timing: { queueUs, loadUs: 0, verifyUs: 0, compileUs: 0, execNs: '0' },
    budgets: { ...spec.budgets },
    profile: spec.profile,
    seed: spec.seed,
    engine: ENGINE,
    cache: { programs: 'miss' },
  };
}

/** What such a run adds to the metrics: no invocation ended at any depth. */
export const NOTHING_OBSERVED: Observations = Object.freeze({ chainDepths: [], helperCalls: {}, verifierRule: null });
