/** A run on a sandbox: its maps are put on the run's memory and taken off again, and while it goes on the API thread changes its slots. */

import { receiveMessageOnPort } from 'node:worker_threads';
import type { RunSpec } from '../contract/run-spec.ts';
import type { LateProgram, LiveMessage, SandboxRun, SandboxState } from '../contract/sandbox-task.ts';
import type { EngineLimits } from '../contract/task.ts';
import type { Instruction } from '../isa/instruction.ts';
import type { ProgramSpec } from '../spec/object.ts';
import { captureMaps, restoreMaps } from '../vm/image.ts';
import type { LatePrograms, VmProgram } from '../vm/setup.ts';
import type { Vm } from '../vm/vm.ts';
import type { KnownPrograms } from './known-programs.ts';
import { prepareRun, type ReadRun } from './load.ts';
import { type VmExtras, vmProgram } from './machine.ts';
import type { Resources } from './resources.ts';
import { type LinkedParts, partsOf } from './sandbox.ts';

/** A run whose list of programs grows. */
export interface SandboxReadRun extends ReadRun {
  readonly programs: ProgramSpec[];
  readonly instructions: (readonly Instruction[])[];
}

/**
 * The run of a sandbox's linked parts.
 * @throws ProblemFound
 */
export function readSandboxRun(
  spec: RunSpec,
  { linked }: SandboxState,
  limits: EngineLimits,
  known: KnownPrograms,
): SandboxReadRun {
  const run = prepareRun(spec, partsOf(linked), limits, known, linked.verify);
  return { ...run, programs: [...run.programs], instructions: [...run.instructions] };
}

/** What building the VM of a sandbox's run needs beside that of any other. */
export function sandboxExtras(run: SandboxReadRun, { state, port }: SandboxRun, known: KnownPrograms): VmExtras {
  return { late: lateProgramsOf(run, port, known), fill: (vm) => startSandbox(vm, state) };
}

/** Puts the sandbox's maps and slots on a VM that has just been built. */
function startSandbox(vm: Vm, { image, progArrays }: SandboxState): void {
  restoreMaps(vm, image);
  for (const { map, generation, slots } of progArrays) vm.startProgArray(map, generation, slots);
}

/** Programs that come over the port while the run goes on, for the resolver and for all that names programs. */
function lateProgramsOf(run: SandboxReadRun, port: SandboxRun['port'], known: KnownPrograms): LatePrograms {
  const most = Math.max(run.programs.length, run.limits.maxPrograms);
  return { most, take: () => [...received()] };

  function* received(): Generator<VmProgram> {
    while (port !== null) {
      const next = receiveMessageOnPort(port)?.message as LateProgram | undefined;
      if (next === undefined) return;
      const { module, number } = next;
      const program = (next as unknown as { program: LinkedParts['programs'][number] }).program;
      if (number !== run.programs.length) throw new Error(`program ${number} came as number ${run.programs.length}`);
      const instructions = known.decode(program.code);
      run.programs.push(program);
      run.instructions.push(instructions);
      yield vmProgram(program, instructions, () => module);
    }
  }
}

/** Tells the API thread where the slots are: from here on it writes them itself. */
export function attach(vm: Vm, { state, port }: SandboxRun, resources: Resources): void {
  if (port === null) return;
  const { id, isNew } = resources.memoryId(vm.memory);
  const message: LiveMessage = {
    type: 'attached',
    id,
    memory: isNew ? vm.memory.bytes.buffer : null,
    progArrays: state.progArrays.map(({ map }) => ({ map, ...vm.slotAddresses(map) })),
  };
  port.postMessage(message);
}

/** Hands the maps over as the run has left them. */
export function detach(vm: Vm, { port }: SandboxRun): void {
  if (port === null) return;
  const image = captureMaps(vm);
  const message: LiveMessage = { type: 'image', image };
  port.postMessage(message, [image.data.buffer, image.descriptors.buffer]);
}
