/** A described run on the running kernel: the same programs and maps as the engine would load. */

import { limitsWith } from '../../../src/contract/limits.ts';
import { readRun } from '../../../src/pipeline/load.ts';
import { type RunDescription, runSpec } from '../engine-run.ts';
import { Kernel } from './kernel.ts';
import { type KernelOutcome, runOnKernel } from './run.ts';

export function describedOnKernel(description: RunDescription): KernelOutcome {
  const spec = runSpec(description);
  const run = readRun(spec, limitsWith());
  using kernel = new Kernel();
  return runOnKernel(kernel, {
    programs: run.programs,
    maps: run.maps,
    entry: spec.entry,
    packet: spec.input.packet,
    ctx: run.start.givenBytes > 0 ? run.start.given.subarray(0, run.start.givenBytes) : null,
    ...(spec.repeat > 1 ? { repeat: spec.repeat } : {}),
  });
}
