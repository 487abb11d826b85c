/**
 * Time travel is replay: the VM is deterministic, so the state at step n is "run again and stop at step n". A replay works on a private memory
 * from the run's spec and slot log, and has no effect on anything.
 */

import { STACK } from '../contract/memory.ts';
import { placeOf } from '../contract/place.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import type { SandboxState } from '../contract/sandbox-task.ts';
import type { SlotLogRow } from '../contract/slot-log.ts';
import { type FrameState, MAX_WINDOW_PATCH_BYTES, type StepRow, type StepState } from '../contract/step.ts';
import { explainStep, patchBytes } from '../contract/step-facts.ts';
import type { ElementRange, EngineLimits } from '../contract/task.ts';
import type { GuestMemory } from '../vm/guest-memory.ts';
import type { VmMap } from '../vm/maps/map.ts';
import { RegisterFold } from '../vm/steps.ts';
import { type StepSink, TraceRing } from '../vm/trace-ring.ts';
import type { Vm, VmLimits, VmRun } from '../vm/vm.ts';
import { newVerification, type ReadRun, readRun, verifyRun } from './load.ts';
import { buildVm, runFootprint, vmLimits } from './machine.ts';
import { ProblemFound } from './refused.ts';
import type { Resources } from './resources.ts';
import { hexOf } from './result.ts';
import { readSandboxRun, sandboxExtras } from './sandbox-run.ts';
import { StepCode } from './step-code.ts';
import { foldEach, PendingPatches, readFacts } from './step-reader.ts';

/** The run to be made again. */
export interface Replayed {
  readonly spec: RunSpec;
  readonly limits: EngineLimits;
  /** What the run saw of live changes; [] for a stateless run. */
  readonly slotLog: readonly SlotLogRow[];
  /** What the run started from; not given: a stateless run. */
  readonly sandbox?: SandboxState | undefined;
  /** The step that the run ended at, when a clock or a client ended it: a replay must not go further. Infinity else. */
  readonly end: number;
}

/** A replay that is under way or has ended. */
export interface Replaying {
  readonly run: ReadRun;
  readonly vm: Vm;
  readonly memory: GuestMemory;
  readonly code: StepCode;
  /** The watch feeds it: it must see every record. */
  readonly fold: RegisterFold;
}

/**
 * Runs again up to the front of step `stopAt`, watched, and hands what is there to `use` before the memory is given back.
 * @throws ProblemFound, LoadRejected only when the run itself was refused
 */
export function withReplay<T>(
  resources: Resources,
  replayed: Replayed,
  stopAt: number,
  limits: Partial<VmLimits>,
  watch: (replaying: Replaying) => StepSink,
  use: (replaying: Replaying, start: () => VmRun) => T,
): T {
  const { spec, sandbox } = replayed;
  const known = resources.known(spec.tenant);
  const sandboxRun = sandbox === undefined ? undefined : readSandboxRun(spec, sandbox, replayed.limits, known);
  const run = sandboxRun ?? readRun(spec, replayed.limits, known);
  const { dead } = verifyRun(run, newVerification(run.mode), known);
  const memory = resources.memories.acquire(runFootprint(run, spec.input.packet) + TraceRing.FOOTPRINT);
  if (memory === undefined) throw new Error('replay: the run had a memory, its replay finds none');
  try {
    const { programs } = resources.compile(known, run, dead, true);
    // What watches needs the VM, and the VM its sink; no record comes before the VM runs.
    const watches: StepSink[] = [];
    const sink: StepSink = {
      records: (first, address, count) => watches[0]?.records(first, address, count),
      patch: (patch) => watches[0]?.patch(patch),
    };
    const trace = { sink, stopAt: Math.min(stopAt, replayed.end), slotLog: replayed.slotLog };
    const extras = sandboxRun === undefined ? {} : sandboxExtras(sandboxRun, { state: sandbox!, port: null }, known);
    const vm = buildVm(run, spec, memory, resources.driver, programs, { ...extras, trace });
    const stepPrograms = run.instructions.map((instructions, number) => ({
      instructions,
      frameBytes: programs[number]!.frameBytes,
    }));
    const fold = new RegisterFold(memory, stepPrograms, vm.invocationStart(run.entry));
    const replaying = { run, vm, memory, code: new StepCode(run, memory.regions.slice()), fold };
    watches.push(watch(replaying));
    const all = { ...vmLimits(spec, () => false), ...limits };
    return use(replaying, () => vm.run(run.entry, spec.repeat, all));
  } finally {
    resources.memories.release(memory);
  }
}

export interface ReplayRequest extends Replayed {
  /** First step of the window. */
  readonly from: number;
  /** Steps in the window; 0 for only the state. */
  readonly count: number;
  /** Maps that the state shows; not given: all. */
  readonly maps?: readonly string[];
  /** Which elements of each; not given: all. */
  readonly elements?: ElementRange;
  /** Bytes of patches that the rows may hold; they end in front of the one that passes it. Not given: as many as there are. */
  readonly patchBytes?: number;
}

