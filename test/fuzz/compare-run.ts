/** Engine against oracle for one generated run. */

import { isDeepStrictEqual } from 'node:util';
import type { Comparison, Observation } from '../support/oracle/compare.ts';
import { comparedRun, type GeneratedRun } from './generator.ts';
import { encodeItems, programText } from './program.ts';

export interface Difference {
  readonly engine: Observation | string;
  readonly oracle: Observation | string;
}

/** What both saw, or the difference. A run that makes one of them raise an exception is a difference too. */
export function compareRun(
  comparison: Comparison,
  generated: GeneratedRun,
  trace: boolean,
): { readonly observation: Observation } | { readonly difference: Difference } {
  let engine: Observation | string;
  let oracle: Observation | string = 'not reached';
  try {
    const ran = comparison.engine(comparedRun(generated), trace);
    engine = ran.observation;
    oracle = comparison.oracle(ran.oracle);
    if (isDeepStrictEqual(engine, oracle)) return { observation: ran.observation };
  } catch (error) {
    engine = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  return { difference: { engine, oracle } };
}

/** The run as a person reads it. */
export function describeRun(generated: GeneratedRun): string {
  const { maps = [], slots = [], packet, instructions, tailCalls, maxTailCalls } = generated.run;
  return [
    `seed ${generated.seed}, ${generated.type}${generated.unsafe ? ', unsafe' : ''}`,
    `instructions ${instructions}, tailCalls ${tailCalls}, maxTailCalls ${maxTailCalls}, packet ${packet?.bytes.length} bytes`,
    ...maps.map(
      (map, index) => `map ${index}: ${map.type} key ${map.keySize} value ${map.valueSize} x ${map.maxEntries}`,
    ),
    ...slots.map(([map, slot, program]) => `map ${map}[${slot}] = program ${program}`),
    ...generated.programs.map((items, number) => `program ${number}:\n${programText(encodeItems(items))}`),
  ].join('\n');
}
