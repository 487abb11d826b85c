/** What the API thread and the workers say to each other about sandboxes. Everything here is structured-cloneable. */

import type { MessagePort } from 'node:worker_threads';
import type { Problem } from './problem.ts';
import type { Rejection, Verification } from './result.ts';
import type { MapRequest, ProgramRequest, VerifyMode } from './run-spec.ts';
import type { EngineLimits } from './task.ts';

/** What a sandbox is made of: the parts of a run that last. */
export interface SandboxSpec {
  readonly object: Uint8Array | null;
  readonly programs: readonly ProgramRequest[];
  readonly maps: readonly MapRequest[];
  /** null: the default of the first program's type (raw: off, else enforce). */
  readonly verify: VerifyMode | null;
  readonly profile: 'linux-6.18';
}

/** A linked program or map as a worker made it. The API thread keeps it and hands it on, and never looks inside. */
export interface Linked {
  readonly name: string;
}

/** Everything that a worker needs of a sandbox but its maps' contents. Programs are numbered by their place. */
export interface LinkedSandbox {
  readonly programs: readonly Linked[];
  readonly maps: readonly Linked[];
  readonly verify: VerifyMode;
}

/** The maps' contents as bytes: the engine's own layout of map elements, and the descriptors of the maps. */
export interface SandboxImage {
  readonly data: Uint8Array;
  readonly descriptors: Uint8Array;
}

/** The contents of a prog array: completed changes, and the program number + 1 of each filled slot. */
export interface ProgArrayState {
  readonly map: number;
  readonly generation: number;
  readonly slots: readonly (readonly [number, number])[];
  /** What the first program has bound it to, for as long as the array lives; null: none yet, or to be found from the programs. */
  readonly owner: {
    readonly type: string;
    readonly attachType: string | null;
    readonly xdpHasFrags: boolean;
  } | null;
}

/** A sandbox at the start of a run, of a map command, or as it is kept. */
export interface SandboxState {
  readonly linked: LinkedSandbox;
  readonly image: SandboxImage;
  readonly progArrays: readonly ProgArrayState[];
}

/** A tail call in a program: where, of which prog array and index, as far as constants tell. */
export interface TailCallSite {
  readonly pc: number;
  /** Number of the map; null: it depends on the run. */
  readonly map: number | null;
  readonly index: number | null;
}

/** What the API thread may know of a loaded program. */
export interface ProgramFacts {
  readonly name: string;
  readonly type: string;
  readonly attachType: string | null;
  readonly flags: readonly string[];
  /** Instruction slots. */
  readonly insns: number;
  /** Numbers of the maps that its code refers to, ascending. */
  readonly maps: readonly number[];
  readonly tailCalls: readonly TailCallSite[];
}

/** What the API thread may know of a map. */
export interface MapFacts {
  readonly name: string;
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* bits. */
  readonly flags: number;
  readonly frozen: boolean;
}

/** Reads, verifies and fills a new sandbox. */
export interface CreateSandboxTask {
  readonly kind: 'create_sandbox';
  readonly tenant: string;
  readonly spec: SandboxSpec;
  readonly limits: EngineLimits;
  /** Bytes that its maps may take. */
  readonly maxBytes: number;
}

/** Reads, verifies and compiles one more program. */
export interface AddProgramTask {
  readonly kind: 'add_program';
  readonly tenant: string;
  readonly linked: LinkedSandbox;
  readonly program: ProgramRequest;
  readonly limits: EngineLimits;
}

/** Which elements a listing shows: those behind the element with this key, in the map's own order. */
export type MapCommand =
  | { readonly op: 'list'; readonly after: Uint8Array | null; readonly limit: number }
  | { readonly op: 'lookup'; readonly key: Uint8Array }
  | { readonly op: 'update'; readonly key: Uint8Array; readonly value: Uint8Array; readonly flags: number }
  | { readonly op: 'delete'; readonly key: Uint8Array };

/** A command of user space on a map that is no prog array. */
export interface MapTask {
  readonly kind: 'map_command';
  readonly state: SandboxState;
  readonly map: number;
  readonly command: MapCommand;
}

export type SandboxTask = CreateSandboxTask | AddProgramTask | MapTask;

export interface Element {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export type SandboxAnswer =
  | {
      readonly kind: 'created';
      readonly state: SandboxState;
      readonly programs: readonly ProgramFacts[];
      readonly maps: readonly MapFacts[];
      readonly verification: Verification;
    }
  | {
      readonly kind: 'program_added';
      readonly program: Linked;
      readonly facts: ProgramFacts;
      readonly module: WebAssembly.Module;
      readonly verification: Verification;
    }
  | {
      readonly kind: 'elements';
      readonly elements: readonly Element[];
      /** Whether more elements follow. */
      readonly more: boolean;
    }
  /** An update or a delete was carried out. */
  | { readonly kind: 'changed'; readonly image: SandboxImage }
  /** Linux answers this command with an errno. */
  | { readonly kind: 'errno'; readonly errno: string }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  | { readonly kind: 'problem'; readonly problem: Problem };

/** The part of a run's task that belongs to its sandbox. */
export interface SandboxRun {
  readonly state: SandboxState;
  /** LiveMessages go out, LatePrograms come in. null: nobody changes anything meanwhile (a replay). */
  readonly port: MessagePort | null;
}

/** A program that was added after the run began; it may already stand in a slot. */
export interface LateProgram {
  readonly number: number;
  readonly program: Linked;
  readonly module: WebAssembly.Module;
}

/** Where the API thread finds a prog array in a memory: addresses of its slot 0 and of its generation word. */
export interface SlotAddresses {
  readonly map: number;
  readonly slots: number;
  readonly generation: number;
}

/** What a sandbox's run says on its port. */
export type LiveMessage =
  /** From now on the run sees what is written here. The memory is posted once in its life: null when `id` is known. */
  | {
      readonly type: 'attached';
      readonly id: number;
      readonly memory: SharedArrayBuffer | null;
      readonly progArrays: readonly SlotAddresses[];
    }
  /** The maps after the run. */
  | { readonly type: 'image'; readonly image: SandboxImage }
  | { readonly type: 'end' };
