/** Puts a loaded run on a memory: context, packet, maps with their contents, programs. */

import { PERMISSION } from '../contract/memory.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import type { Instruction } from '../isa/instruction.ts';
import type { RunStart } from '../spec/context-input.ts';
import { CONTEXTS, type ContextLayout } from '../spec/contexts.ts';
import { ERRNO } from '../spec/errno.ts';
import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import { ETHERNET_HEADER_BYTES, hasPacketLoads, PROGRAM_TYPE_RULES } from '../spec/programs.ts';
import type { GuestMemory } from '../vm/guest-memory.ts';
import { PROBE_WORK } from '../vm/maps/hash.ts';
import { UPDATE, type VmMap } from '../vm/maps/map.ts';
import type { LatePrograms, VmContext, VmPacket, VmProgram, VmTrace } from '../vm/setup.ts';
import { footprint, Vm, type VmLimits } from '../vm/vm.ts';
import type { ReadRun } from './load.ts';
import type { CompiledProgram } from './module-cache.ts';
import { ProblemFound } from './refused.ts';

/** Bytes of guest memory that the run takes; its replay takes those of the trace ring too. */
export function runFootprint(run: ReadRun, packet: Uint8Array | null): number {
  return footprint(run.maps, run.start.context.length, packet?.length ?? 0) + scratchBytes(run.maps);
}

/** Guest memory for one key and one value of these maps' entries. */
export function scratchBytes(maps: readonly MapSpec[]): number {
  return maps.reduce(
    (most, map) => (map.entries.length > 0 ? Math.max(most, map.keySize + map.valueSize + 8) : most),
    0,
  );
}

/** Limits of an execution that starts now. */
export function vmLimits(spec: RunSpec, isCancelled: () => boolean): VmLimits {
  return {
    instructions: spec.budgets.instructions,
    tailCalls: spec.budgets.tailCalls,
    maxTailCalls: spec.maxTailCalls,
    deadline: performance.now() + spec.budgets.wallMs,
    isCancelled,
    now: () => performance.now(),
  };
}

export interface VmExtras {
  readonly trace?: VmTrace;
  readonly late?: LatePrograms;
  /** Puts the contents into the maps; not given: what the run's request says. */
  readonly fill?: (vm: Vm, run: ReadRun, spec: RunSpec, memory: GuestMemory) => void;
}

/**
 * Builds the VM.
 * @throws ProblemFound for an initial element that its map does not take
 */
export function buildVm(
  run: ReadRun,
  spec: RunSpec,
  memory: GuestMemory,
  driver: WebAssembly.Module,
  compiled: readonly CompiledProgram[],
  { trace, late, fill = fillMaps }: VmExtras = {},
): Vm {
  const layout = CONTEXTS[run.type];
  const vm = new Vm({
    memory,
    driver,
    programs: run.programs.map((program, number) =>
      vmProgram(program, run.instructions[number]!, () => compiled[number]!.module),
    ),
    maps: run.maps,
    context: layout === null ? undefined : contextOf(layout, run.start),
    packet: packetOf(run, layout, spec.input.packet),
    seed: BigInt(spec.seed),
    trace,
    late,
  });
  fill(vm, run, spec, memory);
  return vm;
}

/** A program as the VM takes it. */
export function vmProgram(
  program: ProgramSpec,
  instructions: readonly Instruction[],
  module: () => WebAssembly.Module,
): VmProgram {
  return { name: program.name, instructions, hasSubprograms: program.functions.length > 1, module };
}

