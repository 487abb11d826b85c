/**
 * What a reader (ELF, assembler, raw bytes) hands on: inert, deterministic descriptions of programs and maps. Nothing here is live.
 *
 * Linked instructions: `lddw` with source register 1 (BPF_PSEUDO_MAP_FD) or 2 (BPF_PSEUDO_MAP_VALUE) holds in `imm` an INDEX into the
 * run's list of maps; `call` with source register 1 (BPF_PSEUDO_CALL) holds a slot-relative target inside the same program.
 */

import type { MapType } from './maps.ts';
import type { ProgramType } from './programs.ts';

/** A source line that an instruction came from (.BTF.ext line_info). */
export interface SourceLine {
  readonly pc: number;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** What is known of a function's return type: the verifier only allows a tail call in a subprogram that returns an integer. */
export type ReturnKind = 'int' | 'void' | 'pointer' | 'other';

/** A function inside a linked program; the first one (pc 0) is the program's own. */
export interface FunctionSpec {
  readonly name: string;
  /** First slot. */
  readonly pc: number;
  readonly linkage: 'static' | 'global';
  /** undefined: there is no BTF for this function. */
  readonly returns: ReturnKind | undefined;
}

export interface ProgramSpec {
  readonly name: string;
  readonly type: ProgramType;
  readonly attachType: string | null;
  readonly flags: readonly string[];
  readonly license: string;
  /** Linked instructions, little-endian, subprograms appended after the program's own function. */
  readonly code: Uint8Array;
  /** Sorted by pc; always holds at least the program's own function. */
  readonly functions: readonly FunctionSpec[];
  /** True when the program came with BTF function info (raw instructions and assembly have none, see pipeline for what they are given). */
  readonly hasBtf: boolean;
  /** Sorted by pc; empty without .BTF.ext. */
  readonly lines: readonly SourceLine[];
  /** The ELF section it came from; '' if from elsewhere. */
  readonly section: string;
}

/** One initial element of a map. */
export interface MapEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** One initial slot of a prog array. */
export interface ProgArraySlot {
  readonly index: number;
  /** Name of the program. */
  readonly program: string;
}

export interface MapSpec {
  readonly name: string;
  readonly type: MapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* bits. */
  readonly flags: number;
  /** Initial elements, in order. For global data (.data, .rodata, .bss) one entry with key 0. */
  readonly entries: readonly MapEntry[];
  /** Initial slots (prog_array only). */
  readonly slots: readonly ProgArraySlot[];
  /** True: frozen after its initial contents were written (.rodata). */
  readonly frozen: boolean;
  /**
   * Of an object's global data, when programs of several objects meet: what tells whose data it is. Two such maps of one name are one map
   * only when this is equal; all other maps are linked by name.
   */
  readonly origin?: string;
}

export interface ObjectSpec {
  readonly programs: readonly ProgramSpec[];
  readonly maps: readonly MapSpec[];
  /** Notes for the user about what was accepted with a remark. */
  readonly notes: readonly string[];
}
