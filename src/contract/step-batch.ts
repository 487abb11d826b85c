/**
 * The binary step batch (waggle-trace.v1). All numbers are little-endian; `varint` is LEB128; `zigzag` is a varint of a signed number
 * folded so that small ones of either sign are short (0, -1, 1, -2, …).
 *
 *   0      1         2        4               12      14      16
 *   +------+---------+--------+---------------+-------+-------+----------+---------+
 *   | type | version | handle | first         | count | flags | keyframe | columns |
 *   | u8   | u8      | u16    | u64           | u16   | u16   |          |         |
 *   +------+---------+--------+---------------+-------+-------+----------+---------+
 *
 * first: the batch's place on the grid of BATCH_STEPS, always a multiple of it. count: rows.
 * keyframe: the state of the registers in front of step `first`: u8 number of frames, then for each frame, outermost first, u16 program, u32 first slot
 * of its function, eleven u64 (r0 to r10).
 * columns: the flags column (one byte a row, STEP_FLAGS), then the columns of BATCH_COLUMNS in that order, each a u32 length in bytes and its bytes. A row
 * has an entry in a column only when its flag is set.
 */

/** First byte of a binary frame. */
export const BATCH_TYPE = 1;
export const BATCH_VERSION = 1;
export const BATCH_HEADER_BYTES = 16;
/** r0 to r10, in each frame of the keyframe. */
export const KEYFRAME_REGISTERS = 11;
/** One frame of the keyframe: program, first slot, registers. */
export const KEYFRAME_FRAME_BYTES = 2 + 4 + 8 * KEYFRAME_REGISTERS;
/** In front of each column but that of the flags. */
export const COLUMN_LENGTH_BYTES = 4;

export const BATCH_FLAGS = {
  /** Not whole yet: the same grid place follows again, with more rows. */
  PARTIAL: 1,
  /** Only the rows of the programs that the client asked for. */
  FILTERED: 2,
} as const;

/** What a row has, by its byte in the flags column. */
export const STEP_FLAGS = {
  /** `pc`: it is not the slot behind the row before. */
  PC: 1,
  /** `frame`: another program or depth, or rows left out in front. */
  FRAME: 2,
  /** `dst` and `value`. */
  VALUE: 4,
  /** `address`. */
  ADDRESS: 8,
  /** `stored`. */
  STORED: 16,
  /** `arguments`. */
  ARGUMENTS: 32,
  /** `patches`. */
  PATCHES: 64,
} as const;

export const BATCH_COLUMNS = [
  /** varint rows left out in front of this one, varint program, varint depth. At a batch's start both are 0, and the row's place is `first`. */
  'frame',
  /** zigzag: pc - (pc of the row before + 1); in front of a batch's first row pc counts as -1. */
  'pc',
  /** u8: register, or TAIL_CALL_TARGET. */
  'dst',
  /** zigzag of 64 bits: value - the last value of the same dst in this batch; at its start that of the keyframe's innermost frame, of TAIL_CALL_TARGET 0. */
  'value',
  /** zigzag: address - the last address at a row whose pc has the same low PREDICTOR_BITS bits; at a batch's start 0. */
  'address',
  /** varint. */
  'stored',
  /** u8 how many, then varints. */
  'arguments',
  /** varint how many; each: u8 0, varint address, varint length, bytes · u8 1, varint map, varint length, key, varint length, value · u8 2, varint map, varint length, key (deleted). */
  'patches',
] as const;

/** First byte of a patch in its column. */
export const PATCH_KINDS = { BYTES: 0, ELEMENT: 1, DELETED: 2 } as const;

export const PREDICTOR_BITS = 6;
