/** What is known of a run's instructions before a step executes them: for explaining (CodeRow) and for reading records (StepShape). */

import { isLocalCall } from '../cfg/functions.ts';
import type { Region } from '../contract/place.ts';
import { type CodeRow, type ShownAs, type StepNames, TAIL_CALL_TARGET } from '../contract/step-facts.ts';
import { CODE_PAGE_SLOTS } from '../contract/task.ts';
import { disassemble } from '../isa/disassemble.ts';
import type { Instruction } from '../isa/instruction.ts';
import { CALL_SOURCE, OPCODES } from '../isa/opcodes.ts';
import { HELPER } from '../spec/helper-numbers.ts';
import { type ArgumentKind, HELPERS, type ReturnKind } from '../spec/helpers.ts';
import { writtenRegister } from '../vm/written-register.ts';
import type { ReadRun } from './load.ts';
import { disassemblyNames } from './names.ts';
import { sourceAt } from './source.ts';

const FRAME_POINTER = 10;
const RESULT = 0;

/** How a record of the instruction is read. */
export interface StepShape {
  /** Register or TAIL_CALL_TARGET that the record's value is for; undefined: the value means nothing. */
  readonly dst: number | undefined;
  /** A load of memory: its address is `base` + `offset`. */
  readonly load: { readonly base: number; readonly offset: number } | undefined;
  /** A store or an atomic operation: the record has its address and bytes. */
  readonly writes: boolean;
  /** Registers that a helper takes, from r1 on; -1: no helper's call. */
  readonly arguments: number;
  /** LD_ABS or LD_IND: a value beyond 32 bits means that it was out of range, and 0 was returned. */
  readonly packetLoad: boolean;
}

const ARGUMENTS_SHOWN: Readonly<Record<ArgumentKind, ShownAs>> = {
  const_map_ptr: 'map',
  map_key: 'address',
  map_value: 'address',
  mem: 'address',
  ctx: 'address',
  mem_size: 'number',
  anything: 'number',
  none: 'nothing',
};

const RESULTS_SHOWN: Readonly<Record<ReturnKind, ShownAs>> = {
  integer: 'number',
  void: 'nothing',
  map_value_or_null: 'address',
};

function helperOf(instruction: Instruction): NonNullable<CodeRow['helper']> | undefined {
  const isCall = OPCODES[instruction.opcode]?.kind === 'call' && instruction.src === CALL_SOURCE.HELPER;
  const row = isCall ? HELPERS[instruction.imm] : undefined;
  if (row?.prototype === undefined) return undefined;
  const { returns } = row.prototype;
  const kinds = row.prototype.arguments.filter((kind) => kind !== 'none');
  return {
    name: `bpf_${row.name}`,
    arguments: kinds.map((kind) => ARGUMENTS_SHOWN[kind]),
    result: RESULTS_SHOWN[returns],
  };
}

function shapeOf(instruction: Instruction): StepShape {
  const row = OPCODES[instruction.opcode];
  const helper = helperOf(instruction);
  const isTailCall = helper !== undefined && instruction.imm === HELPER.tail_call;
  const control = isLocalCall(instruction) ? FRAME_POINTER : row?.kind === 'exit' ? RESULT : undefined;
  return {
    dst: isTailCall ? TAIL_CALL_TARGET : (writtenRegister(instruction) ?? control),
    load: row?.kind === 'load' ? { base: instruction.src, offset: instruction.offset } : undefined,
    writes: row?.kind === 'store' || row?.kind === 'atomic',
    arguments: helper === undefined ? -1 : helper.arguments.length,
    packetLoad: row?.kind === 'load_packet',
  };
}

function sizeOf(instruction: Instruction): number | undefined {
  const row = OPCODES[instruction.opcode];
  return row !== undefined && 'size' in row && row.kind !== 'load_packet' ? row.size : undefined;
}

/** What of a run the code of its programs is described from. */
export type CodeSource = Pick<ReadRun, 'programs' | 'instructions' | 'maps'>;

export class StepCode {
  readonly names: StepNames;
  /** By program number, then by slot. */
  readonly shapes: readonly (readonly (StepShape | undefined)[])[];
  readonly #run: CodeSource;
  readonly #instructions: readonly (readonly (Instruction | undefined)[])[];
  readonly #rows: (CodeRow | undefined)[][];

  constructor(run: CodeSource, regions: readonly Region[]) {
    this.#run = run;
    this.names = {
      programs: run.programs.map((program) => program.name),
      maps: run.maps.map((map) => map.name),
      regions,
    };
    this.#instructions = run.instructions.map((list) => {
      const bySlot: Instruction[] = [];
      for (const instruction of list) bySlot[instruction.pc] = instruction;
      return bySlot;
    });
    this.shapes = run.instructions.map((list) => {
      const bySlot: StepShape[] = [];
      for (const instruction of list) bySlot[instruction.pc] = shapeOf(instruction);
      return bySlot;
    });
    this.#rows = run.programs.map(() => []);
  }

  /** The shape of the instruction at a slot that a record names. */
  shape(program: number, pc: number): StepShape {
    const shape = this.shapes[program]?.[pc];
    if (shape === undefined) throw new Error(`no instruction at ${program}:${pc}`);
    return shape;
  }

  row(program: number, pc: number): CodeRow {
    const known = this.#rows[program]?.[pc];
    if (known !== undefined) return known;
    const row = this.#describe(program, pc);
    this.#rows[program]![pc] = row;
    return row;
  }

  /** The rows of one page of slots. */
  page(program: number, page: number): CodeRow[] {
    const rows: CodeRow[] = [];
    const end = Math.min((page + 1) * CODE_PAGE_SLOTS, this.#instructions[program]?.length ?? 0);
    for (let pc = page * CODE_PAGE_SLOTS; pc < end; pc++) {
      if (this.#instructions[program]?.[pc] !== undefined) rows.push(this.row(program, pc));
    }
    return rows;
  }

  #describe(program: number, pc: number): CodeRow {
    const instruction = this.#instructions[program]?.[pc];
    const spec = this.#run.programs[program];
    if (instruction === undefined || spec === undefined) throw new Error(`no instruction at ${program}:${pc}`);
    const source = sourceAt(spec, pc);
    const size = sizeOf(instruction);
    const helper = helperOf(instruction);
    return {
      pc,
      insn: disassemble(instruction, disassemblyNames(this.#run.maps)),
      function: spec.functions.findLast((one) => one.pc <= pc)?.name ?? spec.name,
      ...(source === undefined ? {} : { source }),
      ...(size === undefined ? {} : { size }),
      ...(helper === undefined ? {} : { helper }),
    };
  }
}
