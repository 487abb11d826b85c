/** A run's spec as the engine and the oracle take it. */

import { limitsWith } from '../../../src/contract/limits.ts';
import type { RunSpec } from '../../../src/contract/run-spec.ts';
import type { EngineLimits } from '../../../src/contract/task.ts';
import { CALL_SOURCE, OPCODE } from '../../../src/isa/opcodes.ts';
import { type ReadRun, readRun } from '../../../src/pipeline/load.ts';
import { contextOf, packetOf, runFootprint } from '../../../src/pipeline/machine.ts';
import { CONTEXTS } from '../../../src/spec/contexts.ts';
import { MAP_FLAGS } from '../../../src/spec/maps.ts';
import type { ComparedRun } from './compare.ts';
import { ORACLE_HELPERS } from './helpers.ts';

const ORACLE_MAP_TYPES: readonly string[] = ['array', 'percpu_array', 'hash', 'prog_array'];
const PROGRAM_ACCESS = MAP_FLAGS.rdonly_prog | MAP_FLAGS.wronly_prog;
/** Bytes of guest memory that a run may take to be compared. */
const MAX_FOOTPRINT = 2 * 1024 * 1024;

/** Whether the oracle knows all that the run uses. */
function isKnown(run: ReadRun, spec: RunSpec): boolean {
  return (
    spec.repeat === 1 &&
    runFootprint(run, spec.input.packet) <= MAX_FOOTPRINT &&
    run.maps.every(({ type, flags }) => ORACLE_MAP_TYPES.includes(type) && (flags & PROGRAM_ACCESS) === 0) &&
    run.instructions.flat().every(({ opcode, src, imm }) => {
      return opcode !== OPCODE.CALL || src !== CALL_SOURCE.HELPER || ORACLE_HELPERS.includes(imm);
    })
  );
}

/** One invocation of the run, the entry first; undefined: the oracle has no such helper or map, or it would be too large. */
export function comparedSpec(spec: RunSpec, limits: EngineLimits = limitsWith()): ComparedRun | undefined {
  const run = readRun(spec, limits);
  if (!isKnown(run, spec)) return undefined;
  const layout = CONTEXTS[run.type];
  const order = [run.entry, ...[...run.programs.keys()].filter((number) => number !== run.entry)];
  const numbers = new Map(order.map((number, position) => [run.programs[number]!.name, position]));
  return {
    programs: order.map((number) => run.programs[number]!.code),
    maps: run.maps,
    slots: run.maps.flatMap((map, index) =>
      map.slots.map(({ index: slot, program }) => [index, slot, numbers.get(program)!] as const),
    ),
    packet: packetOf(run, layout, spec.input.packet),
    context: layout === null ? undefined : contextOf(layout, run.start),
    seed: BigInt(spec.seed),
    instructions: spec.budgets.instructions,
    tailCalls: spec.budgets.tailCalls,
    maxTailCalls: spec.maxTailCalls,
  };
}
