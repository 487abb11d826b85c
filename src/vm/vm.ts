/** One VM: programs and maps on one memory, run from an entry to an outcome. */

import { CELL, DATA_REGION } from '../contract/memory.ts';
import type { OutcomeCode } from '../contract/outcome.ts';
import type { SlotLogRow } from '../contract/slot-log.ts';
import { instructionAt } from '../isa/instruction.ts';
import { HELPERS } from '../spec/helpers.ts';
import type { MapSpec } from '../spec/object.ts';
import { Driver } from './driver.ts';
import { accessOf, FAULTS, faultReason, memoryFaultCode } from './faults.ts';
import { FuelTank } from './fuel.ts';
import { GuestMemory } from './guest-memory.ts';
import { type HelperCall, HelperContext, type HelperEvents, type MapWrite } from './helpers/context.ts';
import { HELPER_FUNCTIONS } from './helpers/index.ts';
import { createMap, mapFootprint } from './maps/index.ts';
import type { VmMap } from './maps/map.ts';
import { ProgArrayMap } from './maps/prog-array.ts';
import type { VmProgram, VmSetup } from './setup.ts';
import { SlotLog } from './slot-log.ts';
import type { InvocationStart } from './steps.ts';
import { type FaultAccess, GuestStop } from './stop.ts';
import { StepStop, TraceRing } from './trace-ring.ts';
import { ENGINE_MODULE } from './translate/imports.ts';

export interface VmLimits {
  readonly instructions: number;
  /** Tail calls that the whole run may take; null: no budget. */
  readonly tailCalls: number | null;
  /** Tail calls of one invocation beyond which a call fails (Linux: 33). */
  readonly maxTailCalls: number;
  /** On the clock of `performance.now()`. */
  readonly deadline: number;
  readonly isCancelled: () => boolean;
  readonly now: () => number;
}

/** What a run says while it goes on. */
export interface VmListener {
  readonly print: (line: HelperCall & { readonly text: string }) => void;
  /** A helper has changed a map; undefined: of no interest. */
  readonly mapWrite: ((write: HelperCall & MapWrite) => void) | undefined;
  /** Now and then: rows of the chain may be read. */
  readonly progress: () => void;
}

export interface VmRun {
  readonly code: OutcomeCode;
  readonly stop: GuestStop | undefined;
  readonly r0: bigint | undefined;
  readonly instructions: number;
  readonly last: { readonly program: number; readonly pc: number } | undefined;
  readonly tailCalls: number;
  readonly misses: { readonly index: number; readonly empty: number; readonly limit: number };
  /** Invocations by the number of hops that they took. */
  readonly chainDepths: ReadonlyMap<number, number>;
  readonly helperCalls: ReadonlyMap<number, number>;
  readonly invocations: number;
  /** null: it saw more changes than are kept. */
  readonly slotLog: readonly SlotLogRow[] | null;
  /** Where a replay stopped, in front of a step; undefined when it ran to its end. */
  readonly stoppedAt: StepStop | undefined;
}

const IMPLEMENTED_HELPERS = HELPERS.filter((row) => row.implemented).map((row) => row.id);
const NO_TAIL_CALL_BUDGET = 0xffff_ffff;
const SLOT_WAIT_MS = 0.02;
const CLOCK_BASE_NS = 1_000_000_000_000n;
const CLOCK_SPREAD_NS = 1n << 40n;
const SEED_MIX = 0x9e37_79b9_7f4a_7c15n;

/** Guest memory that a VM with these parts takes: known, and compared with the budget, before anything is placed. */
export function footprint(maps: readonly MapSpec[], contextBytes: number, packetBytes: number): number {
  const fixed = GuestMemory.footprint(contextBytes) + GuestMemory.footprint(packetBytes);
  return maps.reduce((sum, map) => sum + mapFootprint(map), fixed);
}

export class Vm {
  readonly memory: GuestMemory;
  readonly maps: readonly VmMap[];
  readonly #programs: VmProgram[];
  /** Bytes of the data region that hold maps: it begins with them. */
  readonly mapBytes: number;
  readonly #driver: Driver;
  readonly #contextAddress: number;
  readonly #setup: VmSetup;
  readonly #packetAddress: number;
  readonly #slotLog: SlotLog;
  readonly #ring: TraceRing | undefined;
  #invocation = 0;
  #fuel: FuelTank | undefined;
  #listener: VmListener | undefined;

