import { ATOMIC_OPERATIONS, OPCODES } from '../opcodes.ts';
import { ALU_SYMBOLS, ATOMIC_SYMBOLS, COMPARISON_SYMBOLS } from '../syntax.ts';

/** The opcode table turned round: from the text's words to the fields they set. */

export interface OperatorForm {
  readonly opcode: number;
  /** 1 makes division and modulo signed. */
  readonly offset: number;
}

/** Arithmetic by `symbol width operand`, as `s/= 64 reg`. */
export const ARITHMETIC_FORMS: ReadonlyMap<string, OperatorForm> = new Map(
  OPCODES.flatMap((row): [string, OperatorForm][] => {
    if (row?.kind !== 'alu' || row.operation === 'neg') return [];
    const symbol = ALU_SYMBOLS[row.operation];
    const form: [string, OperatorForm] = [`${symbol} ${row.width} ${row.operand}`, { opcode: row.opcode, offset: 0 }];
    if (row.operation !== 'div' && row.operation !== 'mod') return [form];
    return [form, [`s${symbol} ${row.width} ${row.operand}`, { opcode: row.opcode, offset: 1 }]];
  }),
);

/** Conditional jumps by `symbol width operand`, as `!= 32 imm`. */
export const JUMP_FORMS: ReadonlyMap<string, number> = new Map(
  OPCODES.flatMap((row): [string, number][] =>
    row?.kind === 'jump' ? [[`${COMPARISON_SYMBOLS[row.comparison]} ${row.width} ${row.operand}`, row.opcode]] : [],
  ),
);

export interface EndianForm {
  readonly opcode: number;
  /** Width in bits. */
  readonly imm: number;
}

/** Byte swaps by their word, as `be16` or `bswap64`. */
export const ENDIAN_FORMS: ReadonlyMap<string, EndianForm> = new Map(
  OPCODES.flatMap((row) => (row?.kind === 'endian' ? [row] : [])).flatMap((row) =>
    [16, 32, 64].map((imm): [string, EndianForm] => [
      `${row.operation === 'swap' ? 'bswap' : row.operation}${imm}`,
      { opcode: row.opcode, imm },
    ]),
  ),
);

/** Atomic operations without fetch by their symbol: the value of `imm`. */
export const LOCK_FORMS: ReadonlyMap<string, number> = new Map(
  ATOMIC_OPERATIONS.flatMap(({ imm, operation, fetch }): [string, number][] =>
    fetch || operation === 'xchg' || operation === 'cmpxchg' ? [] : [[ATOMIC_SYMBOLS[operation], imm]],
  ),
);

export interface FetchForm {
  readonly imm: number;
  /** Bytes; undefined where the memory type tells. */
  readonly size: 4 | 8 | undefined;
  /** LLVM writes the address of xchg and cmpxchg without a memory type: `xchg_64(r1 + 0x0, r0)`. */
  readonly typed: boolean;
  /** cmpxchg takes r0 before its register, and its result comes back in r0. */
  readonly compare: boolean;
}

/** Atomic operations that return the old value, by their word in Linux's text and LLVM's. */
export const FETCH_FORMS: ReadonlyMap<string, FetchForm> = new Map(
  ATOMIC_OPERATIONS.filter(({ fetch }) => fetch).flatMap(({ imm, operation }): [string, FetchForm][] => {
    const compare = operation === 'cmpxchg';
    if (operation !== 'xchg' && operation !== 'cmpxchg') {
      return [
        [`atomic_fetch_${operation}`, { imm, size: undefined, typed: true, compare }],
        [`atomic64_fetch_${operation}`, { imm, size: 8, typed: true, compare }],
      ];
    }
    return [
      [`atomic_${operation}`, { imm, size: 4, typed: true, compare }],
      [`atomic64_${operation}`, { imm, size: 8, typed: true, compare }],
      [`${operation}32_32`, { imm, size: 4, typed: false, compare }],
      [`${operation}_64`, { imm, size: 8, typed: false, compare }],
    ];
  }),
);
