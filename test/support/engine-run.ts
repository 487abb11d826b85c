/**
 * Runs in this thread, from short descriptions: programs as assembly by name, maps by name.
 *
 *   resultOf({ programs: { entry: 'r0 = 2\nexit' } }).returnValue              through Engine, as a worker runs a task
 *   runVm(testVm({ programs: { … }, maps: { … } }), { maxTailCalls: 1e9 })     the Vm itself, without verifier and API bounds
 */

import assert from 'node:assert/strict';
import { limitsWith } from '../../src/contract/limits.ts';
import type { Problem } from '../../src/contract/problem.ts';
import type { ChainRow, RunResult } from '../../src/contract/result.ts';
import { DEFAULT_BUDGETS } from '../../src/contract/run.ts';
import type { Budgets, RunInput, RunSpec } from '../../src/contract/run-spec.ts';
import type { EngineLimits, TaskAnswer } from '../../src/contract/task.ts';
import { decode } from '../../src/isa/decode.ts';
import { Engine } from '../../src/pipeline/engine.ts';
import { readRun } from '../../src/pipeline/load.ts';
import { driverModule } from '../../src/vm/driver.ts';
import { GuestMemory } from '../../src/vm/guest-memory.ts';
import type { VmContext, VmPacket } from '../../src/vm/setup.ts';
import { translateProgram } from '../../src/vm/translate/program.ts';
import { Vm, type VmLimits, type VmRun } from '../../src/vm/vm.ts';

import { type Checked, checkRun } from './replayed.ts';

export interface MapDescription {
  /** Default: prog_array when there are slots, else array. null: none, for settings of an object's map. */
  readonly type?: string | null;
  readonly keySize?: number | null;
  /** Default 8; of a prog_array 4. */
  readonly valueSize?: number | null;
  /** Default 1. */
  readonly maxEntries?: number | null;
  readonly flags?: readonly string[];
  readonly frozen?: boolean;
  /** Slot index to program name. */
  readonly slots?: Readonly<Record<number, string>>;
  /** Key and value in hex. */
  readonly entries?: readonly (readonly [string, string])[];
}

export interface RunDescription {
  /** Default: the same one for all runs. */
  readonly tenant?: string;
  /** Assembly by program name. */
  readonly programs?: Readonly<Record<string, string>>;
  /** Type of all programs; default xdp. */
  readonly type?: string;
  /** Other types, by program name. */
  readonly types?: Readonly<Record<string, string>>;
  readonly maps?: Readonly<Record<string, MapDescription>>;
  readonly object?: Uint8Array;
  /** Default: the first program. */
  readonly entry?: string;
  /** Default: 64 zero bytes; null: none. */
  readonly packet?: Uint8Array | null;
  readonly ctx?: RunInput['ctx'];
  readonly repeat?: number;
  /** Default: the program type's own. */
  readonly verify?: RunSpec['verify'];
  readonly maxTailCalls?: number;
  readonly budgets?: Partial<Budgets>;
  readonly seed?: string;
  readonly detail?: RunSpec['detail'];
  /** Maps to return; default: all of `maps`. */
  readonly returnMaps?: readonly string[];
}

export function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

export function runSpec(description: RunDescription): RunSpec {
  const { programs = {}, maps = {}, types = {} } = description;
  return {
    tenant: description.tenant ?? 'test',
    object: description.object ?? null,
    programs: Object.entries(programs).map(([name, text], index) => ({
      name,
      type: types[name] ?? description.type ?? 'xdp',
      attachType: null,
      flags: [],
      license: 'GPL',
      source: { kind: 'asm', text, dialect: 'llvm' },
      pointer: `/programs/${index}`,
    })),
    maps: Object.entries(maps).map(([name, map], index) => {
      const type = map.type === undefined ? (map.slots === undefined ? 'array' : 'prog_array') : map.type;
      const settingsOnly = type === null;
      return {
        name,
        type,
        keySize: map.keySize === undefined ? (settingsOnly ? null : 4) : map.keySize,
        valueSize: map.valueSize === undefined ? (settingsOnly ? null : type === 'prog_array' ? 4 : 8) : map.valueSize,
        maxEntries: map.maxEntries === undefined ? (settingsOnly ? null : 1) : map.maxEntries,
        flags: map.flags ?? [],
        frozen: map.frozen ?? false,
        slots: { ...map.slots },
        entries: (map.entries ?? []).map(([key, value]) => ({ key: bytesOf(key), value: bytesOf(value) })),
        pointer: `/maps/${index}`,
      };
    }),
    entry: description.entry ?? Object.keys(programs)[0] ?? '',
    input: {
      packet: description.packet === undefined ? new Uint8Array(64) : description.packet,
      ctx: description.ctx ?? null,
    },
    repeat: description.repeat ?? 1,
    verify: description.verify ?? null,
    profile: 'linux-6.18',
    maxTailCalls: description.maxTailCalls ?? 33,
    budgets: { ...DEFAULT_BUDGETS, wallMs: 20_000, ...description.budgets },
    seed: description.seed ?? '1',
    detail: description.detail ?? 'chain',
    returns: { packet: true, ctx: false, maps: description.returnMaps ?? Object.keys(maps) },
  };
}

