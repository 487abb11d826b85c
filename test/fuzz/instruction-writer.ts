/**
 * What the statements of a generated function are written with: instructions, labels, which registers hold numbers, and accesses inside a
 * window of bytes.
 *
 *   r0 to r5, r8   numbers; which of them are set is tracked
 *   r6             the context, in a function that has one
 *   r7             counter of the loop that is being written
 *   r9             a pointer, while one statement needs it
 *   r10 - 1 … 64   numbers (in some functions only 8 bytes), all set at the start;  - 65 … 72 a key;  - 73 … 96 a map's value
 */

import { ATOMIC_OPERATIONS, type MemorySize, OPCODES, type OpcodeRow } from '../../src/isa/opcodes.ts';
import type { MapSpec } from '../../src/spec/object.ts';
import { type Fields, type Item, instruction } from './program.ts';
import type { Random } from './random.ts';

/** What a function gets in r1 to r5: five numbers, an address of 16 bytes of its caller's frame and numbers, or the context and numbers. */
export type Signature = 'numbers' | 'address' | 'context';

export interface CalledFunction {
  readonly label: number;
  readonly signature: Signature;
}

export interface FunctionSettings {
  readonly random: Random;
  /** Labels are numbered through the whole program. */
  readonly newLabel: () => number;
  readonly signature: Signature;
  /** The program's own: it has the context and nothing else. */
  readonly isEntry: boolean;
  readonly maps: readonly MapSpec[];
  readonly context: ContextOffsets;
  /** The program's type has LD_ABS and LD_IND. */
  readonly packetLoads: boolean;
  readonly callees: readonly CalledFunction[];
  readonly unsafe: boolean;
  /** No helper that answers otherwise the next time, or on another machine. */
  readonly deterministic: boolean;
  /** Statements at the top level. */
  readonly length: number;
}

/** Offsets of 4-byte fields of a program type's context. */
export interface ContextOffsets {
  readonly data: number;
  readonly dataEnd: number;
  readonly readable: readonly number[];
  readonly writable: readonly number[];
}

/** A stretch of bytes that may be accessed: `register` + `low` up to `high`, exclusive. */
export interface Window {
  readonly register: number;
  readonly low: number;
  readonly high: number;
  /** Linux wants accesses there aligned. */
  readonly aligned: boolean;
  readonly writable: boolean;
  /** Linux allows atomic operations there. */
  readonly atomics: boolean;
}

export type Kind<Name extends OpcodeRow['kind']> = Extract<OpcodeRow, { kind: Name }>;

export const rowsOf = <Name extends OpcodeRow['kind']>(kind: Name): readonly Kind<Name>[] =>
  OPCODES.filter((row): row is Kind<Name> => row?.kind === kind);

const LOADS = rowsOf('load');
const STORES = rowsOf('store');
const ATOMICS = rowsOf('atomic');

export const CONTEXT = 6;
export const COUNTER = 7;
export const SAVED_NUMBER = 8;
export const POINTER = 9;
export const FRAME = 10;
export const OPCODE = {
  ADD_IMM: 0x07,
  ADD_REG: 0x0f,
  AND_IMM: 0x57,
  LSH_IMM: 0x67,
  MOV_IMM: 0xb7,
  MOV_REG: 0xbf,
  LOAD_WORD: 0x61,
  STORE_WORD: 0x63,
  STORE_IMM: 0x7a,
  STORE_REG: 0x7b,
  JUMP_EQUAL: 0x15,
  JUMP_NOT_EQUAL: 0x55,
  JUMP_GREATER: 0x2d,
  GOTO: 0x05,
  GOTO_LONG: 0x06,
  CALL: 0x85,
  EXIT: 0x95,
  LDDW: 0x18,
} as const;

export class InstructionWriter {
  readonly items: Item[] = [];
  protected readonly settings: FunctionSettings;
  protected readonly random: Random;
  /** Registers that hold numbers. */
  protected live = new Set<number>();
  protected readonly labels: number[] = [];

  constructor(settings: FunctionSettings) {
    this.settings = settings;
    this.random = settings.random;
  }

  protected emit(opcode: number, fields: Fields = {}): void {
    this.items.push(instruction(opcode, fields));
  }

  protected emitJump(opcode: number, fields: Fields, label: number, field: 'offset' | 'imm' = 'offset'): void {
    this.items.push(instruction(opcode, fields, { label, field }));
  }

  /** The label stands here. */
  protected place(label: number): void {
    this.items.push({ kind: 'label', label });
    this.labels.push(label);
  }

  /** A random constant into the register. */
  protected setNumber(register: number): void {
    if (this.random.chance(40)) {
      this.emit(OPCODE.LDDW, { dst: register, imm: this.random.immediate(), nextImm: this.random.immediate() });
    } else {
      this.emit(this.random.pick([OPCODE.MOV_IMM, 0xb4]), { dst: register, imm: this.random.immediate() });
    }
    this.live.add(register);
  }

  /** A register that holds a number. */
  protected number(): number {
    const live = [...this.live];
    if (live.length === 0) {
      this.setNumber(0);
      return 0;
    }
    return this.random.pick(live);
  }

  /** Registers whose numbers are gone after a call. */
  protected forget(first: number): void {
    for (let register = first; register <= 5; register++) this.live.delete(register);
    if (this.random.chance(50)) this.setNumber(this.random.between(0, 5));
  }

  protected offset(window: Window, size: MemorySize): number {
    const last = window.high - size;
    const offset = this.random.between(window.low, Math.max(last, window.low));
    // `low` of an aligned window is a multiple of 8.
    return window.aligned ? offset - ((((offset - window.low) % size) + size) % size) : offset;
  }

  /** One load, store or atomic operation inside the window. */
  protected access(window: Window): void {
    const { register } = window;
    const room = window.high - window.low;
    const sort = window.writable ? this.random.below(room < 4 || !window.atomics ? 8 : 10) : 0;
    if (sort < 4) {
      const row = this.random.pick(LOADS.filter((one) => one.size <= room));
      const dst = this.random.pick([0, 1, 2, 3, 4, 5, SAVED_NUMBER]);
      this.emit(row.opcode, { dst, src: register, offset: this.offset(window, row.size) });
      this.live.add(dst);
    } else if (sort < 8) {
      const row = this.random.pick(STORES.filter((one) => one.size <= room));
      const value = row.operand === 'imm' ? { imm: this.random.immediate() } : { src: this.number() };
      this.emit(row.opcode, { dst: register, offset: this.offset(window, row.size), ...value });
    } else {
      this.atomic(window, this.random.pick(ATOMICS.filter((one) => one.size <= room)));
    }
  }

  protected atomic(window: Window, row: Kind<'atomic'>): void {
    const atomic = this.random.pick(ATOMIC_OPERATIONS);
    const src = this.number();
    if (atomic.operation === 'cmpxchg' && !this.live.has(0)) this.setNumber(0);
    const aligned = { ...window, aligned: window.aligned || !this.settings.unsafe };
    const offset = this.offset(aligned, row.size);
    this.emit(row.opcode, { dst: window.register, src, offset, imm: atomic.imm });
  }

  /** The address of a byte of the frame into the register. */
  protected address(register: number, offset: number): void {
    this.emit(OPCODE.MOV_REG, { dst: register, src: FRAME });
    this.emit(OPCODE.ADD_IMM, { dst: register, imm: offset });
  }
}
