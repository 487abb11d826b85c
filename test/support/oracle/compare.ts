/**
 * One run twice: in the engine, and in the oracle with the engine's address layout. Both answers come in one form, so that a test compares
 * them with deepEqual.
 */

import { findFunctions, isLocalCall } from '../../../src/cfg/functions.ts';
import { CELL, MAP_DESCRIPTOR, STACK } from '../../../src/contract/memory.ts';
import { decode } from '../../../src/isa/decode.ts';
import type { Instruction } from '../../../src/isa/instruction.ts';
import type { MapEntry, MapSpec } from '../../../src/spec/object.ts';
import { driverModule } from '../../../src/vm/driver.ts';
import { GuestMemory } from '../../../src/vm/guest-memory.ts';
import type { HelperFunctions } from '../../../src/vm/helpers/index.ts';
import type { VmContext, VmPacket } from '../../../src/vm/setup.ts';
import { DEAD_REGISTER } from '../../../src/vm/translate/context.ts';
import { analyseFunction } from '../../../src/vm/translate/function.ts';
import { translateProgram } from '../../../src/vm/translate/program.ts';
import { Vm } from '../../../src/vm/vm.ts';
import { runOracle } from './interpreter.ts';
import type { OracleMapSetup } from './maps.ts';
import { openRegion } from './memory.ts';
import { RecordedSteps } from './recorded-steps.ts';
import type { OracleFrame, OracleHelper, OracleSetup } from './setup.ts';

/** A run that nothing has verified. */
export interface ComparedRun {
  /** Code of each program; number 0 is the entry. */
  readonly programs: readonly Uint8Array[];
  readonly maps?: readonly MapSpec[];
  /** prog_array slots: map index, slot, program number. */
  readonly slots?: readonly (readonly [map: number, slot: number, program: number])[];
  readonly packet?: VmPacket | undefined;
  /** undefined: r1 is the packet, r2 its length. */
  readonly context?: VmContext | undefined;
  readonly helpers?: {
    readonly engine: HelperFunctions;
    readonly oracle: Readonly<Record<number, OracleHelper>>;
  };
  readonly seed?: bigint;
  readonly instructions?: number;
  readonly tailCalls?: number | null;
  readonly maxTailCalls?: number;
}

/** What can be seen of a run. */
export interface Observation {
  readonly code: string;
  readonly r0: string | undefined;
  readonly instructions: number;
  readonly last: { readonly program: number; readonly pc: number };
  readonly tailCalls: number;
  readonly misses: { readonly index: number; readonly empty: number; readonly limit: number };
  readonly packet: string;
  readonly context: string;
  /** By map: `key=value` in hex, sorted. */
  readonly maps: readonly (readonly string[])[];
}

const DEFAULT_INSTRUCTIONS = 1_000_000;
const LINUX_TAIL_CALLS = 33;
const FRAME_ROUNDING = 16;
const CAPACITY = 4 * 1024 * 1024;

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function mapText(entries: readonly MapEntry[]): string[] {
  return entries.map(({ key, value }) => `${hex(key)}=${hex(value)}`).sort();
}

/** Both machines on one memory, for many runs. */
export class Comparison {
  readonly #memory = new GuestMemory(CAPACITY);
  readonly #driver = new WebAssembly.Module(driverModule());
  #applied = 0;

  /** Traced runs whose steps were applied, not only counted. */
  get applied(): number {
    return this.#applied;
  }

