/** Records of the trace ring, read one after the other together with the registers that each step found: its facts. */

import { TRACE } from '../contract/memory.ts';
import type { PatchFacts, StepFacts } from '../contract/step-facts.ts';
import type { GuestMemory } from '../vm/guest-memory.ts';
import type { RegisterFold } from '../vm/steps.ts';
import type { StepPatch } from '../vm/trace-ring.ts';
import type { StepCode, StepShape } from './step-code.ts';

const wide = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low);

const NO_PATCHES: readonly PatchFacts[] = [];

/** Patches wait for the record of their step, which comes later. */
export class PendingPatches {
  readonly #byStep = new Map<number, PatchFacts[]>();

  /** What is written before the first step belongs to it. */
  add(patch: StepPatch): void {
    const step = Math.max(patch.step, 0);
    const list = this.#byStep.get(step);
    if (list === undefined) this.#byStep.set(step, [patch]);
    else list.push(patch);
  }

  take(step: number): readonly PatchFacts[] {
    if (this.#byStep.size === 0) return NO_PATCHES;
    const list = this.#byStep.get(step);
    if (list === undefined) return NO_PATCHES;
    this.#byStep.delete(step);
    return list;
  }
}

/** The head of a record: what it is about. */
export interface StepHead {
  readonly program: number;
  readonly pc: number;
  readonly depth: number;
  /** The run ended in the middle of the step: it has no effect. */
  readonly cut: boolean;
}

export function readHead(memory: GuestMemory, at: number): StepHead {
  const head = memory.words[at >>> 2]!;
  const place = memory.words[(at >>> 2) + 1]!;
  return { pc: head & TRACE.PC_MASK, cut: head > TRACE.PC_MASK, program: place & 0xffff, depth: place >>> 16 };
}

/** Address that a load goes to, from the registers in front of it. */
export function loadAddress(registers: Uint32Array, { base, offset }: NonNullable<StepShape['load']>): number {
  return (registers[2 * base]! + offset) >>> 0;
}

/** The facts of the record at an address. `registers`: in front of it. */
export function readFacts(
  memory: GuestMemory,
  code: StepCode,
  registers: Uint32Array,
  at: number,
  step: number,
  patches: readonly PatchFacts[],
): StepFacts {
  const head = readHead(memory, at);
  const { program, pc, depth } = head;
  const nothing = { dst: undefined, value: 0n, address: undefined, stored: undefined, arguments: undefined };
  if (head.cut) return { step, program, pc, depth, ...nothing, patches };
  const shape = code.shape(program, pc);
  const word = at >>> 2;
  const { words } = memory;
  const value = wide(words[word + TRACE.VALUE / 4]!, words[word + TRACE.VALUE / 4 + 1]!);
  const written = shape.writes ? words[word + TRACE.ADDRESS / 4]! : 0;
  const address = shape.load === undefined ? written : loadAddress(registers, shape.load);
  return {
    step,
    program,
    pc,
    depth,
    dst: shape.dst,
    value: shape.dst === undefined || (shape.packetLoad && value > 0xffff_ffffn) ? 0n : value,
    address: address === 0 ? undefined : address,
    stored: written === 0 ? undefined : wide(words[word + TRACE.STORED / 4]!, words[word + TRACE.STORED / 4 + 1]!),
    arguments: shape.arguments < 0 ? undefined : argumentsOf(registers, shape.arguments),
    patches,
  };
}

function argumentsOf(registers: Uint32Array, count: number): bigint[] {
  return Array.from({ length: count }, (_, index) => wide(registers[2 * index + 2]!, registers[2 * index + 3]!));
}

/** Calls `each` in front of every record, then folds it in. */
export function foldEach(
  fold: RegisterFold,
  first: number,
  address: number,
  count: number,
  each: (step: number, at: number, registers: Uint32Array) => void,
): void {
  for (let index = 0; index < count; index++) {
    const at = address + index * TRACE.RECORD_BYTES;
    each(first + index, at, fold.registers());
    fold.record(at);
  }
}
