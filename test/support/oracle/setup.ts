/** What the oracle is given and what it answers. */

import type { Instruction } from '../../../src/isa/instruction.ts';
import type { OracleMap, OracleMapSetup } from './maps.ts';
import type { OracleRegion } from './memory.ts';

/** Frame of one function: it belongs to the address layout, since the distance of two frames shows in r10. */
export interface OracleFrame {
  /** Bytes below r10 that are the function's. */
  readonly bytes: number;
  /** What Linux counts for it against the limit of 512 bytes of one program, already rounded. */
  readonly depth: number;
}

/** LD_ABS and LD_IND: where their offsets count from. undefined: the program type has no such instructions. */
export interface OraclePacket {
  readonly bytes: Uint8Array;
  /** Of `bytes`: what offset 0 means, the link layer (SKF_LL_OFF) and the network layer (SKF_NET_OFF). */
  readonly start: number;
  readonly link: number;
  readonly network: number;
  /** One past the last byte that may be read. */
  readonly end: number;
}

/** A helper of a test: from r1 to r5 to r0; `end` ends the program with r0 = 0. */
export type OracleHelper = (...registers: readonly bigint[]) => bigint | 'end';

/** A run. Everything that has an address has it from here, so that results can be compared with another machine's byte by byte. */
export interface OracleSetup {
  /** As decoded; the position is the program's number. */
  readonly programs: readonly (readonly Instruction[])[];
  readonly entry: number;
  /** Context, packet and whatever else is there before the run; changed in place. */
  readonly regions: readonly OracleRegion[];
  /** r1 of every program that starts. */
  readonly context: bigint;
  /** r2 of every program that starts; 0 unless the type passes the packet's length. */
  readonly secondArgument: bigint;
  readonly stack: {
    /** r10 of the entry program. */
    readonly base: bigint;
    /** Lowest address that a frame may have. */
    readonly limit: bigint;
    /** Closed bytes between the frames of a caller and its callee. */
    readonly redZone: number;
    readonly frame: (program: number, pc: number) => OracleFrame;
  };
  readonly maps: readonly OracleMapSetup[];
  readonly packet?: OraclePacket;
  /** ktime_get_ns is this plus the number of instructions executed, the call included. */
  readonly clockBase: bigint;
  readonly random: () => bigint;
  /** What a register holds after the kernel has made it unreadable. */
  readonly deadRegister: bigint;
  /** By number; they come before the oracle's own. */
  readonly helpers?: Readonly<Record<number, OracleHelper>>;
  readonly limits: {
    readonly instructions: number;
    /** Of the whole run; null: none. */
    readonly tailCalls: number | null;
    /** Linux: 33. */
    readonly maxTailCalls: number;
  };
}

export type OracleCode =
  | 'exit'
  | 'insn_budget'
  | 'tail_call_budget'
  | 'oob_read'
  | 'oob_write'
  | 'readonly_write'
  | 'null_deref'
  | 'bad_insn'
  | 'bad_argument'
  | 'call_depth'
  | 'stack_overflow';

/** How the interpreter leaves a run. */
export class OracleStop {
  readonly code: OracleCode;

  constructor(code: OracleCode) {
    this.code = code;
  }
}

export interface OracleResult {
  readonly code: OracleCode;
  /** Only of an exit. */
  readonly r0: bigint | undefined;
  readonly instructions: number;
  /** The last instruction that was executed or begun. */
  readonly last: { readonly program: number; readonly pc: number };
  readonly tailCalls: number;
  readonly misses: { readonly index: number; readonly empty: number; readonly limit: number };
  readonly maps: readonly OracleMap[];
}
