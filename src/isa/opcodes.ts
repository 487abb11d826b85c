/**
 * The eBPF instruction set as one table (RFC 9669 §4 and §5): one row per opcode byte.
 *
 *   arithmetic, jump            load, store
 *   +-------+---+-----+         +------+----+-----+
 *   | code  | s |class|         | mode | sz |class|
 *   | 4 bits| 1 |  3  |         |  3   | 2  |  3  |
 *   +-------+---+-----+         +------+----+-----+
 *
 * What an opcode byte does not tell stands in other fields and is a variant of its row: `offset` selects sdiv, smod and movsx
 * (`signedOffsets`), `imm` selects the atomic operation (ATOMIC_OPERATIONS) and the width of a byte swap.
 */

export type AluOperation =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'or'
  | 'and'
  | 'lsh'
  | 'rsh'
  | 'neg'
  | 'mod'
  | 'xor'
  | 'mov'
  | 'arsh';

export type Comparison = 'jeq' | 'jgt' | 'jge' | 'jset' | 'jne' | 'jsgt' | 'jsge' | 'jlt' | 'jle' | 'jslt' | 'jsle';

export type MemorySize = 1 | 2 | 4 | 8;
export type Operand = 'imm' | 'reg';

export type OpcodeRow = { readonly opcode: number } & (
  | {
      readonly kind: 'alu';
      readonly width: 32 | 64;
      readonly operation: AluOperation;
      readonly operand: Operand;
      /** Values that `offset` may have beside 0: 1 makes div and mod signed; 8, 16, 32 make mov sign-extend from so many bits. */
      readonly signedOffsets: readonly number[];
    }
  /** `le`: to little-endian (truncates here), `be`: to big-endian, `swap`: unconditional; imm is the width 16, 32 or 64. */
  | { readonly kind: 'endian'; readonly operation: 'le' | 'be' | 'swap' }
  /** `goto` takes `offset`, `gotol` takes `imm`. */
  | { readonly kind: 'goto'; readonly long: boolean }
  | { readonly kind: 'jump'; readonly width: 32 | 64; readonly comparison: Comparison; readonly operand: Operand }
  /** src: 0 helper, 1 function of the program (BPF_PSEUDO_CALL), 2 kfunc. */
  | { readonly kind: 'call' }
  | { readonly kind: 'exit' }
  | { readonly kind: 'load'; readonly size: MemorySize; readonly signed: boolean }
  | { readonly kind: 'store'; readonly size: MemorySize; readonly operand: Operand }
  | { readonly kind: 'atomic'; readonly size: 4 | 8 }
  /** Two slots. src: 0 plain, 1 map by fd, 2 map value by fd, 3 variable address, 4 code address, 5 map by index, 6 map value by index. */
  | { readonly kind: 'load_imm64' }
  /** Packet access of the classic BPF: LD_ABS (immediate offset), LD_IND (source register + immediate). */
  | { readonly kind: 'load_packet'; readonly size: 1 | 2 | 4; readonly indirect: boolean }
);

const NONE: readonly number[] = [];
const SIGNED: readonly number[] = [1];

function alu(
  base: number,
  operation: AluOperation,
  signed32: readonly number[] = NONE,
  signed64: readonly number[] = signed32,
): OpcodeRow[] {
  return [
    {
      opcode: base | 0x04,
      kind: 'alu',
      width: 32,
      operation,
      operand: 'imm',
      signedOffsets: operation === 'mov' ? NONE : signed32,
    },
    { opcode: base | 0x0c, kind: 'alu', width: 32, operation, operand: 'reg', signedOffsets: signed32 },
    {
      opcode: base | 0x07,
      kind: 'alu',
      width: 64,
      operation,
      operand: 'imm',
      signedOffsets: operation === 'mov' ? NONE : signed64,
    },
    { opcode: base | 0x0f, kind: 'alu', width: 64, operation, operand: 'reg', signedOffsets: signed64 },
  ];
}

function jump(base: number, comparison: Comparison): OpcodeRow[] {
  return [
    { opcode: base | 0x05, kind: 'jump', width: 64, comparison, operand: 'imm' },
    { opcode: base | 0x0d, kind: 'jump', width: 64, comparison, operand: 'reg' },
    { opcode: base | 0x06, kind: 'jump', width: 32, comparison, operand: 'imm' },
    { opcode: base | 0x0e, kind: 'jump', width: 32, comparison, operand: 'reg' },
  ];
}

