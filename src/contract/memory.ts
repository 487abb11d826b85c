/**
 * Offsets inside a VM's shared linear memory that more than one party knows: the translated code, the engine around it, and (for slots of
 * prog arrays) the API thread. A guest address IS an offset in this memory; page 0 and everything up to STACK_REGION is closed to guests.
 *
 *   0x0000_0000  page 0: CELL, one word for each thing that code and engine share       never guest-accessible (null_deref)
 *   0x0001_0000  MAP_DESCRIPTOR, 64 bytes a map; its address is the map's handle in a register
 *   0x0002_0000  CHAIN: rows of tail calls, the first 2,048 and a ring of the last 2,048
 *   0x0004_0000  STACK: grows down from STACK_BASE; between two frames lies a red zone
 *   0x0007_0000  context, packet, map elements, prog-array slots: placed one after another with closed gaps
 *   0x1fff_8000  closed, and zero for ever
 *   0x2000_0000  SHADOW: byte a + SHADOW_OFFSET holds the permission bits of guest byte a
 *   0x4000_0000  one spare page, so that the shadow of an access near the end can be read; zero for ever
 */

/** Guest addresses are below this; the permission byte of address a lies at a + SHADOW_OFFSET. */
export const SHADOW_OFFSET = 0x2000_0000;
export const WASM_PAGE_BYTES = 65_536;
export const MEMORY_PAGES = (2 * SHADOW_OFFSET) / WASM_PAGE_BYTES + 1;

/**
 * The last bytes of the guest's addresses are never placed and stay zero: the translator reads the shadow of `base - offset` for a small base
 * there, and must find no permission.
 */
const CLOSED_END_BYTES = 0x8000;

/** An address below this is a null dereference. */
export const FIRST_GUEST_PAGE = 0x1_0000;

/** Bits of a shadow byte. */
export const PERMISSION = { NONE: 0, READ: 1, WRITE: 2, READ_WRITE: 3 } as const;

/** Words in page 0. */
export const CELL = {
  /** i32: instructions left of the slice handed out last; may be negative. */
  FUEL: 0x100,
  /** i64: instructions handed out so far. Executed = HANDED - FUEL. */
  HANDED: 0x108,
  /** i32: tail calls taken in this invocation, and the limit past which one fails (kernel: tail_call_cnt, MAX_TAIL_CALL_CNT). */
  TAIL_CALLS: 0x110,
  TAIL_CALL_LIMIT: 0x114,
  /** i32: tail calls taken in the whole run, and the number at which the run's budget ends it. */
  TAIL_CALLS_TOTAL: 0x118,
  TAIL_CALL_BUDGET: 0x11c,
  /** i32 each. */
  MISS_INDEX: 0x120,
  MISS_EMPTY: 0x124,
  MISS_LIMIT: 0x128,
  /** i32: rows written to CHAIN, also those that the ring has dropped. */
  CHAIN_ROWS: 0x12c,
  /** i64: what ktime_get_ns answers at instruction 0. */
  CLOCK_BASE: 0x130,
  /** i64: state of get_prandom_u32. */
  RANDOM: 0x138,
  /** i64: guest address of the context. */
  CONTEXT: 0x140,
  /** i64: length of the packet, r2 of a raw program. */
  RAW_LENGTH: 0x148,
  /** i32: table index of the tail call under way, read by the resolver stub. */
  TARGET: 0x150,
  /** i32: program number and slot of the exit that ended the last program. */
  LAST_PROGRAM: 0x154,
  LAST_PC: 0x158,
  /** i32: processor id. */
  CPU: 0x15c,
  /** Five i64: r1 to r5 of a helper that runs outside. */
  ARGUMENTS: 0x160,
  /** i64: r0 of a helper, and of the whole run. */
  RESULT: 0x188,
  /** Trace flag only. i32: address of the next step record, the address at which records must be drained, frames of calls in use. */
  TRACE_RECORD: 0x190,
  TRACE_END: 0x194,
  TRACE_DEPTH: 0x198,
  /** i32 each: addresses that LD_ABS and LD_IND count from, and the packet's end; all 0 where there are no such loads. */
  PACKET_START: 0x1a0,
  PACKET_LINK: 0x1a4,
  PACKET_NETWORK: 0x1a8,
  PACKET_END: 0x1ac,
  /** 256 i32: calls by helper number. */
  HELPER_CALLS: 0x400,
} as const;