/** The context of a run: which of its bytes the type may read and write, and where it holds the packet's addresses. */
export function contextOf(layout: ContextLayout, start: RunStart): VmContext {
  const permissions = new Uint8Array(layout.size);
  const packetFields: { offset: number; packetOffset: number }[] = [];
  for (const field of layout.fields) {
    const permission =
      (field.reads.length > 0 ? PERMISSION.READ : 0) | (field.writes.length > 0 ? PERMISSION.WRITE : 0);
    permissions.fill(permission, field.offset, field.offset + field.size);
    const packetOffset = {
      packet_start: start.packetStart,
      packet_end: start.packetEnd,
      packet_meta: start.packetMeta,
    };
    if (field.role in packetOffset) {
      packetFields.push({ offset: field.offset, packetOffset: packetOffset[field.role as keyof typeof packetOffset] });
    }
  }
  return { bytes: start.context, permissions, packetFields };
}

/** The packet's bytes are open only where the program can get their address. */
export function packetOf(run: ReadRun, layout: ContextLayout | null, packet: Uint8Array | null): VmPacket | undefined {
  const rules = PROGRAM_TYPE_RULES[run.type];
  if (rules.packet === 'none') return undefined;
  const bytes = packet ?? new Uint8Array(0);
  if (layout === null) return { bytes, start: 0, end: bytes.length, permission: PERMISSION.READ_WRITE };
  const loads = hasPacketLoads(run.type)
    ? { start: run.start.packetStart, link: 0, network: ETHERNET_HEADER_BYTES }
    : undefined;
  const direct = layout.fields.some((field) => field.role === 'packet_start');
  const permission = direct ? (rules.packetWritable ? PERMISSION.READ_WRITE : PERMISSION.READ) : PERMISSION.NONE;
  return { bytes, start: run.start.packetMeta, end: run.start.packetEnd, permission, loads };
}

/** What takes a run's initial contents. */
export interface MapFiller {
  readonly maps: readonly VmMap[];
  initialiseSlot(map: number, slot: number, program: number): void;
}

/**
 * Initial elements go in as BPF_MAP_UPDATE_ELEM would put them; slots by program number.
 * @throws ProblemFound also when so many keys meet in one bucket that putting them in would take a minute (maxFillProbes)
 */
export function fillMaps(
  vm: MapFiller,
  run: Pick<ReadRun, 'maps' | 'programs' | 'limits'>,
  spec: Pick<RunSpec, 'maps' | 'object'>,
  memory: GuestMemory,
): void {
  const scratch = scratchBytes(run.maps);
  const key = scratch === 0 ? 0 : memory.allocate(scratch);
  let probes = 0;
  run.maps.forEach((map, index) => {
    const value = key + Math.ceil(map.keySize / 8) * 8;
    map.entries.forEach((entry, position) => {
      memory.bytes.set(entry.key, key);
      memory.bytes.set(entry.value, value);
      const result = vm.maps[index]!.update(key, value, UPDATE.ANY);
      probes += memory.takeWork() / PROBE_WORK;
      if (probes > run.limits.maxFillProbes) {
        const detail = `too many keys of '${map.name}' meet in one bucket, maxFillProbes is ${run.limits.maxFillProbes}`;
        throw new ProblemFound('limit_exceeded', '/maps', detail, { limit: 'maxFillProbes' });
      }
      if (result === 0) return;
      const errno = Object.entries(ERRNO).find(([, number]) => number === -result)?.[0] ?? String(result);
      const detail = `map '${map.name}' does not take entry ${position}: ${errno}`;
      throw new ProblemFound('bad_map', entryPointer(spec, map, position), detail, { errno });
    });
    for (const slot of map.slots) {
      vm.initialiseSlot(
        index,
        slot.index,
        run.programs.findIndex((program) => program.name === slot.program),
      );
    }
  });
}

/** Elements of the request come behind those that the object or a stored program brings. */
function entryPointer(spec: Pick<RunSpec, 'maps' | 'object'>, map: MapSpec, position: number): string {
  const request = spec.maps.find((one) => one.name === map.name);
  const own = position - (map.entries.length - (request?.entries.length ?? 0));
  if (request !== undefined && own >= 0) return `${request.pointer}/entries/${own}`;
  return spec.object === null ? '/programs' : '/object/elf';
}
