/** A generated run on the running kernel, against what the engine saw. */

import { findFunctions } from '../../src/cfg/functions.ts';
import { decode } from '../../src/isa/decode.ts';
import type { MapSpec, ProgramSpec } from '../../src/spec/object.ts';
import type { Kernel } from '../support/kernel/kernel.ts';
import { runOnKernel } from '../support/kernel/run.ts';
import type { Observation } from '../support/oracle/compare.ts';
import { comparedRun, type GeneratedRun } from './generator.ts';

const nameOf = (program: number): string => `program${program}`;

/** What Linux lets one see of a run. */
interface KernelObservation {
  /** u32 in hex. */
  readonly returnValue: string;
  readonly packet: string;
  readonly maps: readonly (readonly string[])[];
}

export type KernelComparison =
  /** The verifier's, or bpf(2)'s, reason. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'same' }
  | { readonly kind: 'different'; readonly engine: KernelObservation | string; readonly linux: KernelObservation };

/** Programs as the pipeline loads bare instructions: every function returns int. */
function programSpec(code: Uint8Array, number: number, type: GeneratedRun['type']): ProgramSpec {
  const functions = findFunctions(decode(code)).map(({ pc }) => ({
    name: pc === 0 ? nameOf(number) : `sub_${pc}`,
    pc,
    linkage: 'static' as const,
    returns: 'int' as const,
  }));
  const common = { attachType: null, flags: [], license: 'GPL', hasBtf: true, lines: [], section: '' };
  return { ...common, name: nameOf(number), type, code, functions };
}

/** @param engine of a run that was generated for Linux and has ended with an exit */
export function compareWithKernel(kernel: Kernel, generated: GeneratedRun, engine: Observation): KernelComparison {
  const run = comparedRun(generated);
  const maps = (run.maps ?? []).map(
    (map, index): MapSpec => ({
      ...map,
      slots: (run.slots ?? [])
        .filter(([of]) => of === index)
        .map(([, slot, program]) => ({ index: slot, program: nameOf(program) })),
    }),
  );
  const said = runOnKernel(kernel, {
    programs: run.programs.map((code, number) => programSpec(code, number, generated.type)),
    maps,
    entry: nameOf(0),
    packet: run.packet?.bytes ?? null,
  });
  if (said.stage !== 'done' || said.retval === null) {
    return {
      kind: 'refused',
      reason: `${said.stage}: ${said.errno} ${said.message ?? ''}`.replace(/-?\b(0x)?[0-9a-f]*\d[0-9a-f]*\b/g, 'N'),
    };
  }
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const linux: KernelObservation = {
    returnValue: said.retval.toString(16),
    packet: hex(said.packet ?? new Uint8Array(0)),
    maps: maps.map(({ name, type }) =>
      type === 'prog_array' ? [] : (said.maps[name] ?? []).map(({ key, value }) => `${hex(key)}=${hex(value)}`).sort(),
    ),
  };
  if (engine.r0 === undefined) return { kind: 'different', engine: engine.code, linux };
  const seen: KernelObservation = {
    returnValue: (BigInt(`0x${engine.r0}`) & 0xffff_ffffn).toString(16),
    packet: engine.packet,
    maps: engine.maps,
  };
  const same = JSON.stringify(seen) === JSON.stringify(linux);
  return same ? { kind: 'same' } : { kind: 'different', engine: seen, linux };
}