const ROWS: readonly OpcodeRow[] = [
  ...alu(0x00, 'add'),
  ...alu(0x10, 'sub'),
  ...alu(0x20, 'mul'),
  ...alu(0x30, 'div', SIGNED),
  ...alu(0x40, 'or'),
  ...alu(0x50, 'and'),
  ...alu(0x60, 'lsh'),
  ...alu(0x70, 'rsh'),
  { opcode: 0x84, kind: 'alu', width: 32, operation: 'neg', operand: 'imm', signedOffsets: NONE },
  { opcode: 0x87, kind: 'alu', width: 64, operation: 'neg', operand: 'imm', signedOffsets: NONE },
  ...alu(0x90, 'mod', SIGNED),
  ...alu(0xa0, 'xor'),
  ...alu(0xb0, 'mov', [8, 16], [8, 16, 32]),
  ...alu(0xc0, 'arsh'),
  { opcode: 0xd4, kind: 'endian', operation: 'le' },
  { opcode: 0xdc, kind: 'endian', operation: 'be' },
  { opcode: 0xd7, kind: 'endian', operation: 'swap' },

  { opcode: 0x05, kind: 'goto', long: false },
  { opcode: 0x06, kind: 'goto', long: true },
  ...jump(0x10, 'jeq'),
  ...jump(0x20, 'jgt'),
  ...jump(0x30, 'jge'),
  ...jump(0x40, 'jset'),
  ...jump(0x50, 'jne'),
  ...jump(0x60, 'jsgt'),
  ...jump(0x70, 'jsge'),
  { opcode: 0x85, kind: 'call' },
  { opcode: 0x95, kind: 'exit' },
  ...jump(0xa0, 'jlt'),
  ...jump(0xb0, 'jle'),
  ...jump(0xc0, 'jslt'),
  ...jump(0xd0, 'jsle'),

  { opcode: 0x18, kind: 'load_imm64' },
  { opcode: 0x20, kind: 'load_packet', size: 4, indirect: false },
  { opcode: 0x28, kind: 'load_packet', size: 2, indirect: false },
  { opcode: 0x30, kind: 'load_packet', size: 1, indirect: false },
  { opcode: 0x40, kind: 'load_packet', size: 4, indirect: true },
  { opcode: 0x48, kind: 'load_packet', size: 2, indirect: true },
  { opcode: 0x50, kind: 'load_packet', size: 1, indirect: true },
  { opcode: 0x61, kind: 'load', size: 4, signed: false },
  { opcode: 0x69, kind: 'load', size: 2, signed: false },
  { opcode: 0x71, kind: 'load', size: 1, signed: false },
  { opcode: 0x79, kind: 'load', size: 8, signed: false },
  { opcode: 0x81, kind: 'load', size: 4, signed: true },
  { opcode: 0x89, kind: 'load', size: 2, signed: true },
  { opcode: 0x91, kind: 'load', size: 1, signed: true },
  { opcode: 0x62, kind: 'store', size: 4, operand: 'imm' },
  { opcode: 0x6a, kind: 'store', size: 2, operand: 'imm' },
  { opcode: 0x72, kind: 'store', size: 1, operand: 'imm' },
  { opcode: 0x7a, kind: 'store', size: 8, operand: 'imm' },
  { opcode: 0x63, kind: 'store', size: 4, operand: 'reg' },
  { opcode: 0x6b, kind: 'store', size: 2, operand: 'reg' },
  { opcode: 0x73, kind: 'store', size: 1, operand: 'reg' },
  { opcode: 0x7b, kind: 'store', size: 8, operand: 'reg' },
  { opcode: 0xc3, kind: 'atomic', size: 4 },
  { opcode: 0xdb, kind: 'atomic', size: 8 },
];

/** Rows by opcode byte; undefined where RFC 9669 defines nothing. */
export const OPCODES: readonly (OpcodeRow | undefined)[] = Array.from({ length: 256 }, (_, opcode) =>
  ROWS.find((row) => row.opcode === opcode),
);

export type AtomicOperation = 'add' | 'or' | 'and' | 'xor' | 'xchg' | 'cmpxchg';

interface AtomicRow {
  readonly imm: number;
  readonly operation: AtomicOperation;
  /** The old value comes back: in src, for cmpxchg in r0. */
  readonly fetch: boolean;
}

/** Atomic operations by `imm` (RFC 9669 §5.3). */
export const ATOMIC_OPERATIONS: readonly AtomicRow[] = [
  { imm: 0x00, operation: 'add', fetch: false },
  { imm: 0x01, operation: 'add', fetch: true },
  { imm: 0x40, operation: 'or', fetch: false },
  { imm: 0x41, operation: 'or', fetch: true },
  { imm: 0x50, operation: 'and', fetch: false },
  { imm: 0x51, operation: 'and', fetch: true },
  { imm: 0xa0, operation: 'xor', fetch: false },
  { imm: 0xa1, operation: 'xor', fetch: true },
  { imm: 0xe1, operation: 'xchg', fetch: true },
  { imm: 0xf1, operation: 'cmpxchg', fetch: true },
];

/**
 * Values of `imm` by which Linux extends the atomic class (BPF_LOAD_ACQ and BPF_STORE_REL, since 6.15). RFC 9669 does not have
 * them; they exist in all four sizes, so also with the opcodes 0xcb (2 bytes) and 0xd3 (1 byte), which have no row above.
 */
export const ORDERED_ACCESS = { LOAD_ACQUIRE: 0x100, STORE_RELEASE: 0x110 } as const;

/** Opcode bytes with a name, because other rooms build or test for them. */
export const OPCODE = { CALL: 0x85, EXIT: 0x95, LOAD_IMM64: 0x18, GOTO: 0x05, GOTO_LONG: 0x06 } as const;

/** Source-register values of `call` (uapi BPF_PSEUDO_*). */
export const CALL_SOURCE = { HELPER: 0, FUNCTION: 1, KFUNC: 2 } as const;

/** Source-register values of `lddw` (RFC 9669 §5.4, uapi BPF_PSEUDO_*). */
export const LOAD_SOURCE = {
  IMMEDIATE: 0,
  MAP: 1,
  MAP_VALUE: 2,
  VARIABLE: 3,
  FUNCTION: 4,
  MAP_INDEX: 5,
  MAP_VALUE_INDEX: 6,
} as const;
