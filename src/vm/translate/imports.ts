/** What a translated module takes from the engine around it: one row per imported function. */

import { MEMORY_PAGES } from '../../contract/memory.ts';
import type { FunctionType, ModuleBuilder } from '../../wasm/module.ts';

export const ENGINE_MODULE = 'engine';

/** Reasons that translated code itself gives when it calls `fault`. For `memory` the engine finds the outcome from the address. */
export const FAULT_REASON = {
  memory: 0,
  bad_insn: 1,
  not_context: 2,
  not_prog_array: 3,
  call_depth: 4,
  stack_overflow: 5,
  not_packet: 6,
} as const;

export type FaultReason = keyof typeof FAULT_REASON;

const IMPORTED_FUNCTIONS = {
  /** (reason, pc, fuel, address): ends the run; never returns. */
  fault: { parameters: ['i32', 'i32', 'i32', 'i64'], results: [] },
  /** (pc of the last instruction, fuel) -> fuel: hands out the next slice, or ends the run. */
  refill: { parameters: ['i32', 'i32'], results: ['i32'] },
  /** (helper number, pc): runs a helper; arguments and result are in cells. */
  helper: { parameters: ['i32', 'i32'], results: [] },
  /** (map descriptor, generation, index, slot): a hop read another generation than the hop before. */
  slot_change: { parameters: ['i32', 'i32', 'i32', 'i32'], results: [] },
  /** (pc, fuel): a change of slots does not end; waits, or ends the run. */
  slot_wait: { parameters: ['i32', 'i32'], results: [] },
  /** (pc, fuel): the run's tail-call budget is used up; never returns. */
  tail_call_budget: { parameters: ['i32', 'i32'], results: [] },
} as const satisfies Record<string, FunctionType>;

/** Only modules with the trace flag have these. */
const TRACE_FUNCTIONS = {
  /** (program, pc of the next step) -> address of its record: the records are drained, or the replay stops here. */
  trace_full: { parameters: ['i32', 'i32'], results: ['i32'] },
  /** (lowest address, bytes): a function has cleared its frame. */
  trace_frame: { parameters: ['i32', 'i32'], results: [] },
  /** (map descriptor): a hop is about to read a slot; a replay first puts back what the run saw. */
  trace_hop: { parameters: ['i32'], results: [] },
} as const satisfies Record<string, FunctionType>;

export type ImportedFunction = keyof typeof IMPORTED_FUNCTIONS;
export type TraceFunction = keyof typeof TRACE_FUNCTIONS;

export interface ImportIndexes {
  readonly functions: Readonly<Record<ImportedFunction, number>>;
  /** undefined without the trace flag. */
  readonly trace: Readonly<Record<TraceFunction, number>> | undefined;
  /** The program's number in its VM. */
  readonly programGlobal: number;
}

function declareFunctions<Name extends string>(
  module: ModuleBuilder,
  rows: Readonly<Record<Name, FunctionType>>,
): Record<Name, number> {
  const names = Object.keys(rows) as Name[];
  const entries = names.map((name) => [name, module.importFunction(ENGINE_MODULE, name, rows[name])]);
  return Object.fromEntries(entries) as Record<Name, number>;
}

/** Declares all imports; the module's own functions come after. */
export function declareImports(module: ModuleBuilder, trace: boolean): ImportIndexes {
  module.importSharedMemory(ENGINE_MODULE, 'memory', MEMORY_PAGES);
  module.importTable(ENGINE_MODULE, 'programs');
  const programGlobal = module.importGlobal(ENGINE_MODULE, 'program', 'i32');
  const functions = declareFunctions(module, IMPORTED_FUNCTIONS);
  return { functions, trace: trace ? declareFunctions(module, TRACE_FUNCTIONS) : undefined, programGlobal };
}
