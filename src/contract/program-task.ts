/** What the API thread and the workers say to each other about stored programs. Everything here is structured-cloneable. */

import type { Problem } from './problem.ts';
import type { ProgramsStored } from './program.ts';
import type { MapRequest, ProgramRequest } from './run-spec.ts';
import type { EngineLimits } from './task.ts';

/** Reads an object, or one program with its maps, to what is stored. */
export interface ReadProgramsTask {
  readonly kind: 'read_programs';
  readonly tenant: string;
  readonly upload:
    | {
        readonly kind: 'object';
        readonly elf: Uint8Array;
        /** JSON pointer of the object in the request. */
        readonly pointer: string;
      }
    | { readonly kind: 'program'; readonly program: ProgramRequest; readonly maps: readonly MapRequest[] };
  readonly limits: EngineLimits;
}

/** What can be made of a stored program: a kind of JSON each, and two as text. */
export const PROGRAM_VIEWS = ['details', 'disassembly', 'listing', 'cfg', 'dot', 'verification'] as const;
export type ProgramView = (typeof PROGRAM_VIEWS)[number];

export interface ViewProgramTask {
  readonly kind: 'view_program';
  readonly tenant: string;
  readonly id: string;
  readonly form: Uint8Array;
  /** Name that it was stored with. */
  readonly name: string;
  readonly view: ProgramView;
  readonly limits: EngineLimits;
}

export type ProgramTask = ReadProgramsTask | ViewProgramTask;

/** A program that was read: only a worker looks into its form. */
export interface ReadProgram {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly form: Uint8Array;
}

export type ProgramAnswer =
  | ({ readonly kind: 'programs_read'; readonly programs: readonly ReadProgram[] } & Pick<
      ProgramsStored,
      'maps' | 'notes'
    >)
  /** The view as it goes out. */
  | { readonly kind: 'program_view'; readonly body: Uint8Array }
  | { readonly kind: 'problem'; readonly problem: Problem };
