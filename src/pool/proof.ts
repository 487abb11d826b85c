/** A known run that tells whether a thread works from the assembler to the hop: a program that calls itself until Linux's limit. */

import { DEFAULT_BUDGETS, MAX_TAIL_CALLS } from '../contract/run.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import type { WorkerAnswer } from '../contract/task.ts';

/** Time for the proof, start of a new thread included, ms. */
export const PROOF_DEADLINE_MS = 5_000;
const PROVEN_RETURN_VALUE = 2;

export const PROOF: RunSpec = {
  tenant: '',
  object: null,
  programs: [
    {
      name: 'again',
      type: 'xdp',
      attachType: null,
      flags: [],
      license: 'GPL',
      source: {
        kind: 'asm',
        dialect: 'llvm',
        text: `r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = ${PROVEN_RETURN_VALUE}\nexit`,
      },
      pointer: '/programs/0',
    },
  ],
  maps: [
    {
      name: 'chain',
      type: 'prog_array',
      keySize: null,
      valueSize: null,
      maxEntries: 1,
      flags: [],
      frozen: false,
      slots: { '0': 'again' },
      entries: [],
      pointer: '/maps/0',
    },
  ],
  entry: 'again',
  input: { packet: new Uint8Array(64), ctx: null },
  repeat: 1,
  verify: 'enforce',
  profile: 'linux-6.18',
  maxTailCalls: MAX_TAIL_CALLS,
  budgets: DEFAULT_BUDGETS,
  seed: '1',
  detail: 'chain',
  returns: { packet: false, ctx: false, maps: [] },
};

/** Did the known run end as Linux ends it: 33 hops, one miss by the limit, then the fall-through? */
export function isProven(answer: WorkerAnswer): boolean {
  if (answer.kind !== 'result') return false;
  const { outcome, returnValue, counters, chain } = answer.result;
  return (
    outcome.code === 'exit' &&
    returnValue === PROVEN_RETURN_VALUE &&
    counters.tailCalls === MAX_TAIL_CALLS &&
    counters.tailCallMisses.limit === 1 &&
    chain.length === MAX_TAIL_CALLS + 1
  );
}
