/** A generated run: programs, maps, prog arrays with some slots filled, a packet, budgets. One seed, one run. */

import { PERMISSION } from '../../src/contract/memory.ts';
import { OPCODE } from '../../src/isa/opcodes.ts';
import { contextOf } from '../../src/pipeline/machine.ts';
import { readContextInput } from '../../src/spec/context-input.ts';
import { CONTEXTS } from '../../src/spec/contexts.ts';
import type { MapSpec } from '../../src/spec/object.ts';
import { ETHERNET_HEADER_BYTES } from '../../src/spec/programs.ts';
import type { VmContext, VmPacket } from '../../src/vm/setup.ts';
import type { ComparedRun } from '../support/oracle/compare.ts';
import { FunctionWriter } from './function-writer.ts';
import type { CalledFunction, ContextOffsets, FunctionSettings, Signature } from './instruction-writer.ts';
import { encodeItems, type GeneratedInstruction, type Item } from './program.ts';
import { Random } from './random.ts';

/** A program type that runs are generated for: what its context has, and whether it has packet loads. */
interface TypeSettings {
  readonly context: ContextOffsets;
  readonly packetLoads: boolean;
}

const TYPES = {
  xdp: { context: { data: 0, dataEnd: 4, readable: [12, 16], writable: [] }, packetLoads: false },
  // len, pkt_type, mark, protocol; mark and priority.
  sched_cls: { context: { data: 76, dataEnd: 80, readable: [0, 4, 8, 16, 32], writable: [8, 32] }, packetLoads: true },
} as const satisfies Record<string, TypeSettings>;

type ProgramSettings = TypeSettings & Pick<FunctionSettings, 'maps' | 'unsafe' | 'deterministic'>;

/** Programs as items, so that they can be minimised; the rest as a run has it. */
export interface GeneratedRun {
  readonly seed: number;
  /** Of all programs. */
  readonly type: keyof typeof TYPES;
  /** Linux would refuse some of what is in it. */
  readonly unsafe: boolean;
  readonly programs: readonly (readonly Item[])[];
  readonly run: Omit<ComparedRun, 'programs'>;
}

export interface GeneratorOptions {
  /** Of 100 runs so many have what a verifier refuses: wild accesses, jumps anywhere. */
  readonly unsafePercent: number;
  /** Only what Linux gives the same each time: no clock, no random numbers, its own limits. */
  readonly forLinux?: boolean;
}

const PROG_ARRAY_SLOTS = 4;
const SIGNATURES: readonly Signature[] = ['numbers', 'address', 'context'];
/** Programs with wild jumps end by this. */
const INSTRUCTIONS = 20_000;
/** More than any run of the generator takes on Linux: six rounds of a loop, 33 tail calls. */
const INSTRUCTIONS_FOR_LINUX = 10_000_000;
const LINUX_LIMITS = { instructions: INSTRUCTIONS_FOR_LINUX, tailCalls: null, maxTailCalls: 33 } as const;

export function generateRun(seed: number, options: GeneratorOptions): GeneratedRun {
  const random = new Random(seed);
  const unsafe = random.chance(options.unsafePercent);
  const type = random.pick(['xdp', 'sched_cls'] as const);
  const maps = generateMaps(random);
  const count = random.pick([1, 1, 2, 2, 3]);
  const settings = { ...TYPES[type], maps, unsafe, deterministic: options.forLinux === true };
  const programs = Array.from({ length: count }, () => generateProgram(random, settings));
  const slots = maps.flatMap((map, index) =>
    map.type !== 'prog_array'
      ? []
      : Array.from({ length: PROG_ARRAY_SLOTS }, (_, slot) => [index, slot, random.below(count)] as const).filter(() =>
          random.chance(70),
        ),
  );
  const packet = generatePacket(random, TYPES[type].packetLoads);
  return {
    seed,
    type,
    unsafe,
    programs,
    run: {
      maps,
      slots,
      packet,
      context: generateContext(type, packet.bytes),
      seed: BigInt(random.bits()),
      instructions: random.chance(20) ? random.between(1, 300) : INSTRUCTIONS,
      tailCalls: random.chance(10) ? random.below(6) : null,
      maxTailCalls: random.chance(20) ? random.below(34) : 33,
      ...(options.forLinux === true ? LINUX_LIMITS : {}),
    },
  };
}

