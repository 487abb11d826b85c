/** The running kernel as an object: maps, programs and test runs through bpf(2). Every descriptor is closed by `close`. */

import { readFileSync } from 'node:fs';
import { CONTEXTS } from '../../../src/spec/contexts.ts';
import { MAP_TYPES } from '../../../src/spec/maps.ts';
import type { MapSpec, ProgramSpec } from '../../../src/spec/object.ts';
import {
  isImplementedProgramType,
  PROGRAM_FLAGS,
  PROGRAM_TYPES,
  type ProgramFlag,
} from '../../../src/spec/programs.ts';
import { ATTACH_TYPE_NUMBERS } from './attach-types.ts';
import { buildFunctionBtf } from './btf.ts';
import { errnoName } from './errno-name.ts';
import { type BpfSystemCall, type Buffer, type CallResult, openSystemCall } from './system-call.ts';

/** enum bpf_cmd of uapi/linux/bpf.h. */
const COMMAND = {
  MAP_CREATE: 0,
  MAP_LOOKUP_ELEM: 1,
  MAP_UPDATE_ELEM: 2,
  MAP_DELETE_ELEM: 3,
  MAP_GET_NEXT_KEY: 4,
  PROG_LOAD: 5,
  PROG_TEST_RUN: 10,
  BTF_LOAD: 18,
  MAP_FREEZE: 22,
} as const;

/** Room for packets that a program makes longer. */
const OUTPUT_SLACK_BYTES = 256;
const LOG_BYTES = 1 << 20;
/** BPF_LOG_STATS: errors and statistics, without each walked instruction. */
export const LOG_ERRORS = 4;
/** BPF_LOG_LEVEL1: each walked instruction too. */
export const LOG_INSTRUCTIONS = 1;
/** An errno by name, null for success. */
export type Errno = string | null;

export interface KernelMap {
  readonly descriptor: number;
  readonly spec: MapSpec;
}

export interface LoadResult {
  /** undefined: refused. */
  readonly descriptor: number | undefined;
  readonly errno: Errno;
  readonly log: string;
}

export interface LoadOptions {
  /** Give the program the BTF of its functions, also where its spec has none. Default: as the spec says. */
  readonly btf?: boolean;
  /**
   * Tell the kernel of global functions, whose only argument must then be the context. Default: all functions are static to it, since a
   * ProgramSpec does not know their parameters; what they do is the same.
   */
  readonly globalFunctions?: boolean;
  readonly logLevel?: number;
}

export interface TestRunInput {
  readonly packet: Uint8Array | null;
  readonly context: Uint8Array | null;
  readonly repeat: number;
}

export interface TestRunResult {
  readonly errno: Errno;
  /** u32. */
  readonly returnValue: number;
  /** Mean time of a repetition in whole nanoseconds, as the kernel measured it. */
  readonly durationNs: number;
  readonly packet: Uint8Array | null;
  readonly context: Uint8Array | null;
}

export interface MapElement {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Bytes of a value as bpf(2) moves it: for a per-CPU map one value for each possible CPU, rounded up to 8 bytes. */
function transferBytes(spec: MapSpec, cpus: number): number {
  return spec.type.includes('percpu') ? Math.ceil(spec.valueSize / 8) * 8 * cpus : spec.valueSize;
}

function possibleCpus(): number {
  const text = readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim();
  let count = 0;
  for (const range of text.split(',')) {
    const [low, high] = range.split('-').map(Number);
    count += (high ?? low ?? 0) - (low ?? 0) + 1;
  }
  return count;
}

/** Map indexes in lddw become descriptors; an index past the end becomes a descriptor that cannot be. */
function linkMaps(code: Uint8Array, maps: readonly KernelMap[]): Uint8Array {
  const linked = code.slice();
  const view = new DataView(linked.buffer);
  for (let at = 0; at + 8 <= linked.length; at += linked[at] === 0x18 ? 16 : 8) {
    const source = linked[at + 1]! >> 4;
    if (linked[at] !== 0x18 || (source !== 1 && source !== 2)) continue;
    view.setInt32(at + 4, maps[view.getInt32(at + 4, true)]?.descriptor ?? 0x7fff_ffff, true);
  }
  return linked;
}

export class Kernel implements Disposable {
  readonly #system: BpfSystemCall;
  readonly #descriptors: number[] = [];
  readonly #cpus: number;
  /** Of the element command that is being put together. */
  #attribute: DataView = new DataView(new ArrayBuffer(0));

  constructor() {
    this.#system = openSystemCall();
    this.#cpus = possibleCpus();
  }

