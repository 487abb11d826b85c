/** How a run can end: the one closed list that REST, the socket, the metrics and the docs read. */

export const OUTCOME_KINDS = ['exit', 'budget', 'fault', 'rejected', 'cancelled', 'internal'] as const;
export type OutcomeKind = (typeof OUTCOME_KINDS)[number];

interface OutcomeRow {
  readonly kind: OutcomeKind;
  readonly text: string;
}

export const OUTCOMES = {
  exit: { kind: 'exit', text: 'The program ran to an exit instruction.' },
  insn_budget: { kind: 'budget', text: 'budgets.instructions was used up.' },
  tail_call_budget: { kind: 'budget', text: 'The run wanted to take more tail calls than budgets.tailCalls.' },
  wall_budget: { kind: 'budget', text: 'budgets.wallMs passed while the program ran.' },
  memory_budget: { kind: 'budget', text: 'The maps, packet and context need more than budgets.memoryBytes.' },
  expired_in_queue: { kind: 'budget', text: 'No worker became free before the queue deadline.' },
  oob_read: { kind: 'fault', text: 'A read touched a byte outside every readable region.' },
  oob_write: { kind: 'fault', text: 'A write touched a byte outside every region.' },
  readonly_write: { kind: 'fault', text: 'A write touched a byte that may only be read.' },
  null_deref: { kind: 'fault', text: 'An access to an address below page 1, where no region lies.' },
  bad_insn: { kind: 'fault', text: "Control ran past a function's last instruction." },
  bad_argument: { kind: 'fault', text: 'A helper was given a register that is not what its prototype says.' },
  call_depth: { kind: 'fault', text: 'More than 8 frames of calls inside one program.' },
  stack_overflow: { kind: 'fault', text: 'The frames of one program use more than 512 bytes together.' },
  rejected_verifier: { kind: 'rejected', text: "What Linux's verifier would refuse." },
  rejected_load: { kind: 'rejected', text: 'What Linux or libbpf would refuse at load, before or after the verifier.' },
  cancelled: { kind: 'cancelled', text: 'The client or a draining server stopped the run.' },
  worker_lost: { kind: 'internal', text: 'The worker thread died or had to be replaced.' },
  internal: { kind: 'internal', text: 'A defect of ours; it is logged with the request id.' },
} as const satisfies Record<string, OutcomeRow>;

export type OutcomeCode = keyof typeof OUTCOMES;

export interface Outcome {
  readonly kind: OutcomeKind;
  readonly code: OutcomeCode;
}

/** The outcome with its kind, by code. */
export function outcome(code: OutcomeCode): Outcome {
  return { kind: OUTCOMES[code].kind, code };
}
