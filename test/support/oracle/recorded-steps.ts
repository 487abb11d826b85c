/** The steps that a VM records, applied to the state it started from: they must give the state it ends with, and be as many as it counted. */

import assert from 'node:assert/strict';
import { findFunctions } from '../../../src/cfg/functions.ts';
import { STACK } from '../../../src/contract/memory.ts';
import type { StepRow, StepState } from '../../../src/contract/step.ts';
import { explainStep } from '../../../src/contract/step-facts.ts';
import type { Instruction } from '../../../src/isa/instruction.ts';
import { elementsOf, framesOf } from '../../../src/pipeline/replay.ts';
import { StepCode } from '../../../src/pipeline/step-code.ts';
import { foldEach, PendingPatches, readFacts } from '../../../src/pipeline/step-reader.ts';
import type { MapSpec, ProgramSpec } from '../../../src/spec/object.ts';
import { RegisterFold } from '../../../src/vm/steps.ts';
import type { StepSink } from '../../../src/vm/trace-ring.ts';
import type { Vm, VmRun } from '../../../src/vm/vm.ts';
import { assertApplied } from '../apply-steps.ts';

/** Steps of a run above which they are only counted: their rows would fill the memory. */
export const MAX_APPLIED_STEPS = 50_000;

interface Recorded {
  readonly vm: Vm;
  readonly code: StepCode;
  readonly fold: RegisterFold;
  readonly start: StepState;
}

const hexOf = (bytes: Uint8Array): { hex: string } => ({ hex: Buffer.from(bytes).toString('hex') });

/** A bare program as the steps name it: nothing is known but its code. */
function programSpec(instructions: readonly Instruction[], number: number): ProgramSpec {
  const functions = findFunctions(instructions).map(({ pc }) => ({
    name: `function${pc}`,
    pc,
    linkage: 'static' as const,
    returns: 'int' as const,
  }));
  const common = {
    type: 'xdp' as const,
    attachType: null,
    flags: [],
    license: 'GPL',
    hasBtf: false,
    lines: [],
    section: '',
  };
  return { ...common, name: `program${number}`, code: new Uint8Array(0), functions };
}

export class RecordedSteps {
  readonly #rows: StepRow[] = [];
  readonly #patches = new PendingPatches();
  #steps = 0;
  #recorded: Recorded | undefined;

  /** Where the VM sends its records. */
  readonly sink: StepSink = {
    records: (first, address, count) => this.#records(first, address, count),
    patch: (patch) => {
      if (this.#steps <= MAX_APPLIED_STEPS) this.#patches.add(patch);
    },
  };

  /** The VM is built, and has not run. */
  begin(vm: Vm, programs: readonly (readonly Instruction[])[], maps: readonly MapSpec[]): void {
    const { memory } = vm;
    const source = { programs: programs.map(programSpec), instructions: programs, maps };
    const code = new StepCode(source, memory.regions.slice());
    const frames = programs.map((instructions) => ({ instructions, frameBytes: new Map<number, number>() }));
    const fold = new RegisterFold(memory, frames, vm.invocationStart(0));
    this.#recorded = { vm, code, fold, start: stateOf(vm, fold, '0', -STACK.MAX_BYTES) };
  }

  #records(first: number, address: number, count: number): void {
    const { vm, code, fold } = this.#recorded!;
    this.#steps += count;
    if (this.#steps > MAX_APPLIED_STEPS) return;
    foldEach(fold, first, address, count, (step, at, registers) => {
      const facts = readFacts(vm.memory, code, registers, at, step, this.#patches.take(step));
      this.#rows.push(explainStep(code.names, code.row(facts.program, facts.pc), facts));
    });
  }

  /**
   * The run has ended.
   * @returns whether its steps were applied, not only counted
   * @throws AssertionError when what the steps say is not what has happened
   */
  assertApplied(done: VmRun): boolean {
    assert.equal(this.#steps, done.instructions, 'recorded steps');
    if (this.#steps > MAX_APPLIED_STEPS) return false;
    const { vm, code, fold, start } = this.#recorded!;
    const end = stateOf(vm, fold, String(this.#steps), this.#lowest());
    if (done.r0 !== undefined) assert.equal(end.frames.at(-1)?.registers[0], `0x${done.r0.toString(16)}`, 'r0');
    const maps = vm.maps.map(({ spec: { name, type, valueSize } }) => ({ name, type, valueSize }));
    assertApplied(start, this.#rows, [end], { programs: code.names.programs, maps });
    return true;
  }

  /** The lowest byte of the stack that a row writes to, from r10 of the entry program. */
  #lowest(): number {
    let lowest = -STACK.MAX_BYTES;
    for (const { mem, patches = [] } of this.#rows) {
      const places = [mem, ...patches.map((patch) => ('region' in patch ? patch : undefined))];
      for (const place of places) if (place?.region === 'stack') lowest = Math.min(lowest, place.offset);
    }
    return lowest;
  }
}

function stateOf(vm: Vm, fold: RegisterFold, step: string, lowest: number): StepState {
  const frames = framesOf(fold);
  return {
    step,
    program: null,
    pc: null,
    registers: frames[0]?.registers ?? [],
    frames,
    stack: { start: lowest, ...hexOf(vm.memory.bytes.slice(STACK.BASE + lowest, STACK.BASE)) },
    packet: hexOf(vm.packetBytes()),
    ctx: hexOf(vm.contextBytes()),
    maps: Object.fromEntries(vm.maps.map((map) => [map.spec.name, elementsOf(vm.memory, map)])),
  };
}