  /** Closes every descriptor that was opened since the start or the last `close`; the kernel object stays usable. */
  close(): void {
    for (const descriptor of this.#descriptors.splice(0)) this.#system.close(descriptor);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #keep(result: CallResult): { descriptor: number | undefined; errno: Errno } {
    if (result.errno !== 0) return { descriptor: undefined, errno: errnoName(result.errno) };
    this.#descriptors.push(result.value);
    return { descriptor: result.value, errno: null };
  }

  /** BPF_MAP_CREATE. Initial contents are not written. */
  createMap(spec: MapSpec): { map: KernelMap | undefined; errno: Errno } {
    const attribute = this.#system.begin();
    const words = [MAP_TYPES[spec.type].number, spec.keySize, spec.valueSize, spec.maxEntries, spec.flags];
    for (const [index, word] of words.entries()) attribute.setUint32(4 * index, word, true);
    writeName(attribute, 28, spec.name);
    const { descriptor, errno } = this.#keep(this.#system.call(COMMAND.MAP_CREATE));
    return { map: descriptor === undefined ? undefined : { descriptor, spec }, errno };
  }

  #element(command: number, map: KernelMap, key: Uint8Array | null, value: Buffer | null, flags: number): Errno {
    const attribute = this.#attribute;
    attribute.setUint32(0, map.descriptor, true);
    if (key !== null) attribute.setBigUint64(8, this.#system.buffer(key).address, true);
    if (value !== null) attribute.setBigUint64(16, value.address, true);
    attribute.setBigUint64(24, BigInt(flags), true);
    const { errno } = this.#system.call(command);
    return errno === 0 ? null : errnoName(errno);
  }

  #begin(): void {
    this.#attribute = this.#system.begin();
  }