/** Helpers have numbers below this in CELL.HELPER_CALLS. */
export const MAX_HELPER_NUMBER = 256;

/** One past the last cell. */
export const CELLS_END = CELL.HELPER_CALLS + 4 * MAX_HELPER_NUMBER;

export const MAP_DESCRIPTOR = {
  BASE: 0x1_0000,
  BYTES: 64,
  COUNT: 1024,
  /** u32: BPF_MAP_TYPE_*. */
  TYPE: 0,
  MAX_ENTRIES: 4,
  KEY_SIZE: 8,
  VALUE_SIZE: 12,
  /** Address of element 0, or of slot 0 of a prog array (u32 a slot: program number + 1, 0 is empty). */
  DATA: 16,
  /** Bytes from one element to the next. */
  STRIDE: 20,
  /** i32, prog array: even, plus 2 for each completed change; odd while one is under way. */
  GENERATION: 24,
  /** i32, prog array: the generation that the last hop read. */
  GENERATION_SEEN: 28,
  /** Hash: address of the bucket heads, mask, first free element, number of elements, elements ever used, the spare element. */
  BUCKETS: 32,
  BUCKET_MASK: 36,
  FREE: 40,
  ELEMENTS: 44,
  USED: 48,
  SPARE: 52,
} as const;

/**
 * One row of the chain.
 *
 *   0        8     12      16          20     22   24    26  27    28      32
 *   +--------+-----+-------+-----------+------+----+-----+---+-----+-------+
 *   |  step  | pc  | index | generation| from | to | map | - | miss| depth |
 *   |  u64   | u32 |  u32  |    u32    | u16  | u16| u16 |   | u8  |  u32  |
 *   +--------+-----+-------+-----------+------+----+-----+---+-----+-------+
 */
export const CHAIN = {
  BASE: 0x2_0000,
  ROW_BYTES: 32,
  /** So many rows are kept from the start of a run, and as many from its end. */
  KEPT: 2048,
  STEP: 0,
  PC: 8,
  INDEX: 12,
  GENERATION: 16,
  FROM: 20,
  TO: 22,
  MAP: 24,
  MISS: 27,
  DEPTH: 28,
} as const;

/**
 * One step record, written only by code that was translated with the trace flag. What the instruction is, is known from program and pc.
 *
 *   0     24    32       48     64        128            160  192       256 bits
 *   +-----+-----+--------+------+---------+--------------+----+---------+
 *   | pc  | cut |program | depth|  value  |   address    | -  | stored  |
 *   | u24 | u8  |  u16   | u16  |   u64   |     u32      |    |   u64   |
 *   +-----+-----+--------+------+---------+--------------+----+---------+
 *
 * cut: 1 when the run ended in the middle of the instruction, by a fault or a budget: then it had no effect, and what follows means nothing.
 * value: of the register that the instruction wrote; of a tail call, the table index of its target, 0 when it failed; of a call of a
 * function, the callee's r10; of an exit, r0.
 * address, stored: of a write to memory, where, and the bytes there afterwards.
 */
export const TRACE = {
  RECORD_BYTES: 32,
  /** Records between two drains at most. */
  RECORDS: 4096,
  HEAD: 0,
  /** Of the head's first word; the bits above it are `cut`. */
  PC_MASK: 0xff_ffff,
  CUT: 3,
  VALUE: 8,
  ADDRESS: 16,
  STORED: 24,
  PROGRAM_SHIFT: 32,
  DEPTH_SHIFT: 48,
} as const;

/** Values of a chain row's miss byte. */
export const MISS = { taken: 0, index: 1, empty: 2, limit: 3 } as const;

export const STACK = {
  /** Lowest address of the region. */
  LIMIT: 0x4_0000,
  /** r10 of the entry program. */
  BASE: 0x6_ff00,
  /** A program's frame is at most this large, and so are all frames of its calls together (kernel: MAX_BPF_STACK). */
  MAX_BYTES: 512,
  /** Closed bytes between two frames, so that an access past a frame's end is a fault. */
  RED_ZONE: 64,
} as const;

/** The first byte that the layout may place something at, and one past the last. */
export const DATA_REGION = 0x7_0000;
export const DATA_END = SHADOW_OFFSET - CLOSED_END_BYTES;
