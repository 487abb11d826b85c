/** A described run as the engine and the oracle take it. */

import { limitsWith } from '../../../src/contract/limits.ts';
import { readRun } from '../../../src/pipeline/load.ts';
import { contextOf, packetOf } from '../../../src/pipeline/machine.ts';
import { CONTEXTS } from '../../../src/spec/contexts.ts';
import { type RunDescription, runSpec } from '../engine-run.ts';
import type { ComparedRun } from './compare.ts';

/** One invocation of it; the entry comes first. */
export function comparedDescription(description: RunDescription): ComparedRun {
  const spec = runSpec(description);
  const run = readRun(spec, limitsWith());
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