  /** BPF_MAP_UPDATE_ELEM; flags 0 any, 1 noexist, 2 exist. A per-CPU value is given once and stored for every CPU. */
  update(map: KernelMap, key: Uint8Array, value: Uint8Array, flags = 0): Errno {
    this.#begin();
    let moved = value;
    if (map.spec.type.includes('percpu')) {
      const stride = Math.ceil(map.spec.valueSize / 8) * 8;
      moved = new Uint8Array(stride * this.#cpus);
      for (let cpu = 0; cpu < this.#cpus; cpu++) moved.set(value, cpu * stride);
    }
    return this.#element(COMMAND.MAP_UPDATE_ELEM, map, key, this.#system.buffer(moved), flags);
  }

  /** Set a prog array's slot to a loaded program. */
  setSlot(map: KernelMap, index: number, program: number): Errno {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, index, true);
    view.setInt32(4, program, true);
    return this.update(map, bytes.subarray(0, 4), bytes.subarray(4));
  }

  /** BPF_MAP_LOOKUP_ELEM. Of a per-CPU value the part of CPU 0, on which test runs run. */
  lookup(map: KernelMap, key: Uint8Array, flags = 0): { value: Uint8Array | undefined; errno: Errno } {
    this.#begin();
    const value = this.#system.buffer(transferBytes(map.spec, this.#cpus));
    const errno = this.#element(COMMAND.MAP_LOOKUP_ELEM, map, key, value, flags);
    return { value: errno === null ? value.bytes.slice(0, map.spec.valueSize) : undefined, errno };
  }

  /** BPF_MAP_DELETE_ELEM. */
  delete(map: KernelMap, key: Uint8Array): Errno {
    this.#begin();
    return this.#element(COMMAND.MAP_DELETE_ELEM, map, key, null, 0);
  }

  /** BPF_MAP_GET_NEXT_KEY; null asks for the first key. */
  nextKey(map: KernelMap, key: Uint8Array | null): { key: Uint8Array | undefined; errno: Errno } {
    this.#begin();
    const next = this.#system.buffer(map.spec.keySize);
    const errno = this.#element(COMMAND.MAP_GET_NEXT_KEY, map, key, next, 0);
    return { key: errno === null ? next.bytes.slice() : undefined, errno };
  }

  /** BPF_MAP_FREEZE. */
  freeze(map: KernelMap): Errno {
    this.#begin();
    return this.#element(COMMAND.MAP_FREEZE, map, null, null, 0);
  }

  /** All elements in the kernel's order; empty prog-array slots are left out. */
  elements(map: KernelMap): MapElement[] {
    const found: MapElement[] = [];
    let at = this.nextKey(map, null).key;
    while (at !== undefined) {
      const { value } = this.lookup(map, at);
      if (value !== undefined) found.push({ key: at, value });
      at = this.nextKey(map, at).key;
    }
    return found;
  }

  /** BPF_PROG_LOAD. `maps` are what the indexes in lddw mean. A refusal has the verifier's log. */
  load(program: ProgramSpec, maps: readonly KernelMap[], options: LoadOptions = {}): LoadResult {
    const types =
      (options.btf ?? program.hasBtf) ? this.#loadBtf(program, options.globalFunctions ?? false) : undefined;
    const attribute = this.#system.begin();
    const code = this.#system.buffer(linkMaps(program.code, maps));
    const license = this.#system.buffer(new TextEncoder().encode(`${program.license}\0`));
    const log = this.#system.buffer(LOG_BYTES);
    log.bytes[0] = 0;
    attribute.setUint32(0, PROGRAM_TYPES[program.type].number, true);
    attribute.setUint32(4, program.code.length / 8, true);
    attribute.setBigUint64(8, code.address, true);
    attribute.setBigUint64(16, license.address, true);
    attribute.setUint32(24, options.logLevel ?? LOG_ERRORS, true);
    attribute.setUint32(28, LOG_BYTES, true);
    attribute.setBigUint64(32, log.address, true);
    attribute.setUint32(44, programFlags(program.flags), true);
    writeName(attribute, 48, program.name);
    attribute.setUint32(68, program.attachType === null ? 0 : attachTypeNumber(program.attachType), true);
    if (types !== undefined) {
      attribute.setUint32(72, types.descriptor, true);
      attribute.setUint32(76, 8, true);
      attribute.setBigUint64(80, this.#system.buffer(types.functionInfo).address, true);
      attribute.setUint32(88, types.functionInfo.length / 8, true);
    }
    const kept = this.#keep(this.#system.call(COMMAND.PROG_LOAD));
    const end = log.bytes.indexOf(0);
    return { ...kept, log: new TextDecoder('latin1').decode(log.bytes.subarray(0, end < 0 ? undefined : end)) };
  }

  #loadBtf(program: ProgramSpec, globals: boolean): { descriptor: number; functionInfo: Uint8Array } {
    const functions = program.functions.map((row) => (globals ? row : { ...row, linkage: 'static' as const }));
    const { btf, functionInfo } = buildFunctionBtf(functions, contextName(program));
    const attribute = this.#system.begin();
    attribute.setBigUint64(0, this.#system.buffer(btf).address, true);
    attribute.setUint32(16, btf.length, true);
    const { descriptor, errno } = this.#keep(this.#system.call(COMMAND.BTF_LOAD));
    if (descriptor === undefined) throw new Error(`BPF_BTF_LOAD of our own BTF: ${errno}`);
    return { descriptor, functionInfo };
  }

  /** BPF_PROG_TEST_RUN on CPU 0. `repeat` 0 is what raw_tracepoint wants. ctx_out is asked for where ctx_in is given. */
  testRun(program: number, input: TestRunInput): TestRunResult {
    return this.#system.onCpu(0, () => {
      const attribute = this.#system.begin();
      attribute.setUint32(0, program, true);
      let packet: Buffer | null = null;
      let context: Buffer | null = null;
      if (input.packet !== null) {
        packet = this.#system.buffer(input.packet.length + OUTPUT_SLACK_BYTES);
        attribute.setUint32(8, input.packet.length, true);
        attribute.setUint32(12, packet.bytes.length, true);
        attribute.setBigUint64(16, this.#system.buffer(input.packet).address, true);
        attribute.setBigUint64(24, packet.address, true);
      }
      attribute.setUint32(32, input.repeat, true);
      if (input.context !== null) {
        attribute.setUint32(40, input.context.length, true);
        attribute.setBigUint64(48, this.#system.buffer(input.context).address, true);
        // Types without a packet have no ctx_out either.
        if (packet !== null) {
          context = this.#system.buffer(input.context.length);
          attribute.setUint32(44, context.bytes.length, true);
          attribute.setBigUint64(56, context.address, true);
        }
      }
      const { errno } = this.#system.call(COMMAND.PROG_TEST_RUN);
      return {
        errno: errno === 0 ? null : errnoName(errno),
        returnValue: attribute.getUint32(4, true),
        durationNs: attribute.getUint32(36, true),
        packet: packet?.bytes.slice(0, attribute.getUint32(12, true)) ?? null,
        context: context?.bytes.slice() ?? null,
      };
    });
  }
}

function writeName(attribute: DataView, offset: number, name: string): void {
  // The kernel takes letters, digits, '_' and '.'; names are of no matter here.
  const plain = name.replace(/[^A-Za-z0-9_.]/g, '_').slice(0, 15);
  for (let index = 0; index < plain.length; index++) attribute.setUint8(offset + index, plain.charCodeAt(index));
}

function contextName(program: ProgramSpec): string {
  const layout = isImplementedProgramType(program.type) ? CONTEXTS[program.type] : null;
  return layout?.name ?? 's';
}

function programFlags(names: readonly string[]): number {
  let bits = 0;
  for (const name of names) bits |= PROGRAM_FLAGS[name as ProgramFlag];
  return bits;
}

function attachTypeNumber(name: string): number {
  const value = ATTACH_TYPE_NUMBERS[name];
  if (value === undefined) throw new Error(`attach type ${name} has no row in attach-types.ts`);
  return value;
}
