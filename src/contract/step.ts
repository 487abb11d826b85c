/** Steps and states, as REST and the trace socket give them (trace-protocol.md, "Steps"). */

/** Where bytes lie: `stack` counts from the entry program's r10 (so it is negative), the others from the region's start. */
export interface Place {
  readonly region: string;
  readonly offset: number;
}

/** An effect of a step beyond its row. */
export type Patch =
  | (Place & { readonly step: string; readonly bytes: string })
  | { readonly step: string; readonly map: string; readonly key: string; readonly value: string }
  | { readonly step: string; readonly map: string; readonly key: string; readonly deleted: true };

/** One executed instruction. Values are `0x…`, bytes are hex. */
export interface StepRow {
  readonly step: string;
  readonly program: number;
  readonly pc: number;
  /** Frames of calls below the entry program's. */
  readonly depth: number;
  readonly insn: string;
  /** Register written, and its value; of a call of a function r10 of the callee's frame. Neither when the run ended inside the step. */
  readonly dst?: number;
  readonly value?: string;
  readonly mem?: Place & { readonly size: number; readonly value: string };
  readonly patches?: readonly Patch[];
}

export interface FrameState {
  readonly program: number;
  /** First slot of the frame's function. */
  readonly function: number;
  /** r0 to r10. */
  readonly registers: readonly string[];
}

/** Everything just before a step runs; with step = number of steps, at the run's end. */
export interface StepState {
  readonly step: string;
  /** Of the instruction that runs next; null at the end. */
  readonly program: number | null;
  readonly pc: number | null;
  readonly registers: readonly string[];
  /** Innermost first. */
  readonly frames: readonly FrameState[];
  /** The stack of all frames, from `start` (an offset as in Place) up to the entry program's r10. */
  readonly stack: { readonly start: number; readonly hex: string };
  readonly packet: { readonly hex: string } | null;
  readonly ctx: { readonly hex: string } | null;
  readonly maps: Readonly<
    Record<string, readonly { readonly key: { hex: string }; readonly value: { hex: string } }[]>
  >;
}
