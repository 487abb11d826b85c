/** What the API thread and a run thread say to each other. Everything here is structured-cloneable. */

import type { MessagePort } from 'node:worker_threads';
import type { BatchAnswer, BatchTask } from './batch-task.ts';
import type { LimitName, Limits } from './limits.ts';
import type { Region } from './place.ts';
import type { Problem } from './problem.ts';
import type { ProgramAnswer, ProgramTask } from './program-task.ts';
import type { ChainRow, MapWriteRow, PrintRow, RunResult } from './result.ts';
import type { RunSpec } from './run-spec.ts';
import type { SandboxAnswer, SandboxRun, SandboxState, SandboxTask } from './sandbox-task.ts';
import type { SlotLogRow } from './slot-log.ts';
import type { StepRow, StepState } from './step.ts';
import type { CodeRow } from './step-facts.ts';

/** Limits of the server that the engine enforces (configuration, by their name in /v1/limits). */
export type EngineLimits = Pick<Limits, (typeof ENGINE_LIMITS)[number]>;

export const ENGINE_LIMITS = [
  'maxPrograms',
  'maxMaps',
  'maxInstructionsPerProgram',
  'maxInstructionsPerRun',
  'maxInstructionsPerFunction',
  'maxInstructionsPerIrreducibleFunction',
  'maxBlocksPerFunction',
  'maxBackEdgesPerFunction',
  'maxBlocksPerIrreducibleFunction',
  'maxModuleBytes',
  'maxFillProbes',
  'maxReturnedMapBytes',
  'maxProgramFormBytes',
  'maxProgramViewBytes',
  'maxPrintLines',
  'maxMapLines',
  'maxMemoryBytes',
] as const satisfies readonly LimitName[];

export interface RunTask {
  readonly kind: 'run';
  readonly id: string;
  readonly spec: RunSpec;
  readonly limits: EngineLimits;
  /** Microseconds that the task waited in the queue, for timing.queueUs. */
  readonly queueUs: number;
  /** Live listeners get chain rows and prints here, then `end` as the last message; null: nobody listens. */
  readonly tracePort: MessagePort | null;
  /** One Int32 cell; the API thread stores 1 to cancel the run at its next refill. */
  readonly cancel: Int32Array<SharedArrayBuffer>;
  /** The sandbox that the run belongs to: programs and maps are its own, and `spec` brings none. Not given: a stateless run. */
  readonly sandbox?: SandboxRun;
}

/** What makes a finished run again. */
export interface ReplaySource {
  readonly spec: RunSpec;
  readonly slotLog: readonly SlotLogRow[];
  /** Steps that the run has: it ended there, and a replay must not go further (a clock or a client may have ended it). */
  readonly steps: number;
  /** As it was when the run began, with all programs that came later; not given: a stateless run. */
  readonly sandbox?: SandboxState;
}

/** What a listener is told when a run begins, and who comes later is told again. */
export interface StartedFacts {
  readonly programs: readonly { readonly index: number; readonly name: string; readonly insns: number }[];
  readonly maps: readonly string[];
}

/** Where a `runTo` stops: in front of the step that runs this instruction, makes a tail call that is taken (or is missed), writes to this map. */
export type Until =
  | { readonly program: string; readonly pc: number }
  | { readonly tailCall: true | 'miss' }
  | { readonly mapWrite: string };

/** Elements of a map, in its own order. */
export interface ElementRange {
  readonly start: number;
  readonly count: number;
}

export type ReplayWork =
  /** The state in front of a step (steps beyond the end: the final one), and `count` rows from it on. */
  | {
      readonly kind: 'window';
      readonly from: number;
      readonly count: number;
      readonly state: boolean;
      /** Maps that the state shows; not given: all. Together they may hold maxReturnedMapBytes. */
      readonly maps?: readonly string[];
      /** Which of their elements; not given: all. */
      readonly elements?: ElementRange;
    }
  /** The first step >= from, or with `back` the last step <= from, where `until` holds. */
  | { readonly kind: 'find'; readonly from: number; readonly until: Until; readonly back: boolean }
  /** Batches from the grid place at or below `from` on, over the port, until the credit is used up, the slice is over and others wait, or the run ends. */
  | {
      readonly kind: 'stream';
      readonly from: number;
      readonly encoding: 'binary' | 'json';
      /** Of the subscription: in the header of binary batches, and in JSON messages. */
      readonly handle: number;
      readonly id: string;
      /** Programs whose steps are wanted; null: all. */
      readonly programs: readonly string[] | null;
      /** What the client knows already: keys of code pages (see StepMessage); null: not even the regions. */
      readonly known: readonly number[] | null;
      readonly maxBatchBytes: number;
    };

