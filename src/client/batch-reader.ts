/** Reads binary step batches (contract/step-batch.ts). A batch is refused as a whole, with the place, when any byte of it does not fit. */

import { BATCH_STEPS, type FrameState } from '../contract/step.ts';
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
import { type PatchFacts, type StepFacts, TAIL_CALL_TARGET } from '../contract/step-facts.ts';
import { BatchError, VarintReader } from './varint-reader.ts';

const PREDICTOR_MASK = (1 << PREDICTOR_BITS) - 1;
const KNOWN_FLAGS = Object.values(STEP_FLAGS).reduce((all, flag) => all | flag, 0);
const MAX_ARGUMENTS = 5;
const MAX_U16 = 0xffff;
const MAX_U32 = 0xffff_ffff;
/** Slots are 24 bits wide in a step record (contract/memory.ts, TRACE). */
const MAX_PC = 0xff_ffff;

export interface BatchHeader {
  /** Of the subscription. */
  readonly handle: number;
  /** Place on the grid: a multiple of BATCH_STEPS. */
  readonly first: number;
  /** Rows. */
  readonly count: number;
  /** The same place follows again, with more rows. */
  readonly partial: boolean;
  /** Only rows of the programs that were asked for. */
  readonly filtered: boolean;
}

export interface Batch extends BatchHeader {
  /** Registers of all frames in front of step `first`, innermost first. */
  readonly keyframe: readonly FrameState[];
  readonly facts: readonly StepFacts[];
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The 16 bytes in front of a batch. @throws BatchError */
export function readBatchHeader(bytes: Uint8Array): BatchHeader {
  if (bytes.length < BATCH_HEADER_BYTES) throw new BatchError(`header: ${bytes.length} bytes are no header`);
  const view = viewOf(bytes);
  const type = view.getUint8(0);
  const version = view.getUint8(1);
  const first = Number(view.getBigUint64(4, true));
  const count = view.getUint16(12, true);
  const flags = view.getUint16(14, true);
  if (type !== BATCH_TYPE) throw new BatchError(`header: type ${type} is not known`);
  if (version !== BATCH_VERSION) throw new BatchError(`header: version ${version} is not known`);
  if (!Number.isSafeInteger(first) || first % BATCH_STEPS !== 0) {
    throw new BatchError(`header: step ${first} is no place of the grid`);
  }
  if (count > BATCH_STEPS) throw new BatchError(`header: ${count} rows are more than ${BATCH_STEPS}`);
  if (flags > (BATCH_FLAGS.PARTIAL | BATCH_FLAGS.FILTERED))
    throw new BatchError(`header: flags ${flags} are not known`);
  return {
    handle: view.getUint16(2, true),
    first,
    count,
    partial: (flags & BATCH_FLAGS.PARTIAL) !== 0,
    filtered: (flags & BATCH_FLAGS.FILTERED) !== 0,
  };
}

/**
 * @param bytes a whole binary frame of the socket
 * @returns the rows as facts; byte arrays in them are views of `bytes`
 * @throws BatchError, which names the column and the byte
 */
export function readBatch(bytes: Uint8Array): Batch {
  return new BatchReader(bytes).read();
}

class BatchReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #header: BatchHeader;
  #at = BATCH_HEADER_BYTES;
  /** The last value of each dst, 8 bytes each. */
  readonly #values = new DataView(new ArrayBuffer(8 * (TAIL_CALL_TARGET + 1)));
  readonly #addresses = new Float64Array(PREDICTOR_MASK + 1);

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#header = readBatchHeader(bytes);
  }

  read(): Batch {
    const keyframe = this.#keyframe();
    const { count } = this.#header;
    const flags = this.#take(count, 'flags');
    const columns = Object.fromEntries(BATCH_COLUMNS.map((name) => [name, this.#column(name)])) as Columns;
    if (this.#at !== this.#bytes.length) {
      throw new BatchError(`byte ${this.#at} of the batch: ${this.#bytes.length - this.#at} bytes are left over`);
    }
    const facts = this.#rows(flags, columns);
    for (const name of BATCH_COLUMNS) columns[name].finish();
    return { ...this.#header, keyframe, facts };
  }

  #take(length: number, what: string): Uint8Array {
    const start = this.#at;
    if (length > this.#bytes.length - start) {
      const left = this.#bytes.length - start;
      throw new BatchError(`${what}, byte ${start} of the batch: ${length} bytes are promised, ${left} are left`);
    }
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  #keyframe(): FrameState[] {
    const [count = 0] = this.#take(1, 'keyframe');
    const start = this.#at;
    this.#take(count * KEYFRAME_FRAME_BYTES, 'keyframe');
    const frames = Array.from({ length: count }, (_, index) => {
      const at = start + index * KEYFRAME_FRAME_BYTES;
      const register = (number: number) => `0x${this.#view.getBigUint64(at + 6 + 8 * number, true).toString(16)}`;
      return {
        program: this.#view.getUint16(at, true),
        function: this.#view.getUint32(at + 2, true),
        registers: Array.from({ length: KEYFRAME_REGISTERS }, (_value, number) => register(number)),
      };
    });
    for (let number = 0; count > 0 && number < KEYFRAME_REGISTERS; number++) {
      const at = this.#at - 8 * (KEYFRAME_REGISTERS - number);
      this.#values.setBigUint64(8 * number, this.#view.getBigUint64(at, true), true);
    }
    return frames.reverse();
  }

  #column(name: keyof Columns): VarintReader {
    this.#take(COLUMN_LENGTH_BYTES, `length of ${name}`);
    const length = this.#view.getUint32(this.#at - COLUMN_LENGTH_BYTES, true);
    this.#take(length, name);
    return new VarintReader(this.#bytes, name, this.#at - length, this.#at);
  }

  #rows(flags: Uint8Array, columns: Columns): StepFacts[] {
    const { first } = this.#header;
    const facts: StepFacts[] = [];
    let step = first - 1;
    let program = 0;
    let depth = 0;
    let pc = -1;
    for (const has of flags) {
      if ((has & ~KNOWN_FLAGS) !== 0) throw new BatchError(`flags: ${has} is not known`);
      step++;
      pc++;
      if ((has & STEP_FLAGS.FRAME) !== 0) {
        const { frame } = columns;
        step += frame.number('rows left out', BATCH_STEPS);
        program = frame.number('a program', MAX_U16);
        depth = frame.number('a depth', MAX_U16);
      }
      if (step >= first + BATCH_STEPS) columns.frame.refuse(`step ${step} is behind the batch`);
      if ((has & STEP_FLAGS.PC) !== 0) pc += columns.pc.signedNumber();
      if (pc < 0 || pc > MAX_PC) columns.pc.refuse(`slot ${pc} is in no program`);
      facts.push(this.#effect(has, columns, step, program, depth, pc));
    }
    return facts;
  }

  #effect(has: number, columns: Columns, step: number, program: number, depth: number, pc: number): StepFacts {
    let dst: number | undefined;
    let value = 0n;
    if ((has & STEP_FLAGS.VALUE) !== 0) {
      dst = columns.dst.byte();
      if (dst > TAIL_CALL_TARGET) columns.dst.refuse(`there is no register ${dst}`);
      value = this.#value(columns.value, 8 * dst);
    }
    return {
      step,
      program,
      pc,
      depth,
      dst,
      value,
      address: (has & STEP_FLAGS.ADDRESS) === 0 ? undefined : this.#address(columns.address, pc),
      stored: (has & STEP_FLAGS.STORED) === 0 ? undefined : wideOf(columns.stored),
      arguments: (has & STEP_FLAGS.ARGUMENTS) === 0 ? undefined : argumentsOf(columns.arguments),
      patches: (has & STEP_FLAGS.PATCHES) === 0 ? NO_PATCHES : patchesOf(columns.patches),
    };
  }

  #value(column: VarintReader, at: number): bigint {
    const values = this.#values;
    column.zigzag();
    const low = values.getUint32(at, true) + column.low;
    values.setUint32(at, low, true);
    values.setUint32(at + 4, values.getUint32(at + 4, true) + column.high + (low > MAX_U32 ? 1 : 0), true);
    return values.getBigUint64(at, true);
  }

  #address(column: VarintReader, pc: number): number {
    const place = pc & PREDICTOR_MASK;
    const address = this.#addresses[place]! + column.signedNumber();
    if (address < 0 || address > MAX_U32) column.refuse(`${address} is no address`);
    this.#addresses[place] = address;
    return address;
  }
}

