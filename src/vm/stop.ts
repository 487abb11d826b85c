/** How the engine leaves a run from inside translated code: thrown by an import, caught where the run was started. Not an Error: no stack is needed. */

import type { OutcomeCode } from '../contract/outcome.ts';

/** The access that a memory fault is about. */
export interface FaultAccess {
  /** The whole 64-bit address. */
  readonly address: bigint;
  readonly access: 'read' | 'write';
  readonly size: number;
}

export class GuestStop {
  readonly code: OutcomeCode;
  /** Number of the program in its VM. */
  readonly program: number;
  /** Slot of the last instruction. */
  readonly pc: number;
  /** Instructions executed, the last one included. */
  readonly instructions: number;
  readonly message: string;
  readonly access: FaultAccess | undefined;

  constructor(
    code: OutcomeCode,
    at: { readonly program: number; readonly pc: number; readonly instructions: number },
    message: string,
    access?: FaultAccess,
  ) {
    this.code = code;
    this.program = at.program;
    this.pc = at.pc;
    this.instructions = at.instructions;
    this.message = message;
    this.access = access;
  }
}
