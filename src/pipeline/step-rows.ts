/** Step rows from records and patches: the disassembled instruction, the register or memory it wrote, and what a helper did beyond that. */

import { isLocalCall } from '../cfg/functions.ts';
import { STACK, TRACE } from '../contract/memory.ts';
import type { Patch, Place, StepRow } from '../contract/step.ts';
import type { Instruction } from '../isa/instruction.ts';
import { OPCODES } from '../isa/opcodes.ts';
import type { GuestMemory } from '../vm/guest-memory.ts';
import { readRecord, type StepRecord } from '../vm/steps.ts';
import type { StepPatch } from '../vm/trace-ring.ts';
import { writtenRegister } from '../vm/written-register.ts';
import { instructionText } from './fault.ts';
import type { ReadRun } from './load.ts';

const FRAME_POINTER = 10;
const MAX_U32 = 0xffff_ffffn;

/** The place of a guest address. */
export function placeOf(memory: GuestMemory, address: number): Place {
  if (address >= STACK.LIMIT && address < STACK.BASE) return { region: 'stack', offset: address - STACK.BASE };
  const region = memory.regionNear(address);
  return { region: region?.name ?? 'memory', offset: address - (region?.start ?? 0) };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Collects the rows of a window of steps while a replay goes on. */
export class StepRows {
  readonly rows: StepRow[] = [];
  readonly #run: ReadRun;
  readonly #memory: () => GuestMemory;
  readonly #from: number;
  readonly #instructions: readonly (readonly Instruction[])[];
  readonly #patches = new Map<number, Patch[]>();

  constructor(run: ReadRun, memory: () => GuestMemory, from: number) {
    this.#run = run;
    this.#memory = memory;
    this.#from = from;
    this.#instructions = run.instructions.map((list) => {
      const byPc: Instruction[] = [];
      for (const instruction of list) byPc[instruction.pc] = instruction;
      return byPc;
    });
  }

  records(first: number, address: number, count: number): void {
    const memory = this.#memory();
    for (let index = Math.max(0, this.#from - first); index < count; index++) {
      this.#add(memory, first + index, readRecord(memory, address + index * TRACE.RECORD_BYTES));
    }
  }

  #add(memory: GuestMemory, step: number, record: StepRecord): void {
    const instruction = this.#instructions[record.program]?.[record.pc];
    if (instruction === undefined) throw new Error(`step ${step}: no instruction at ${record.program}:${record.pc}`);
    const patches = this.#patches.get(step);
    this.#patches.delete(step);
    this.rows.push({
      step: String(step),
      program: record.program,
      pc: record.pc,
      depth: record.depth,
      insn: instructionText(this.#run, record.program, record.pc),
      ...(record.cut ? {} : { ...registerOf(instruction, record), ...memoryOf(memory, instruction, record) }),
      ...(patches === undefined ? {} : { patches }),
    });
  }

  patch(patch: StepPatch): void {
    const step = Math.max(patch.step, 0);
    if (step < this.#from) return;
    const list = this.#patches.get(step) ?? [];
    this.#patches.set(step, list);
    list.push(this.#readable(patch, String(step)));
  }

  #readable(patch: StepPatch, step: string): Patch {
    if ('address' in patch) return { step, ...placeOf(this.#memory(), patch.address), bytes: hex(patch.bytes) };
    const map = this.#run.maps[patch.map]?.name ?? '';
    const key = hex(patch.key);
    return patch.value === null ? { step, map, key, deleted: true } : { step, map, key, value: hex(patch.value) };
  }
}

function registerOf(instruction: Instruction, record: StepRecord): Pick<StepRow, 'dst' | 'value'> {
  // A packet load out of range is recorded as what is no 32-bit value; it returns 0 from its function.
  const outOfRange = OPCODES[instruction.opcode]?.kind === 'load_packet' && record.value > MAX_U32;
  const value = outOfRange ? '0x0' : `0x${record.value.toString(16)}`;
  const register = writtenRegister(instruction);
  if (register !== undefined) return { dst: register, value };
  if (isLocalCall(instruction)) return { dst: FRAME_POINTER, value };
  const isExit = OPCODES[instruction.opcode]?.kind === 'exit';
  return isExit ? { dst: 0, value } : {};
}

function memoryOf(memory: GuestMemory, instruction: Instruction, record: StepRecord): Pick<StepRow, 'mem'> {
  const row = OPCODES[instruction.opcode];
  if ((row?.kind !== 'store' && row?.kind !== 'atomic') || record.address === 0) return {};
  const value = `0x${BigInt.asUintN(8 * row.size, record.stored).toString(16)}`;
  return { mem: { ...placeOf(memory, record.address), size: row.size, value } };
}
