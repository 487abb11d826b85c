/** What a VM is built from: programs, context, packet, maps, and whether it is traced. */

import type { SlotLogRow } from '../contract/slot-log.ts';
import type { Instruction } from '../isa/instruction.ts';
import type { MapSpec } from '../spec/object.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { HelperFunctions } from './helpers/index.ts';
import type { StepSink } from './trace-ring.ts';

/** A program of a VM; its number is its position in the list. */
export interface VmProgram {
  readonly name: string;
  readonly instructions: readonly Instruction[];
  /** It has calls of its own functions, the start included: frames lie below the entry's. */
  readonly hasSubprograms: boolean;
  /** Compiled when the program is first needed. */
  readonly module: () => WebAssembly.Module;
}

/** The bytes that r1 leads to. Offsets of packet fields are bytes of the context in which a packet address stands. */
export interface VmContext {
  readonly bytes: Uint8Array;
  /** One PERMISSION a byte. */
  readonly permissions: Uint8Array;
  readonly packetFields: readonly { readonly offset: number; readonly packetOffset: number }[];
}

export interface VmPacket {
  readonly bytes: Uint8Array;
  /** Bytes from here to `end` are open. */
  readonly start: number;
  readonly end: number;
  readonly permission: number;
  /** Where LD_ABS and LD_IND count from, as offsets into `bytes`; undefined: the program type has no such loads. */
  readonly loads?: { readonly start: number; readonly link: number; readonly network: number } | undefined;
}

export interface VmSetup {
  readonly memory: GuestMemory;
  readonly driver: WebAssembly.Module;
  readonly programs: readonly VmProgram[];
  /** Programs that may be added while it runs; not given: none. */
  readonly late?: LatePrograms | undefined;
  readonly maps: readonly MapSpec[];
  /** undefined: r1 is the packet itself (raw). */
  readonly context: VmContext | undefined;
  readonly packet: VmPacket | undefined;
  readonly seed: bigint;
  /** Helpers that come before the engine's own, by number. */
  readonly helpers?: HelperFunctions;
  readonly trace?: VmTrace | undefined;
}

export interface LatePrograms {
  /** Programs that the VM may have in the end. */
  readonly most: number;
  /** Those that were added since it was last asked, in the order of their numbers. */
  readonly take: () => readonly VmProgram[];
}

/** Step records wanted: every program's module must have been translated with the trace flag. */
export interface VmTrace {
  readonly sink: StepSink;
  /** Step in front of which to stop; Infinity runs to the end. */
  readonly stopAt: number;
  /** Of the run that is replayed. */
  readonly slotLog: readonly SlotLogRow[];
}
