/** Writes binary step batches (contract/step-batch.ts) straight from the records of the trace ring. */

import { TRACE } from '../contract/memory.ts';
import {
  BATCH_COLUMNS,
  BATCH_FLAGS,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  BATCH_VERSION,
  COLUMN_LENGTH_BYTES,
  KEYFRAME_FRAME_BYTES,
  KEYFRAME_REGISTERS,
  PATCH_KINDS,
  PREDICTOR_BITS,
  STEP_FLAGS,
} from '../contract/step-batch.ts';
import { type PatchFacts, TAIL_CALL_TARGET } from '../contract/step-facts.ts';
import type { GuestMemory } from '../vm/guest-memory.ts';
import type { RegisterFold } from '../vm/steps.ts';
import { Column } from './batch-columns.ts';
import type { StepCode } from './step-code.ts';
import { loadAddress } from './step-reader.ts';

const PREDICTORS = 1 << PREDICTOR_BITS;

export class BatchWriter {
  readonly #memory: GuestMemory;
  readonly #code: StepCode;
  readonly #fold: RegisterFold;
  readonly #flags = new Column();
  readonly #columns = Object.fromEntries(BATCH_COLUMNS.map((name) => [name, new Column()])) as Readonly<
    Record<(typeof BATCH_COLUMNS)[number], Column>
  >;
  #keyframe = new Uint8Array(0);
  /** The last value of each dst, as pairs of words. */
  readonly #values = new Uint32Array(2 * (TAIL_CALL_TARGET + 1));
  readonly #addresses = new Float64Array(PREDICTORS);
  #pc = -1;
  #program = 0;
  #depth = 0;
  #left = 0;
  #count = 0;

  constructor(memory: GuestMemory, code: StepCode, fold: RegisterFold) {
    this.#memory = memory;
    this.#code = code;
    this.#fold = fold;
  }

  /** Rows written since `begin`. */
  get count(): number {
    return this.#count;
  }

  /** Starts a batch in front of the step whose record comes next. */
  begin(): void {
    this.#flags.clear();
    for (const name of BATCH_COLUMNS) this.#columns[name].clear();
    this.#pc = -1;
    this.#program = 0;
    this.#depth = 0;
    this.#left = 0;
    this.#count = 0;
    this.#addresses.fill(0);
    this.#values.fill(0);
    this.#values.set(this.#fold.registers().subarray(0, 2 * KEYFRAME_REGISTERS));
    this.#writeKeyframe();
  }

  #writeKeyframe(): void {
    const frames = this.#fold.frames().toReversed();
    this.#keyframe = new Uint8Array(1 + frames.length * KEYFRAME_FRAME_BYTES);
    const view = new DataView(this.#keyframe.buffer);
    view.setUint8(0, frames.length);
    frames.forEach((frame, index) => {
      const at = 1 + index * KEYFRAME_FRAME_BYTES;
      view.setUint16(at, frame.program, true);
      view.setUint32(at + 2, frame.function, true);
      frame.registers.forEach((value, register) => {
        view.setBigUint64(at + 6 + 8 * register, value, true);
      });
    });
  }

  /** The next step is not wanted. */
  leaveOut(): void {
    this.#left++;
  }

