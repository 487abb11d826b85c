/** A whole object on the running kernel: maps, programs, slots, one test run, contents of the maps afterwards. */

import type { MapSpec, ProgramSpec } from '../../../src/spec/object.ts';
import type { Errno, Kernel, KernelMap, LoadOptions, MapElement } from './kernel.ts';

export interface KernelRun extends LoadOptions {
  readonly programs: readonly ProgramSpec[];
  readonly maps: readonly MapSpec[];
  /** Name of the program to run; null only loads. */
  readonly entry: string | null;
  readonly packet?: Uint8Array | null;
  /** ctx_in. */
  readonly ctx?: Uint8Array | null;
  /** Default 1, for raw_tracepoint 0. */
  readonly repeat?: number;
}

/** Where the kernel stopped: `stage` is `done` if it did not. */
export interface KernelOutcome {
  readonly stage: 'map' | 'element' | 'program' | 'slot' | 'run' | 'done';
  readonly errno: Errno;
  /** Map or program that was refused. */
  readonly name: string | null;
  /** The verifier's last line that is no statistics; null without a log. */
  readonly message: string | null;
  /** Of the last program that was loaded or refused. */
  readonly log: string;
  /** The run's return value, u32; null without a run. */
  readonly retval: number | null;
  readonly packet: Uint8Array | null;
  readonly ctx: Uint8Array | null;
  /** Contents by map name after the run. */
  readonly maps: Readonly<Record<string, readonly MapElement[]>>;
}

/** Lines of a log that give no reason. */
const STATISTICS =
  /^(verification time|stack depth|processed |insn_processed|max stack depth|mark_precise|subprog |func#|\d+: \(|\d+: R|from \d+|;)/;

/** The reason of a refusal: the log's last line that is neither statistics nor an instruction. */
export function refusalLine(log: string): string | null {
  const lines = log.split('\n').filter((line) => line.trim() !== '' && !STATISTICS.test(line));
  return lines.at(-1) ?? null;
}

/**
 * Load and run on Linux what our engine would. Maps are created in order with their contents, programs loaded in order, slots set, the
 * entry run once on CPU 0; then every descriptor of `kernel` is closed.
 */
export function runOnKernel(kernel: Kernel, run: KernelRun): KernelOutcome {
  try {
    return attempt(kernel, run);
  } finally {
    kernel.close();
  }
}

function attempt(kernel: Kernel, run: KernelRun): KernelOutcome {
  let log = '';
  const outcome = (stage: KernelOutcome['stage'], errno: Errno, name: string | null): KernelOutcome => ({
    stage,
    errno,
    name,
    message: refusalLine(log),
    log,
    retval: null,
    packet: null,
    ctx: null,
    maps: {},
  });

  const maps: KernelMap[] = [];
  for (const spec of run.maps) {
    const { map, errno } = kernel.createMap(spec);
    if (map === undefined) return outcome('map', errno, spec.name);
    maps.push(map);
    for (const { key, value } of spec.entries) {
      const failed = kernel.update(map, key, value);
      if (failed !== null) return outcome('element', failed, spec.name);
    }
    if (spec.frozen) kernel.freeze(map);
  }

  const descriptors = new Map<string, number>();
  for (const program of run.programs) {
    const loaded = kernel.load(program, maps, run);
    log = loaded.log;
    if (loaded.descriptor === undefined) return outcome('program', loaded.errno, program.name);
    descriptors.set(program.name, loaded.descriptor);
  }
  for (const map of maps) {
    for (const slot of map.spec.slots) {
      const failed = kernel.setSlot(map, slot.index, descriptors.get(slot.program) ?? -1);
      if (failed !== null) return outcome('slot', failed, map.spec.name);
    }
  }

  const entry = run.programs.find((program) => program.name === run.entry);
  const descriptor = entry === undefined ? undefined : descriptors.get(entry.name);
  if (entry === undefined || descriptor === undefined) return outcome('done', null, null);
  const result = kernel.testRun(descriptor, {
    packet: run.packet ?? null,
    context: run.ctx ?? null,
    repeat: run.repeat ?? (entry.type === 'raw_tracepoint' ? 0 : 1),
  });
  if (result.errno !== null) return outcome('run', result.errno, entry.name);
  const contents: Record<string, readonly MapElement[]> = {};
  for (const map of maps) contents[map.spec.name] = kernel.elements(map);
  return {
    ...outcome('done', null, null),
    retval: result.returnValue,
    packet: result.packet,
    ctx: result.context,
    maps: contents,
  };
}