export interface ReplayAnswer {
  readonly rows: readonly StepRow[];
  /** The state behind the window's last row: in front of step from + count, or at the run's end. */
  readonly state: StepState;
  readonly run: VmRun;
}

/** Runs again up to the end of the window. */
export function replayRun(resources: Resources, request: ReplayRequest, limits: Partial<VmLimits> = {}): ReplayAnswer {
  const { from, count } = request;
  const rows: StepRow[] = [];
  let left = request.patchBytes ?? Number.POSITIVE_INFINITY;
  const watch = ({ memory, code, fold }: Replaying): StepSink => {
    const patches = new PendingPatches();
    return {
      records: (first, address, records) => {
        if (count === 0 || first + records <= from) return fold.records(address, records);
        foldEach(fold, first, address, records, (step, at, registers) => {
          if (step < from) return;
          const effects = patches.take(step);
          left -= patchBytes(effects);
          if (left < 0 && step === from) throw tooLarge(step);
          if (left < 0) return;
          const facts = readFacts(memory, code, registers, at, step, effects);
          rows.push(explainStep(code.names, code.row(facts.program, facts.pc), facts));
        });
      },
      patch: (patch) => {
        if (count > 0 && Math.max(patch.step, 0) >= from) patches.add(patch);
      },
    };
  };
  return withReplay(resources, request, from + count, limits, watch, (replaying, start) => {
    const maps = shownMaps(replaying, request);
    const done = start();
    checkShown(maps, request);
    return { rows, state: stateOf(replaying, done, maps, request.elements), run: done };
  });
}

function tooLarge(step: number): ProblemFound {
  const detail = `step ${step} changes more than ${MAX_WINDOW_PATCH_BYTES} bytes beside its row; ask for the state, or go on from step ${step + 1}`;
  return new ProblemFound('limit_exceeded', '', detail);
}

/** The registers of all frames, innermost first. */
export function framesOf(fold: RegisterFold): FrameState[] {
  return fold.frames().map((frame) => ({
    program: frame.program,
    function: frame.function,
    registers: frame.registers.map((value) => `0x${value.toString(16)}`),
  }));
}

/** The maps that a state shows. */
function shownMaps({ run, vm }: Replaying, { maps: names }: ReplayRequest): readonly VmMap[] {
  const known = run.maps.map((map) => map.name);
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const detail = `there is no map '${unknown}' in this run; there are: ${known.join(', ') || 'none'}`;
    throw new ProblemFound('bad_reference', '/maps', detail);
  }
  const shown = names === undefined ? vm.maps : vm.maps.filter((map) => names.includes(map.spec.name));
  return shown;
}

/** What the shown maps hold now must fit the limit for returned maps. */
function checkShown(maps: readonly VmMap[], { limits, elements }: ReplayRequest): void {
  const bytes = maps.reduce((sum, map) => {
    const shown = Math.min(map.size(), elements?.count ?? Number.POSITIVE_INFINITY);
    return sum + shown * (map.spec.keySize + map.spec.valueSize);
  }, 0);
  if (bytes <= limits.maxReturnedMapBytes) return;
  const advice = elements === undefined ? 'name fewer maps, or inspect a range of their elements' : 'ask for fewer';
  const detail = `the elements have ${bytes} bytes together, maxReturnedMapBytes is ${limits.maxReturnedMapBytes}; ${advice}`;
  throw new ProblemFound('limit_exceeded', '/maps', detail, { limit: 'maxReturnedMapBytes' });
}

/** Elements as a state shows them, with where a value lies in the map's region: a store through a pointer names only that. A prog array has none. */
export function elementsOf(memory: GuestMemory, map: VmMap, range?: ElementRange): StepState['maps'][string] {
  const { regions } = memory;
  const place = (address: number) =>
    map.spec.type === 'prog_array' ? {} : { offset: placeOf(regions, address).offset };
  const all = map.entries();
  const elements = range === undefined ? all : all.slice(range.start, range.start + range.count);
  return elements.map(({ key, value, address }) => ({ key: hexOf(key), value: hexOf(value), ...place(address) }));
}

function stateOf(
  { run, vm, memory, fold }: Replaying,
  done: VmRun,
  maps: readonly VmMap[],
  range: ElementRange | undefined,
): StepState {
  // In front of a repetition's first step the registers are those that it starts with.
  if (done.stoppedAt !== undefined) fold.registers();
  const frames = framesOf(fold);
  const lowest = Math.min(
    STACK.BASE - STACK.MAX_BYTES,
    ...fold.frames().map((frame) => Number(frame.registers[10]) - frame.bytes),
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
    maps: Object.fromEntries(maps.map((map) => [map.spec.name, elementsOf(memory, map, range)])),
  };
}