  /** Builds the engine's VM, with its trace flag on when its steps are recorded. */
  #build(run: ComparedRun, programs: readonly (readonly Instruction[])[], recorded: RecordedSteps | undefined): Vm {
    this.#memory.clear();
    const maps = run.maps ?? [];
    const vm = new Vm({
      memory: this.#memory,
      driver: this.#driver,
      programs: programs.map((instructions, number) => ({
        name: `program${number}`,
        instructions,
        hasSubprograms: instructions.some(isLocalCall),
        module: () => {
          const options = { checks: true, raw: run.context === undefined, dead: [], trace: recorded !== undefined };
          const translation = translateProgram(instructions, maps, options);
          if (translation.kind === 'limit') throw new Error(translation.message);
          return new WebAssembly.Module(translation.bytes);
        },
      })),
      maps,
      context: run.context,
      packet: run.packet,
      seed: run.seed ?? 1n,
      ...(run.helpers === undefined ? {} : { helpers: run.helpers.engine }),
      trace: recorded && { sink: recorded.sink, stopAt: Number.POSITIVE_INFINITY, slotLog: [] },
    });
    this.#fill(vm);
    for (const [map, slot, program] of run.slots ?? []) vm.initialiseSlot(map, slot, program);
    recorded?.begin(vm, programs, maps);
    return vm;
  }

  /** Initial elements. */
  #fill(vm: Vm): void {
    for (const map of vm.maps) {
      for (const { key, value } of map.spec.entries) {
        const keyAddress = this.#memory.allocate(key.length);
        const valueAddress = this.#memory.allocate(value.length);
        this.#memory.bytes.set(key, keyAddress);
        this.#memory.bytes.set(value, valueAddress);
        const result = map.update(keyAddress, valueAddress, 0n);
        if (result !== 0) throw new Error(`${map.spec.name} does not take its initial element: ${result}`);
      }
    }
  }

  /**
   * Runs in the engine, and answers with what the oracle must be given for the same run. With `trace` the steps that the engine records are
   * applied to the state before the run, and must give the state behind it.
   */
  engine(run: ComparedRun, trace = false): { observation: Observation; oracle: OracleSetup } {
    const programs = run.programs.map((code) => decode(code));
    const recorded = trace ? new RecordedSteps() : undefined;
    const vm = this.#build(run, programs, recorded);
    const oracle = this.#oracleSetup(run, programs, vm);
    const done = vm.run(0, 1, {
      instructions: run.instructions ?? DEFAULT_INSTRUCTIONS,
      tailCalls: run.tailCalls ?? null,
      maxTailCalls: run.maxTailCalls ?? LINUX_TAIL_CALLS,
      deadline: Number.POSITIVE_INFINITY,
      isCancelled: () => false,
      now: () => performance.now(),
    });
    if (recorded?.assertApplied(done) === true) this.#applied++;
    const observation = {
      code: done.code,
      r0: done.r0?.toString(16),
      instructions: done.instructions,
      last: { program: done.last?.program ?? 0, pc: done.last?.pc ?? 0 },
      tailCalls: done.tailCalls,
      misses: { ...done.misses },
      packet: hex(vm.packetBytes()),
      context: hex(vm.contextBytes()),
      maps: vm.maps.map((map) => (map.spec.type === 'prog_array' ? [] : mapText(map.entries()))),
    };
    return { observation, oracle };
  }

  /** Runs in the oracle. */
  oracle(setup: OracleSetup): Observation {
    const done = runOracle(setup);
    const [packet, context] = setup.regions;
    return {
      code: done.code,
      r0: done.r0?.toString(16),
      instructions: done.instructions,
      last: { ...done.last },
      tailCalls: done.tailCalls,
      misses: { ...done.misses },
      packet: hex(packet!.bytes),
      context: hex(context!.bytes),
      maps: done.maps.map((map) => mapText(map.entries())),
    };
  }

  #oracleSetup(run: ComparedRun, programs: readonly (readonly Instruction[])[], vm: Vm): OracleSetup {
    const { view } = this.#memory;
    const contextAddress = view.getBigUint64(CELL.CONTEXT, true);
    const packetRegion = this.#memory.regions.find((region) => region.kind === 'packet');
    const packetBase = BigInt(packetRegion === undefined ? 0 : packetRegion.start - (run.packet?.start ?? 0));
    const packet = openRegion(packetBase, vm.packetBytes(), 0);
    packet.permissions.fill(run.packet?.permission ?? 0, run.packet?.start ?? 0, run.packet?.end ?? 0);
    const context = {
      base: contextAddress,
      bytes: vm.contextBytes(),
      permissions: run.context?.permissions ?? new Uint8Array(0),
    };
    const slots = run.slots ?? [];
    return {
      programs,
      entry: 0,
      regions: [packet, context],
      context: contextAddress,
      secondArgument: run.context === undefined ? BigInt(run.packet?.bytes.length ?? 0) : 0n,
      stack: { base: BigInt(STACK.BASE), limit: BigInt(STACK.LIMIT), redZone: STACK.RED_ZONE, frame: frames(programs) },
      maps: (run.maps ?? []).map((spec, index): OracleMapSetup => {
        const descriptor = MAP_DESCRIPTOR.BASE + index * MAP_DESCRIPTOR.BYTES;
        const data = view.getUint32(descriptor + MAP_DESCRIPTOR.DATA, true);
        // A hash's element begins with 8 bytes of links and its key, rounded up to 8.
        const valueOffset = spec.type === 'hash' ? 8 + Math.ceil(spec.keySize / 8) * 8 : 0;
        return {
          // With the one CPU that a run sees, percpu_array is an array.
          kind: spec.type === 'percpu_array' ? 'array' : (spec.type as OracleMapSetup['kind']),
          entries: spec.entries,
          keySize: spec.keySize,
          valueSize: spec.valueSize,
          maxEntries: spec.maxEntries,
          handle: BigInt(descriptor),
          values: BigInt(data + valueOffset),
          stride: BigInt(view.getUint32(descriptor + MAP_DESCRIPTOR.STRIDE, true)),
          slots: new Map(slots.filter(([map]) => map === index).map(([, slot, program]) => [slot, program])),
        };
      }),
      ...(run.packet?.loads === undefined
        ? {}
        : { packet: { ...run.packet.loads, bytes: packet.bytes, end: run.packet.end } }),
      clockBase: view.getBigUint64(CELL.CLOCK_BASE, true),
      random: randomNumbers(view.getUint32(CELL.RANDOM, true), view.getUint32(CELL.RANDOM + 4, true)),
      deadRegister: BigInt(DEAD_REGISTER),
      ...(run.helpers === undefined ? {} : { helpers: run.helpers.oracle }),
      limits: {
        instructions: run.instructions ?? DEFAULT_INSTRUCTIONS,
        tailCalls: run.tailCalls ?? null,
        maxTailCalls: run.maxTailCalls ?? LINUX_TAIL_CALLS,
      },
    };
  }
}