export interface TaskOptions {
  readonly engine?: Engine;
  readonly limits?: EngineLimits;
  readonly cancel?: Int32Array<SharedArrayBuffer>;
  /** Steps above which rows are not applied; default MAX_APPLIED_STEPS. */
  readonly mostApplied?: number;
  /** Hears how much of the run its check has covered. */
  readonly checked?: (checked: Checked) => void;
}

/** One engine for a test file, so that runs follow each other on the same memories as in a worker. */
const ENGINE = new Engine();

/** Runs a spec as a worker would run its task, and holds the run against its replay and the oracle (replayed.ts). */
export function runTask(spec: RunSpec, options: TaskOptions = {}): TaskAnswer {
  const limits = options.limits ?? limitsWith();
  const answer = (options.engine ?? ENGINE).run({
    kind: 'run',
    id: 'test',
    spec,
    limits,
    queueUs: 0,
    tracePort: null,
    cancel: options.cancel ?? new Int32Array(new SharedArrayBuffer(4)),
  });
  if (answer.kind === 'result') {
    const finished = { spec, limits, result: answer.result, replay: answer.replay };
    const checked = checkRun(finished, options.mostApplied);
    options.checked?.(checked);
  }
  return answer;
}

/** The result of a run that must have one. */
export function resultOf(description: RunDescription, options: TaskOptions = {}): RunResult {
  const answer = runTask(runSpec(description), options);
  assert.equal(answer.kind, 'result', JSON.stringify(answer));
  return (answer as Extract<TaskAnswer, { kind: 'result' }>).result;
}

/** The problem that a run must be answered with. */
export function problemOf(spec: RunSpec, options: TaskOptions = {}): Problem {
  const answer = runTask(spec, options);
  assert.equal(answer.kind, 'problem', answer.kind === 'result' ? JSON.stringify(answer.result.outcome) : '');
  return (answer as Extract<TaskAnswer, { kind: 'problem' }>).problem;
}

/** After whatever happened, the same engine runs the next program. */
export function stillServes(): void {
  const { outcome, returnValue } = resultOf({ programs: { next: 'r0 = 2\nexit' } });
  assert.deepEqual([outcome.code, returnValue], ['exit', 2]);
}

/** A chain row in one line: `entry:4 chain[0] -> next`, or the reason of a miss: `entry:4 chain[0] limit`. */
export function chainText(row: ChainRow): string {
  return `${row.from}:${row.pc} ${row.map}[${row.index}] ${row.taken ? `-> ${row.to}` : row.miss}`;
}

export function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

export interface VmDescription extends Pick<RunDescription, 'programs' | 'maps' | 'types' | 'type'> {
  readonly memory?: GuestMemory;
  readonly packet?: VmPacket;
  readonly context?: VmContext;
  /** Called when a program is compiled, with its name. */
  readonly onCompile?: (name: string) => void;
  /** Keeps compiled modules by program name, for many VMs with the same programs. */
  readonly modules?: Map<string, WebAssembly.Module>;
}

const DRIVER = new WebAssembly.Module(driverModule());

/** A VM whose programs nothing has verified. r1 is a context of 16 read-only zero bytes unless `context` says otherwise. */
export function testVm(description: VmDescription): Vm {
  const { memory, packet, context, onCompile, modules = new Map(), ...parts } = description;
  const run = readRun(runSpec({ ...parts, verify: 'off' }), limitsWith());
  const vm = new Vm({
    memory: memory ?? new GuestMemory(1 << 22),
    driver: DRIVER,
    programs: run.programs.map((program, number) => ({
      name: program.name,
      instructions: run.instructions[number]!,
      hasSubprograms: program.functions.length > 1,
      module: () => {
        const known = modules.get(program.name);
        if (known !== undefined) return known;
        onCompile?.(program.name);
        const options = { checks: true, raw: false, trace: false, dead: [] };
        const translation = translateProgram(decode(program.code), run.maps, options);
        if (translation.kind === 'limit') throw new Error(translation.message);
        const module = new WebAssembly.Module(translation.bytes);
        modules.set(program.name, module);
        return module;
      },
    })),
    maps: run.maps,
    context: context ?? { bytes: new Uint8Array(16), permissions: new Uint8Array(16).fill(1), packetFields: [] },
    packet,
    seed: 1n,
  });
  run.maps.forEach((map, index) => {
    for (const { index: slot, program } of map.slots) {
      vm.initialiseSlot(
        index,
        slot,
        run.programs.findIndex((one) => one.name === program),
      );
    }
  });
  return vm;
}

/** Runs a program, by default number 0. Default limits: a million instructions, 33 tail calls, 20 s. */
export function runVm(vm: Vm, limits: Partial<VmLimits> = {}, repeat = 1, program = 0): VmRun {
  return vm.run(program, repeat, {
    instructions: 1_000_000,
    tailCalls: null,
    maxTailCalls: 33,
    deadline: performance.now() + 20_000,
    isCancelled: () => false,
    now: () => performance.now(),
    ...limits,
  });
}