type Columns = Readonly<Record<(typeof BATCH_COLUMNS)[number], VarintReader>>;

const NO_PATCHES: readonly PatchFacts[] = [];

function wideOf(column: VarintReader): bigint {
  column.varint();
  return column.wide;
}

function argumentsOf(column: VarintReader): bigint[] {
  const count = column.byte();
  if (count > MAX_ARGUMENTS) column.refuse(`${count} arguments are more than ${MAX_ARGUMENTS}`);
  return Array.from({ length: count }, () => wideOf(column));
}

function patchesOf(column: VarintReader): PatchFacts[] {
  const block = () => column.bytes(column.number('a length', MAX_U32));
  const patches: PatchFacts[] = [];
  for (let left = column.number('a number of patches', MAX_U32); left > 0; left--) {
    const kind = column.byte();
    if (kind === PATCH_KINDS.BYTES) patches.push({ address: column.number('an address', MAX_U32), bytes: block() });
    else if (kind === PATCH_KINDS.ELEMENT || kind === PATCH_KINDS.DELETED) {
      const map = column.number('a map', MAX_U16);
      patches.push({ map, key: block(), value: kind === PATCH_KINDS.ELEMENT ? block() : null });
    } else column.refuse(`a patch of kind ${kind} is not known`);
  }
  return patches;
}