  constructor(setup: VmSetup) {
    const { memory } = setup;
    this.memory = memory;
    this.#setup = setup;
    this.#programs = [...setup.programs];
    // Maps come first, so that their addresses, which a copy of them holds, do not depend on a packet's size.
    this.maps = setup.maps.map((spec, index) => createMap(memory, index, spec));
    this.mapBytes = memory.used;
    this.#packetAddress = this.#placePacket();
    this.#contextAddress = this.#placeContext();
    this.#slotLog = new SlotLog(this.maps);
    if (setup.late !== undefined || setup.programs.some((program) => program.hasSubprograms)) memory.noteNestedFrames();
    memory.driver ??= new Driver(setup.driver, memory.memory);
    this.#driver = memory.driver;
    this.#driver.lend(setup.late?.most ?? setup.programs.length, (index) => this.#resolve(index));
    memory.view.setBigUint64(CELL.CLOCK_BASE, CLOCK_BASE_NS + ((setup.seed * SEED_MIX) % CLOCK_SPREAD_NS), true);
    // Placed last: a replay must find every guest address where the run had it.
    const { trace } = setup;
    this.#ring = trace === undefined ? undefined : new TraceRing(memory, trace.sink, trace.stopAt);
    memory.view.setBigUint64(CELL.RANDOM, BigInt.asUintN(64, setup.seed * SEED_MIX), true);
  }

