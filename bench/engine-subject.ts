/** The engine's side: one VM for each row and variant, without the stages in front of the run. */

import { limitsWith } from '../src/contract/limits.ts';
import { newVerification, readRun, verifyRun } from '../src/pipeline/load.ts';
import { buildVm, runFootprint } from '../src/pipeline/machine.ts';
import { driverModule } from '../src/vm/driver.ts';
import { GuestMemory } from '../src/vm/guest-memory.ts';
import type { VmTrace } from '../src/vm/setup.ts';
import { translateProgram } from '../src/vm/translate/program.ts';
import type { BenchRow } from './rows.ts';
import { rowSpec, type Subject, timed } from './subject.ts';

export const ENGINE_VARIANTS = {
  checks: { checks: true, trace: false },
  unchecked: { checks: false, trace: false },
  trace: { checks: true, trace: true },
} as const;

export type EngineVariant = keyof typeof ENGINE_VARIANTS;

/** A batch of runs must not meet a budget: what is measured is the cost of counting, not of stopping. */
const INSTRUCTIONS = 1e15;
const DEADLINE_MS = 3_600_000;
/** Step records are written and thrown away. */
const NO_SINK: VmTrace = {
  sink: { records: () => {}, patch: () => {} },
  stopAt: Number.POSITIVE_INFINITY,
  slotLog: [],
};

const DRIVER = new WebAssembly.Module(driverModule());

export function engineSubject(row: BenchRow, variant: EngineVariant): Subject {
  const spec = rowSpec(row);
  const run = readRun(spec, limitsWith());
  const { dead } = verifyRun(run, newVerification(run.mode));
  const { checks, trace } = ENGINE_VARIANTS[variant];
  const compiled = run.programs.map((program, number) => {
    const options = { checks, trace, raw: false, dead: dead[number] ?? [] };
    const translation = translateProgram(run.instructions[number]!, run.maps, options);
    if (translation.kind === 'limit') throw new Error(`${program.name}: ${translation.message}`);
    return { module: new WebAssembly.Module(translation.bytes), frameBytes: translation.frameBytes };
  });
  const memory = new GuestMemory(runFootprint(run, spec.input.packet) + (1 << 20));
  const vm = buildVm(run, spec, memory, DRIVER, compiled, trace ? { trace: NO_SINK } : {});
  const limits = {
    instructions: INSTRUCTIONS,
    tailCalls: null,
    maxTailCalls: spec.maxTailCalls,
    isCancelled: () => false,
    now: () => performance.now(),
  };
  return {
    run: (repeat) =>
      timed(() => {
        const done = vm.run(run.entry, repeat, { ...limits, deadline: performance.now() + DEADLINE_MS });
        if (done.r0 === undefined) throw new Error(`${row.name}, ${variant}: ${done.code} ${done.stop?.message}`);
        return Number(BigInt.asUintN(32, done.r0));
      }),
  };
}
