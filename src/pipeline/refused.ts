/** How the pipeline leaves a run that cannot start. Thrown by a stage, caught by the engine; plain values, no errors of ours. */

import type { OutcomeCode } from '../contract/outcome.ts';
import type { Problem, ProblemCode } from '../contract/problem.ts';
import type { Rejection } from '../contract/result.ts';

/** The request's own fault: answered with a problem document. */
export class ProblemFound {
  readonly problem: Problem;

  constructor(code: ProblemCode, pointer: string, detail: string, more: Partial<Problem> = {}) {
    this.problem = { code, detail, errors: [{ pointer, detail }], ...more };
  }
}

/** What was read, but Linux would not load: answered with a result. */
export class LoadRejected {
  readonly code: OutcomeCode;
  readonly rejection: Rejection;

  constructor(code: 'rejected_load' | 'rejected_verifier', rejection: Rejection) {
    this.code = code;
    this.rejection = rejection;
  }

  /** A refusal by libbpf or by bpf(2) outside the verifier. */
  static load(rule: string, errno: string, message: string, program: string | null = null): LoadRejected {
    return new LoadRejected('rejected_load', { rule, errno, program, pc: null, message, log: '' });
  }
}
