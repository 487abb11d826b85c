/** What the verifier says of one program. */

import type { ErrnoName } from '../spec/errno.ts';

export interface VerifierRejection {
  /** Stable name of the rule, the metrics' label. */
  readonly rule: string;
  readonly errno: ErrnoName;
  /** Slot of the refused instruction; null when the program as a whole is refused. */
  readonly pc: number | null;
  /** Linux's text. */
  readonly message: string;
  /** A log in the kernel's manner; its last lines carry the message. */
  readonly log: string;
}

export interface VerifiedFunction {
  readonly pc: number;
  /** Lowest constant stack offset used along copies of r10, as a positive number of bytes: a lower bound of the frame's depth. */
  readonly stackDepth: number;
  readonly hasTailCall: boolean;
}

export interface VerifierReport {
  readonly rejection: VerifierRejection | null;
  readonly insnsProcessed: number;
  /** Of the program's own function. */
  readonly stackDepth: number;
  readonly functions: readonly VerifiedFunction[];
}