/** The run as machines take it. */
export function comparedRun(generated: GeneratedRun): ComparedRun {
  return { ...generated.run, programs: generated.programs.map(encodeItems) };
}

function generateMaps(random: Random): MapSpec[] {
  const common = { flags: 0, entries: [], slots: [], frozen: false };
  const types = Array.from({ length: random.below(4) }, () => random.pick(['array', 'hash', 'prog_array'] as const));
  return types.map((type, index) => ({
    ...common,
    name: `map${index}`,
    type,
    keySize: type === 'hash' ? random.pick([1, 4, 8]) : 4,
    valueSize: type === 'prog_array' ? 4 : random.pick([8, 16, 24]),
    maxEntries: type === 'prog_array' ? PROG_ARRAY_SLOTS : random.between(1, 4),
  }));
}

/** The program's own function and up to three more; each may call those behind it. */
function generateProgram(random: Random, settings: ProgramSettings): Item[] {
  let labels = 0;
  const newLabel = () => labels++;
  const functions: CalledFunction[] = Array.from({ length: random.pick([1, 1, 1, 2, 3, 4]) }, (_, index) => ({
    label: newLabel(),
    signature: index === 0 ? 'context' : random.pick(SIGNATURES),
  }));
  const written = functions.map(({ label, signature }, index) => {
    const callees = settings.unsafe && random.chance(10) ? functions : functions.slice(index + 1);
    const length = random.between(1, index === 0 ? 12 : 5);
    const writer = new FunctionWriter({
      ...settings,
      random,
      newLabel,
      signature,
      isEntry: index === 0,
      callees,
      length,
    });
    writer.write(label);
    return { label, items: writer.items };
  });
  return reachable(written).flatMap(({ items }) => items);
}

function isCall(item: Item): item is GeneratedInstruction {
  return item.kind === 'instruction' && item.fields.opcode === OPCODE.CALL;
}

interface WrittenFunction {
  readonly label: number;
  readonly items: readonly Item[];
}

/** The first function and what it calls, directly or not: Linux refuses a function that nothing calls. */
function reachable(functions: readonly WrittenFunction[]): WrittenFunction[] {
  const called = new Set(functions.slice(0, 1).map(({ label }) => label));
  for (let size = 0; size !== called.size; ) {
    size = called.size;
    for (const { label, items } of functions) {
      if (!called.has(label)) continue;
      for (const item of items) if (isCall(item) && item.target !== undefined) called.add(item.target.label);
    }
  }
  return functions.filter(({ label }) => called.has(label));
}

function generatePacket(random: Random, packetLoads: boolean): VmPacket {
  const bytes = random.bytes(random.pick([14, 14, 20, 34, 64, 100]));
  // An EtherType that asks for nothing behind it.
  bytes.set([0x88, 0xb5], ETHERNET_HEADER_BYTES - 2);
  const loads = packetLoads ? { start: 0, link: 0, network: ETHERNET_HEADER_BYTES } : undefined;
  return { bytes, start: 0, end: bytes.length, permission: PERMISSION.READ_WRITE, loads };
}

/** The context as the type has it, and where it holds the packet's addresses. */
function generateContext(type: GeneratedRun['type'], packet: Uint8Array): VmContext {
  const input = readContextInput(type, null, packet);
  const layout = CONTEXTS[type];
  if (!input.ok || layout === null) throw new Error(`${type} does not take a packet of ${packet.length} bytes`);
  return contextOf(layout, input.start);
}