/** Cells of a replay's control. */
export const REPLAY_CONTROL = {
  /** 1: stop as soon as possible, nobody wants the answer. */
  CANCEL: 0,
  /** Bytes that may still be sent; the worker subtracts, the API thread adds. */
  CREDIT: 1,
  /** Who waits for the thread, see THREAD_WANTED. */
  YIELD: 2,
  COUNT: 3,
} as const;

/** What the YIELD cell says, for work that can be cut into pieces. */
export const THREAD_WANTED = {
  NOBODY: 0,
  /** Others of the same principal wait: the piece ends when its slice is over. */
  BY_SAME: 1,
  /** Another principal waits: a batch ends its piece behind the run that is going on. */
  BY_ANOTHER: 2,
} as const;

export interface ReplayTask {
  readonly kind: 'replay';
  readonly source: ReplaySource;
  readonly limits: EngineLimits;
  readonly maxReplayMs: number;
  readonly work: ReplayWork;
  /** StepMessages of a stream; null for other work. */
  readonly port: MessagePort | null;
  readonly control: Int32Array<SharedArrayBuffer>;
}

/** Slots of a program that one `code` message describes. */
export const CODE_PAGE_SLOTS = 256;
/** Key of a code page: program * CODE_PAGES + page of slots. */
export const CODE_PAGES = 4096;

/** What a stream says on its port. `text` and `bytes` are whole frames of the socket. */
export type StepMessage =
  /** A grid batch, or with `partial` the beginning of one. `next`: the step behind its place on the grid (or the run's end). */
  | {
      readonly type: 'batch';
      readonly first: number;
      readonly count: number;
      readonly next: number;
      readonly partial: boolean;
      readonly frame: Uint8Array | string;
    }
  /** Binary encoding: what a client needs before the next batch. */
  | { readonly type: 'regions'; readonly regions: readonly Region[] }
  | { readonly type: 'code'; readonly key: number; readonly program: number; readonly rows: readonly CodeRow[] }
  /** Nothing of this grid place is wanted by the filter. */
  | { readonly type: 'bookmark'; readonly step: number }
  /** A batch larger than maxBatchBytes was left out. */
  | { readonly type: 'gap'; readonly from: number; readonly to: number }
  | { readonly type: 'end' };

export type ReplayAnswer =
  | {
      readonly kind: 'window';
      readonly first: number;
      readonly rows: readonly StepRow[];
      readonly next: number | null;
      readonly state: StepState | null;
    }
  | { readonly kind: 'found'; readonly step: number | null }
  /** `next`: where to go on; `ended`: the run has no further step. */
  | { readonly kind: 'streamed'; readonly next: number; readonly ended: boolean }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'problem'; readonly problem: Problem };

export type WorkerTask = RunTask | ReplayTask | BatchTask | SandboxTask | ProgramTask;

export type WorkerAnswer = TaskAnswer | ReplayAnswer | BatchAnswer | SandboxAnswer | ProgramAnswer;

/** What the API thread observes in the metrics beside the result's own fields. */
export interface Observations {
  /** Number of invocations that ended at each chain depth (index = hops taken, 0 to 33). */
  readonly chainDepths: readonly number[];
  /** Calls by helper name. */
  readonly helperCalls: Readonly<Record<string, number>>;
  /** The verifier rule that refused, if one did. */
  readonly verifierRule: string | null;
}

export type TaskAnswer =
  | {
      readonly kind: 'result';
      readonly result: RunResult;
      readonly observations: Observations;
      /** What a replay needs beside the spec; null: the run did not begin, or cannot be made again. */
      readonly replay: (Omit<ReplaySource, 'spec'> & StartedFacts) | null;
    }
  | { readonly kind: 'problem'; readonly problem: Problem };

export type TraceMessage =
  | ({ readonly type: 'started' } & StartedFacts)
  | { readonly type: 'chain'; readonly rows: readonly ChainRow[] }
  | { readonly type: 'print'; readonly row: PrintRow }
  | { readonly type: 'map'; readonly row: MapWriteRow }
  /** Lines of print or map beyond maxPrintLines or maxMapLines: the steps of the first and the last. */
  | { readonly type: 'lost'; readonly first: number; readonly last: number }
  | { readonly type: 'end' };