  /** The record at an address; `registers` are those in front of it. */
  add(at: number, registers: Uint32Array, patches: readonly PatchFacts[]): void {
    const { words } = this.#memory;
    const columns = this.#columns;
    const word = at >>> 2;
    const head = words[word]!;
    const pc = head & TRACE.PC_MASK;
    const place = words[word + 1]!;
    const program = place & 0xffff;
    const depth = place >>> 16;
    let flags = 0;
    if (pc !== this.#pc + 1) {
      flags |= STEP_FLAGS.PC;
      columns.pc.zigzagNumber(pc - this.#pc - 1);
    }
    if (program !== this.#program || depth !== this.#depth || this.#left > 0) {
      flags |= STEP_FLAGS.FRAME;
      columns.frame.varint(this.#left, 0);
      columns.frame.varint(program, 0);
      columns.frame.varint(depth, 0);
    }
    if (head <= TRACE.PC_MASK) flags |= this.#effect(word, program, pc, registers);
    if (patches.length > 0) {
      flags |= STEP_FLAGS.PATCHES;
      this.#patches(patches);
    }
    this.#flags.byte(flags);
    this.#pc = pc;
    this.#program = program;
    this.#depth = depth;
    this.#left = 0;
    this.#count++;
  }

  #effect(word: number, program: number, pc: number, registers: Uint32Array): number {
    const { words } = this.#memory;
    const shape = this.#code.shape(program, pc);
    let flags = 0;
    if (shape.dst !== undefined) {
      const low = words[word + TRACE.VALUE / 4]!;
      const high = words[word + TRACE.VALUE / 4 + 1]!;
      if (shape.packetLoad && high !== 0) this.#value(shape.dst, 0, 0);
      else this.#value(shape.dst, low, high);
      flags |= STEP_FLAGS.VALUE;
    }
    if (shape.load !== undefined) flags |= this.#address(pc, loadAddress(registers, shape.load));
    else if (shape.writes) {
      const address = words[word + TRACE.ADDRESS / 4]!;
      flags |= this.#address(pc, address);
      if (address !== 0) {
        this.#columns.stored.varint(words[word + TRACE.STORED / 4]!, words[word + TRACE.STORED / 4 + 1]!);
        flags |= STEP_FLAGS.STORED;
      }
    }
    if (shape.arguments >= 0) {
      const column = this.#columns.arguments;
      column.byte(shape.arguments);
      for (let index = 1; index <= shape.arguments; index++) {
        column.varint(registers[2 * index]!, registers[2 * index + 1]!);
      }
      flags |= STEP_FLAGS.ARGUMENTS;
    }
    return flags;
  }

  #value(dst: number, low: number, high: number): void {
    const values = this.#values;
    const before = values[2 * dst]!;
    const borrow = low < before ? 1 : 0;
    this.#columns.dst.byte(dst);
    this.#columns.value.zigzag((low - before) | 0, (high - values[2 * dst + 1]! - borrow) | 0);
    values[2 * dst] = low;
    values[2 * dst + 1] = high;
  }

  #address(pc: number, address: number): number {
    if (address === 0) return 0;
    const place = pc & (PREDICTORS - 1);
    this.#columns.address.zigzagNumber(address - this.#addresses[place]!);
    this.#addresses[place] = address;
    return STEP_FLAGS.ADDRESS;
  }

  #patches(patches: readonly PatchFacts[]): void {
    const column = this.#columns.patches;
    const block = (bytes: Uint8Array) => {
      column.varint(bytes.length, 0);
      column.bytes(bytes);
    };
    column.varint(patches.length, 0);
    for (const patch of patches) {
      if ('address' in patch) {
        column.byte(PATCH_KINDS.BYTES);
        column.varint(patch.address, 0);
        block(patch.bytes);
      } else {
        column.byte(patch.value === null ? PATCH_KINDS.DELETED : PATCH_KINDS.ELEMENT);
        column.varint(patch.map, 0);
        block(patch.key);
        if (patch.value !== null) block(patch.value);
      }
    }
  }

  /** The batch so far, as a frame of the socket. */
  frame(handle: number, first: number, partial: boolean, filtered: boolean): Uint8Array<ArrayBuffer> {
    const columns = BATCH_COLUMNS.map((name) => this.#columns[name]);
    const start = BATCH_HEADER_BYTES + this.#keyframe.length;
    const size = columns.reduce((sum, column) => sum + COLUMN_LENGTH_BYTES + column.length, start + this.#flags.length);
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    view.setUint8(0, BATCH_TYPE);
    view.setUint8(1, BATCH_VERSION);
    view.setUint16(2, handle, true);
    view.setBigUint64(4, BigInt(first), true);
    view.setUint16(12, this.#count, true);
    view.setUint16(14, (partial ? BATCH_FLAGS.PARTIAL : 0) | (filtered ? BATCH_FLAGS.FILTERED : 0), true);
    bytes.set(this.#keyframe, BATCH_HEADER_BYTES);
    this.#flags.copyTo(bytes, start);
    let at = start + this.#flags.length;
    for (const column of columns) {
      view.setUint32(at, column.length, true);
      column.copyTo(bytes, at + COLUMN_LENGTH_BYTES);
      at += COLUMN_LENGTH_BYTES + column.length;
    }
    return bytes;
  }
}
