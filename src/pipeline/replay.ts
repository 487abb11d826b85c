/**
 * Time travel is replay: the VM is deterministic, so the state at step n is "run again and stop at step n". A replay works on a private memory
 * from the run's spec and slot log, and has no effect on anything.
 */

import { STACK } from '../contract/memory.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import type { SlotLogRow } from '../contract/slot-log.ts';
import type { StepRow, StepState } from '../contract/step.ts';
import type { EngineLimits } from '../contract/task.ts';
import type { GuestMemory } from '../vm/guest-memory.ts';
import { RegisterFold } from '../vm/steps.ts';
import type { StepSink } from '../vm/trace-ring.ts';
import type { Vm, VmRun } from '../vm/vm.ts';
import { newVerification, type ReadRun, readRun, verifyRun } from './load.ts';
import { buildVm, runFootprint, vmLimits } from './machine.ts';
import type { Resources } from './resources.ts';
import { hexOf } from './result.ts';
import { StepRows } from './step-rows.ts';

export interface ReplayRequest {
  readonly spec: RunSpec;
  readonly limits: EngineLimits;
  /** What the run saw of live changes; [] for a stateless run. */
  readonly slotLog: readonly SlotLogRow[];
  /** First step of the window. */
  readonly from: number;
  /** Steps in the window; 0 for only the state. */
  readonly count: number;
  /** The step that the run ended at, when a clock or a client ended it: a replay must not go further. Infinity else. */
  readonly end: number;
}

export interface ReplayAnswer {
  readonly rows: readonly StepRow[];
  /** The state behind the window's last row: in front of step from + count, or at the run's end. */
  readonly state: StepState;
  readonly run: VmRun;
}

/** Runs again up to the end of the window. */
export function replayRun(resources: Resources, request: ReplayRequest): ReplayAnswer {
  const { spec, from, count } = request;
  const run = readRun(spec, request.limits, resources.known);
  const { dead } = verifyRun(run, newVerification(run.mode), resources.known);
  const memory = resources.memories.acquire(runFootprint(run, spec.input.packet));
  if (memory === undefined) throw new Error('replay: the run had a memory, its replay finds none');
  try {
    const { programs } = resources.compile(run, dead, true);
    const rows = new StepRows(run, () => memory, from);
    // The fold needs the context's address, which the VM knows only once it is built; no record comes before it runs.
    const folds: RegisterFold[] = [];
    const sink: StepSink = {
      records: (first, address, records) => {
        folds[0]?.records(address, records);
        if (count > 0 && first + records > from) rows.records(first, address, records);
      },
      patch: (patch) => {
        if (count > 0) rows.patch(patch);
      },
    };
    const stopAt = Math.min(from + count, request.end);
    const vm = buildVm(run, spec, memory, resources.driver, programs, { sink, stopAt, slotLog: request.slotLog });
    const stepPrograms = run.instructions.map((instructions, number) => ({
      instructions,
      frameBytes: programs[number]!.frameBytes,
    }));
    const fold = new RegisterFold(memory, stepPrograms, vm.invocationStart(run.entry));
    folds.push(fold);
    const done = vm.run(
      run.entry,
      spec.repeat,
      vmLimits(spec, () => false),
    );
    return { rows: rows.rows, state: stateOf(run, vm, memory, fold, done), run: done };
  } finally {
    resources.memories.release(memory);
  }
}

function stateOf(run: ReadRun, vm: Vm, memory: GuestMemory, fold: RegisterFold, done: VmRun): StepState {
  const folded = fold.frames();
  const frames = folded.map((frame) => ({
    program: frame.program,
    function: frame.function,
    registers: frame.registers.map((value) => `0x${value.toString(16)}`),
  }));
  const lowest = Math.min(
    STACK.BASE - STACK.MAX_BYTES,
    ...folded.map((frame) => Number(frame.registers[10]) - frame.bytes),
  );
  return {
    step: String(done.stoppedAt?.step ?? done.instructions),
    program: done.stoppedAt?.program ?? null,
    pc: done.stoppedAt?.pc ?? null,
    registers: frames[0]?.registers ?? [],
    frames,
    stack: { start: lowest - STACK.BASE, ...hexOf(memory.bytes.slice(lowest, STACK.BASE)) },
    packet: run.start.packetEnd === 0 ? null : hexOf(vm.packetBytes()),
    ctx: run.start.context.length === 0 ? null : hexOf(vm.contextBytes()),
    maps: Object.fromEntries(
      vm.maps.map((map) => [
        map.spec.name,
        map.entries().map((entry) => ({ key: hexOf(entry.key), value: hexOf(entry.value) })),
      ]),
    ),
  };
}
