/** What the verifier says of one program. */

import type { ErrnoName } from '../spec/errno.ts';
import type { RuleName } from './rules.ts';

export interface VerifierRejection {
  /** Stable name of the rule, the metrics' label (RULES of rules.ts). */
  readonly rule: RuleName;
  readonly errno: ErrnoName;
  /** Slot of the refused instruction; null when the program as a whole is refused. */
  readonly pc: number | null;
  /** Linux's text; empty where Linux says nothing. */
  readonly message: string;
  /** A log in the kernel's manner; its last lines carry the message. */
  readonly log: string;
  /** Name of a feature that Linux has and Waggle does not have yet; null for what Linux refuses too. */
  readonly unsupported: string | null;
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
  /** Bytes of the context up to the highest one that a load reaches (kernel: max_ctx_offset). */
  readonly contextBytes: number;
  /**
   * Slots of instructions that no run can reach, because a branch before them is decided by constants; sorted. Linux does not look at their
   * registers, reserved fields and helpers, nor do we: they must not be translated, only trapped.
   */
  readonly dead: readonly number[];
}
