/**
 * The spelling that the disassembler writes and the assembler reads: the pseudo-C of Linux's verifier log
 * (kernel/bpf/disasm.c), which LLVM shares but for details. One row per word.
 */

import type { AluOperation, AtomicOperation, Comparison, MemorySize } from './opcodes.ts';

/** Two-operand arithmetic; `neg` has its own form, `-r0`. Signed division and sign-extending moves add an `s` or a cast. */
export const ALU_SYMBOLS: Readonly<Record<Exclude<AluOperation, 'neg'>, string>> = {
  add: '+=',
  sub: '-=',
  mul: '*=',
  div: '/=',
  or: '|=',
  and: '&=',
  lsh: '<<=',
  rsh: '>>=',
  mod: '%=',
  xor: '^=',
  mov: '=',
  arsh: 's>>=',
};

export const COMPARISON_SYMBOLS: Readonly<Record<Comparison, string>> = {
  jeq: '==',
  jgt: '>',
  jge: '>=',
  jset: '&',
  jne: '!=',
  jsgt: 's>',
  jsge: 's>=',
  jlt: '<',
  jle: '<=',
  jslt: 's<',
  jsle: 's<=',
};

/** Atomic operations without fetch, after `lock *(u64 *)(r1 +0)`. */
export const ATOMIC_SYMBOLS: Readonly<Record<Exclude<AtomicOperation, 'xchg' | 'cmpxchg'>, string>> = {
  add: '+=',
  or: '|=',
  and: '&=',
  xor: '^=',
};

/** Bits 3 and 4 of a load's or store's opcode byte. */
export const SIZE_BITS: Readonly<Record<MemorySize, number>> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 };

/**
 * What stands before ` ll` where lddw holds no plain number, as `WORD#number`: used for maps without a name, and for the source
 * register values that neither Linux nor LLVM spell in a form that could be read back.
 */
export const REFERENCE_WORDS = { map: 'map', mapIndex: 'map_index', variable: 'variable' } as const;

/** Word of a call to a kernel function by BTF id, as `call kfunc#7`. */
export const KFUNC_WORD = 'kfunc';

/** Names that can stand in assembly as they are. */
const PLAIN_NAME = /^[A-Za-z_.$][A-Za-z0-9_.$]*$/;

export function isPlainName(name: string): boolean {
  return PLAIN_NAME.test(name);
}