/** The engine's frames: part of the address layout. */
function frames(programs: readonly (readonly Instruction[])[]): (program: number, pc: number) => OracleFrame {
  // Most programs of a run are never started.
  const known = programs.map(() => new Map<number, OracleFrame>());
  return (program, pc) => {
    const frame = known[program]!.get(pc) ?? analyse(programs[program]!, pc);
    known[program]!.set(pc, frame);
    return frame;
  };
}

function analyse(instructions: readonly Instruction[], pc: number): OracleFrame {
  const range = findFunctions(instructions).find((one) => one.pc === pc);
  if (range === undefined) throw new Error(`no function starts at slot ${pc}`);
  const { frame } = analyseFunction(instructions.slice(range.first, range.end));
  return { bytes: frame.bytes, depth: Math.ceil(frame.depth / FRAME_ROUNDING) * FRAME_ROUNDING };
}

/** get_prandom_u32 as the engine documents it: a Weyl counter, keyed, through MurmurHash3's 32-bit finaliser. */
function randomNumbers(counterStart: number, key: number): () => bigint {
  let counter = counterStart;
  return () => {
    counter = (counter + 0x9e37_79b9) >>> 0;
    let mixed = counter ^ key;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
    return BigInt((mixed ^ (mixed >>> 16)) >>> 0);
  };
}