  #placePacket(): number {
    const { memory, packet } = this.#setup;
    if (packet === undefined) return 0;
    const address = memory.allocate(packet.bytes.length);
    memory.bytes.set(packet.bytes, address);
    const start = address + packet.start;
    const end = address + packet.end;
    memory.open(start, packet.end - packet.start, packet.permission);
    if (packet.loads !== undefined) {
      memory.view.setUint32(CELL.PACKET_START, address + packet.loads.start, true);
      memory.view.setUint32(CELL.PACKET_LINK, address + packet.loads.link, true);
      memory.view.setUint32(CELL.PACKET_NETWORK, address + packet.loads.network, true);
      memory.view.setUint32(CELL.PACKET_END, end, true);
    }
    memory.addRegion({ name: 'packet', kind: 'packet', start, end, stride: 0 });
    return address;
  }

  #placeContext(): number {
    const { memory, context, packet } = this.#setup;
    if (context === undefined) {
      memory.view.setBigUint64(CELL.CONTEXT, BigInt(this.#packetAddress), true);
      memory.view.setBigUint64(CELL.RAW_LENGTH, BigInt(packet?.bytes.length ?? 0), true);
      return this.#packetAddress;
    }
    const address = memory.allocate(context.bytes.length);
    memory.bytes.set(context.bytes, address);
    memory.openWith(address, context.permissions);
    for (const field of context.packetFields) {
      memory.view.setUint32(address + field.offset, this.#packetAddress + field.packetOffset, true);
    }
    memory.addRegion({ name: 'ctx', kind: 'ctx', start: address, end: address + context.bytes.length, stride: 0 });
    memory.view.setBigUint64(CELL.CONTEXT, BigInt(address), true);
    return address;
  }

  /** Fills a slot before the run; `program` is a number of this VM. */
  initialiseSlot(map: number, slot: number, program: number): void {
    this.#progArray(map).initialise(slot, program);
  }

  /** Gives a prog array the contents and the number of changes that it has when the run begins; all other slots are empty. */
  startProgArray(map: number, generation: number, slots: Iterable<readonly [number, number]>): void {
    const target = this.#progArray(map);
    target.start(generation, slots);
    this.#slotLog.know(map);
  }

  /** Where a prog array's slot 0 and its generation lie. */
  slotAddresses(map: number): { readonly slots: number; readonly generation: number } {
    return this.#progArray(map).addresses();
  }

  #progArray(map: number): ProgArrayMap {
    const target = this.maps[map];
    if (!(target instanceof ProgArrayMap)) throw new Error(`map ${map} is no prog array`);
    return target;
  }

  /** What every invocation of the entry program starts with. */
  invocationStart(entry: number): InvocationStart {
    const raw = this.#setup.context === undefined;
    const rawLength = raw ? (this.#setup.packet?.bytes.length ?? 0) : undefined;
    return { entry, context: this.#contextAddress, rawLength };
  }

  /** The context's bytes as they are now. */
  contextBytes(): Uint8Array {
    const length = this.#setup.context?.bytes.length ?? 0;
    return Uint8Array.from(this.memory.bytes.subarray(this.#contextAddress, this.#contextAddress + length));
  }

  /** The packet's bytes as they are now. */
  packetBytes(): Uint8Array {
    const length = this.#setup.packet?.bytes.length ?? 0;
    return Uint8Array.from(this.memory.bytes.subarray(this.#packetAddress, this.#packetAddress + length));
  }

  /** The resolver stub's question: instantiate the program at this table index, now. */
  #resolve(index: number): void {
    const number = index - 1;
    if (number >= this.#programs.length) this.#programs.push(...(this.#setup.late?.take() ?? []));
    const program = this.#programs[number];
    if (program === undefined) throw new Error(`table index ${index} belongs to no program`);
    const instance = new WebAssembly.Instance(program.module(), { [ENGINE_MODULE]: this.#imports(number) });
    this.#driver.table.set(index, instance.exports.program);
  }

  #imports(program: number): Record<string, unknown> {
    const events: HelperEvents = {
      print: (text) => this.#listener?.print({ ...this.#callAt(program, call.pc), text }),
      stop: (code, message, access) => this.#stopAtCall(program, call.pc, code, message, access),
      mapWrite: () => {
        const tell = this.#listener?.mapWrite;
        return tell === undefined ? undefined : (write) => tell({ ...this.#callAt(program, call.pc), ...write });
      },
    };
    const helperContext = new HelperContext(this.memory, this.maps, events, this.#ring);
    const call = { pc: 0 };
    return {
      memory: this.memory.memory,
      programs: this.#driver.table,
      program,
      fault: (reason: number, pc: number, fuel: number, address: bigint) =>
        this.#fault(program, reason, pc, fuel, address),
      refill: (pc: number, fuel: number) => this.#refill(program, pc, fuel),
      helper: (number: number, pc: number) => {
        const stop = this.#fuel?.atHelper();
        if (stop !== undefined) throw this.#stopInside(stop, program, pc, this.#fuel!.executedAtCell());
        call.pc = pc;
        const run = this.#setup.helpers?.[number] ?? HELPER_FUNCTIONS[number];
        if (run === undefined) throw new Error(`insn ${pc}: helper ${number} got past the load`);
        this.#ring?.beforeHelper();
        run(helperContext);
      },
      slot_change: (descriptor: number, generation: number, index: number, slot: number) =>
        this.#slotLog.note(this.#attempt(), descriptor, generation, index, slot),
      slot_wait: (pc: number, fuel: number) => this.#waitForSlots(program, pc, fuel),
      tail_call_budget: (pc: number, fuel: number) => {
        throw this.#stopInside('tail_call_budget', program, pc, this.#fuel!.executed(fuel));
      },
      ...(this.#ring === undefined ? {} : this.#traceImports(this.#ring, this.#setup.trace!.slotLog)),
    };
  }

  #traceImports(ring: TraceRing, slotLog: readonly SlotLogRow[]): Record<string, unknown> {
    return {
      trace_full: (program: number, pc: number) => ring.full(program, pc),
      trace_frame: (address: number, bytes: number) => ring.patchBytes(address, new Uint8Array(bytes)),
      trace_hop: (descriptor: number) => this.#slotLog.restore(slotLog, this.#attempt(), descriptor),
    };
  }

  /** The tail-call attempt under way. */
  #attempt(): { invocation: number; attempt: number } {
    return { invocation: this.#invocation, attempt: this.memory.view.getUint32(CELL.CHAIN_ROWS, true) };
  }

  #stop(code: OutcomeCode, program: number, pc: number, instructions: number): GuestStop {
    return new GuestStop(code, { program, pc, instructions }, code);
  }

  /** A stop in the middle of an instruction, which then has no effect. */
  #stopInside(code: OutcomeCode, program: number, pc: number, instructions: number): GuestStop {
    this.#ring?.cutShort();
    return this.#stop(code, program, pc, instructions);
  }

  #refill(program: number, pc: number, fuel: number): number {
    const tank = this.#fuel!;
    const refilled = tank.refill(fuel);
    if (typeof refilled !== 'number') throw this.#stop(refilled, program, pc, tank.executed(fuel));
    this.#listener?.progress();
    return refilled;
  }

  #fault(program: number, reason: number, pc: number, fuel: number, address: bigint): never {
    const at = { program, pc, instructions: this.#fuel!.executed(fuel) };
    const name = faultReason(reason);
    // Past the last instruction there is none that could be cut short.
    if (name !== 'bad_insn') this.#ring?.cutShort();
    if (name !== 'memory') {
      const { code, text } = FAULTS[name];
      throw new GuestStop(code, at, text(`0x${BigInt.asUintN(64, address).toString(16)}`));
    }
    const access = accessOf(instructionAt(this.#programs[program]!.instructions, pc)!, address);
    throw new GuestStop(memoryFaultCode(this.memory, access), at, '', access);
  }

  #stopAtCall(program: number, pc: number, code: OutcomeCode, message: string, access?: FaultAccess): never {
    const at = { program, pc, instructions: this.#fuel!.executedAtCell() };
    if (code !== 'exit') this.#ring?.cutShort();
    throw new GuestStop(access === undefined ? code : memoryFaultCode(this.memory, access), at, message, access);
  }

  /** The helper's call under way. */
  #callAt(program: number, pc: number): HelperCall {
    return { program, pc, step: this.#fuel!.executedAtCell() - 1 };
  }

  /** A slot change that does not end: wait a little, and give up where a run always may. */
  #waitForSlots(program: number, pc: number, fuel: number): void {
    const cell = new Int32Array(this.memory.bytes.buffer, DATA_REGION, 1);
    Atomics.wait(cell, 0, Atomics.load(cell, 0), SLOT_WAIT_MS);
    const stop = this.#fuel!.look();
    if (stop !== undefined) throw this.#stopInside(stop, program, pc, this.#fuel!.executed(fuel));
  }

  /** Runs `repeat` invocations of the entry program. A guest's fault is in the answer; an exception is a defect of ours. */
  run(entry: number, repeat: number, limits: VmLimits, listener?: VmListener): VmRun {
    const { view } = this.memory;
    this.#listener = listener;
    const fuel = new FuelTank(this.memory, limits);
    this.#fuel = fuel;
    view.setUint32(CELL.TAIL_CALL_LIMIT, limits.maxTailCalls, true);
    view.setUint32(CELL.TAIL_CALL_BUDGET, Math.min(limits.tailCalls ?? NO_TAIL_CALL_BUDGET, NO_TAIL_CALL_BUDGET), true);
    const chainDepths = new Map<number, number>();
    let stop: GuestStop | StepStop | undefined;
    let invocations = 0;
    for (; invocations < repeat && stop === undefined; invocations++) {
      if (invocations > 0) {
        const reason = fuel.beforeInvocation();
        if (reason !== undefined) {
          stop = this.#stop(reason, this.#last().program, this.#last().pc, fuel.executedAtCell());
          break;
        }
      }
      this.#invocation = invocations;
      view.setUint32(CELL.TAIL_CALLS, 0, true);
      view.setUint32(CELL.TRACE_DEPTH, 0, true);
      view.setUint32(CELL.CHAIN_ROWS, 0, true);
      stop = this.#invokeOnce(entry);
      const depth = view.getUint32(CELL.TAIL_CALLS, true);
      chainDepths.set(depth, (chainDepths.get(depth) ?? 0) + 1);
      this.memory.noteChainRows(view.getUint32(CELL.CHAIN_ROWS, true));
    }
    this.#ring?.drain();
    return this.#describe(stop, invocations, chainDepths);
  }

  #invokeOnce(entry: number): GuestStop | StepStop | undefined {
    this.memory.view.setUint32(CELL.TARGET, entry + 1, true);
    try {
      this.#driver.invoke(entry + 1);
      return undefined;
    } catch (error) {
      if (error instanceof GuestStop && error.code === 'exit') {
        this.memory.view.setUint32(CELL.LAST_PROGRAM, error.program, true);
        this.memory.view.setUint32(CELL.LAST_PC, error.pc, true);
        return undefined;
      }
      if (error instanceof GuestStop || error instanceof StepStop) return error;
      throw error;
    }
  }

  #countedHelpers(): readonly number[] {
    const { helpers } = this.#setup;
    return helpers === undefined ? IMPLEMENTED_HELPERS : [...IMPLEMENTED_HELPERS, ...Object.keys(helpers).map(Number)];
  }

  #last(): { program: number; pc: number } {
    const { view } = this.memory;
    return { program: view.getUint32(CELL.LAST_PROGRAM, true), pc: view.getUint32(CELL.LAST_PC, true) };
  }

  #describe(
    ended: GuestStop | StepStop | undefined,
    invocations: number,
    chainDepths: ReadonlyMap<number, number>,
  ): VmRun {
    const { view } = this.memory;
    const stop = ended instanceof GuestStop ? ended : undefined;
    const stoppedAt = ended instanceof StepStop ? ended : undefined;
    const helperCalls = new Map<number, number>();
    for (const helper of this.#countedHelpers()) {
      const calls = view.getUint32(CELL.HELPER_CALLS + 4 * helper, true);
      if (calls > 0) helperCalls.set(helper, calls);
    }
    return {
      code: stop?.code ?? (stoppedAt === undefined ? 'exit' : 'cancelled'),
      stop,
      r0: ended === undefined ? view.getBigUint64(CELL.RESULT, true) : undefined,
      instructions: stop?.instructions ?? stoppedAt?.step ?? this.#fuel!.executedAtCell(),
      last: stop === undefined ? this.#last() : { program: stop.program, pc: stop.pc },
      tailCalls: view.getUint32(CELL.TAIL_CALLS_TOTAL, true),
      misses: {
        index: view.getUint32(CELL.MISS_INDEX, true),
        empty: view.getUint32(CELL.MISS_EMPTY, true),
        limit: view.getUint32(CELL.MISS_LIMIT, true),
      },
      chainDepths,
      helperCalls,
      invocations,
      slotLog: this.#slotLog.complete ? this.#slotLog.rows : null,
      stoppedAt,
    };
  }
}
