/**
 * The bare facts of a step, and how they become a row for people. A worker explains them for JSON, a client of the binary encoding explains
 * the same facts by the same function: so both encodings say the same.
 */

import { MAP_DESCRIPTOR } from './memory.ts';
import { placeOf, type Region, symbolOf } from './place.ts';
import type { Patch, StepRow } from './step.ts';

/** `dst` of a tail call: its value is the target's program number + 1, 0 when it fell through. */
export const TAIL_CALL_TARGET = 11;

export type PatchFacts =
  | { readonly address: number; readonly bytes: Uint8Array }
  /** value null: the element is gone. */
  | { readonly map: number; readonly key: Uint8Array; readonly value: Uint8Array | null };

export interface StepFacts {
  readonly step: number;
  readonly program: number;
  readonly pc: number;
  readonly depth: number;
  /** Register that got `value`, or TAIL_CALL_TARGET; undefined: none. */
  readonly dst: number | undefined;
  readonly value: bigint;
  /** Guest address that a load, store or atomic operation went to; undefined: none. */
  readonly address: number | undefined;
  /** Of a write: the bytes there afterwards. */
  readonly stored: bigint | undefined;
  /** Of a helper's call: the registers that it takes, from r1 on. */
  readonly arguments: readonly bigint[] | undefined;
  readonly patches: readonly PatchFacts[];
}

/** How an argument or a result of a helper is shown. */
export type ShownAs = 'map' | 'address' | 'number' | 'nothing';

/** What is known of an instruction before it runs: one row a slot. */
export interface CodeRow {
  readonly pc: number;
  readonly insn: string;
  /** Name of its function. */
  readonly function: string;
  readonly source?: { readonly file: string; readonly line: number; readonly text: string };
  /** Bytes of its access to memory. */
  readonly size?: number;
  readonly helper?: { readonly name: string; readonly arguments: readonly ShownAs[]; readonly result: ShownAs };
}

/** What a run's facts are explained with. */
export interface StepNames {
  readonly programs: readonly string[];
  readonly maps: readonly string[];
  readonly regions: readonly Region[];
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

const DIGITS = new TextEncoder().encode('0123456789abcdef');
const ASCII = new TextDecoder();

/** Hex. Through bytes, since a text that grows digit by digit takes 30 times its size. */
function bytesText(bytes: Uint8Array): string {
  const digits = new Uint8Array(2 * bytes.length);
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index]!;
    digits[2 * index] = DIGITS[byte >> 4]!;
    digits[2 * index + 1] = DIGITS[byte & 15]!;
  }
  return ASCII.decode(digits);
}

/** Bytes of a step's effects beside its row. */
export function patchBytes(patches: readonly PatchFacts[]): number {
  let sum = 0;
  for (const patch of patches) {
    sum += 'address' in patch ? patch.bytes.length : patch.key.length + (patch.value?.length ?? 0);
  }
  return sum;
}

function shown(names: StepNames, as: ShownAs, value: bigint): string {
  if (as === 'map') {
    const index = Number(value - BigInt(MAP_DESCRIPTOR.BASE)) / MAP_DESCRIPTOR.BYTES;
    return names.maps[index] ?? hex(value);
  }
  if (as === 'address' && value !== 0n && value < 2n ** 32n) return symbolOf(names.regions, Number(value));
  return as === 'number' ? BigInt.asIntN(64, value).toString() : hex(value);
}

function callOf(names: StepNames, code: CodeRow, facts: StepFacts): Pick<StepRow, 'call'> {
  const { helper } = code;
  if (helper === undefined || facts.arguments === undefined) return {};
  const given = facts.arguments;
  const texts = helper.arguments.map((as, index) => shown(names, as, given[index] ?? 0n));
  let result: string | null = null;
  if (facts.dst === TAIL_CALL_TARGET)
    result = facts.value === 0n ? null : (names.programs[Number(facts.value) - 1] ?? null);
  else if (facts.dst !== undefined && helper.result !== 'nothing') result = shown(names, helper.result, facts.value);
  return { call: { helper: helper.name, arguments: texts, result } };
}

function patchOf(names: StepNames, step: string, patch: PatchFacts): Patch {
  if ('address' in patch) return { step, ...placeOf(names.regions, patch.address), bytes: bytesText(patch.bytes) };
  const element = { step, map: names.maps[patch.map] ?? '', key: bytesText(patch.key) };
  return patch.value === null ? { ...element, deleted: true } : { ...element, value: bytesText(patch.value) };
}

/** The row of a step. */
export function explainStep(names: StepNames, code: CodeRow, facts: StepFacts): StepRow {
  const { address, stored, dst } = facts;
  const step = String(facts.step);
  const size = code.size ?? 0;
  return {
    step,
    program: facts.program,
    pc: facts.pc,
    depth: facts.depth,
    function: code.function,
    insn: code.insn,
    ...(code.source === undefined ? {} : { source: code.source }),
    ...(dst === undefined || dst === TAIL_CALL_TARGET ? {} : { dst, value: hex(facts.value) }),
    ...(address === undefined || stored === undefined
      ? {}
      : { mem: { ...placeOf(names.regions, address), size, value: hex(BigInt.asUintN(8 * size, stored)) } }),
    ...(address === undefined ? {} : { at: symbolOf(names.regions, address) }),
    ...callOf(names, code, facts),
    ...(facts.patches.length === 0 ? {} : { patches: facts.patches.map((patch) => patchOf(names, step, patch)) }),
  };
}
