import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AssemblyError, assemble } from '../../src/isa/assemble.ts';
import { assembleUbpf } from '../../src/isa/assembler/ubpf.ts';
import { OPCODES } from '../../src/isa/opcodes.ts';

const NAMES = {
  helper: (name: string) => (name === 'bpf_tail_call' ? 12 : undefined),
  map: (name: string) => ({ chain: 0, hits: 1 })[name],
};

function hexOf(text: string): string {
  return Buffer.from(assembleUbpf(text, NAMES).code).toString('hex').replace(/../g, '$& ').trimEnd();
}

/** Each instruction and the same one in the pseudo-C, whose bytes are compared with LLVM's elsewhere. */
const SAME: readonly (readonly [ubpf: string, pseudoC: string])[] = [
  ['add %r1, 2', 'r1 += 2'],
  ['add %r1, %r2', 'r1 += r2'],
  ['add32 %r1, -2', 'w1 += -2'],
  ['add32 %r1, %r2', 'w1 += w2'],
  ['sub %r1, 0x10', 'r1 -= 0x10'],
  ['sub32 %r9, %r2', 'w9 -= w2'],
  ['mul %r1, %r2', 'r1 *= r2'],
  ['mul32 %r1, 3', 'w1 *= 3'],
  ['div %r1, 3', 'r1 /= 3'],
  ['div32 %r1, %r2', 'w1 /= w2'],
  ['sdiv %r1, %r2', 'r1 s/= r2'],
  ['sdiv32 %r1, -3', 'w1 s/= -3'],
  ['mod %r1, %r2', 'r1 %= r2'],
  ['mod32 %r1, 3', 'w1 %= 3'],
  ['smod %r1, -3', 'r1 s%= -3'],
  ['smod32 %r1, %r2', 'w1 s%= w2'],
  ['or %r1, 1', 'r1 |= 1'],
  ['or32 %r1, %r2', 'w1 |= w2'],
  ['and %r1, %r2', 'r1 &= r2'],
  ['and32 %r1, 1', 'w1 &= 1'],
  ['xor %r1, 1', 'r1 ^= 1'],
  ['xor32 %r1, %r2', 'w1 ^= w2'],
  ['lsh %r1, 4', 'r1 <<= 4'],
  ['lsh32 %r1, %r2', 'w1 <<= w2'],
  ['rsh %r1, %r2', 'r1 >>= r2'],
  ['rsh32 %r1, 4', 'w1 >>= 4'],
  ['arsh %r1, 4', 'r1 s>>= 4'],
  ['arsh32 %r1, %r2', 'w1 s>>= w2'],
  ['neg %r1', 'r1 = -r1'],
  ['neg32 %r1', 'w1 = -w1'],
  ['mov %r1, -1', 'r1 = -1'],
  ['mov %r1, 0xffffffff', 'r1 = -1'],
  ['mov32 %r0, 1', 'w0 = 1'],
  ['mov32 %r0, %r1', 'w0 = w1'],
  ['movsx832 %r1, %r2', 'w1 = (s8)w2'],
  ['movsx1632 %r1, %r2', 'w1 = (s16)w2'],
  ['movsx864 %r1, %r2', 'r1 = (s8)r2'],
  ['movsx1664 %r1, %r2', 'r1 = (s16)r2'],
  ['movsx3264 %r1, %r2', 'r1 = (s32)r2'],
  ['le16 %r1', 'r1 = le16 r1'],
  ['be64 %r1', 'r1 = be64 r1'],
  ['swap32 %r1', 'r1 = bswap32 r1'],
  ['bswap32 %r1', 'r1 = bswap32 r1'],
  ['jeq %r1, 3, +2', 'if r1 == 3 goto +2'],
  ['jne32 %r1, %r2, -1', 'if w1 != w2 goto -1'],
  ['jset %r1, 3, +0', 'if r1 & 3 goto +0'],
  ['jsge32 %r1, -3, +2', 'if w1 s>= -3 goto +2'],
  ['ja +1', 'goto +1'],
  ['ja32 -70000', 'gotol -70000'],
  ['ldxb %r1, [%r2]', 'r1 = *(u8 *)(r2 + 0)'],
  ['ldxh %r1, [%r2+4]', 'r1 = *(u16 *)(r2 + 4)'],
  ['ldxw %r1, [%r2+0x10]', 'r1 = *(u32 *)(r2 + 16)'],
  ['ldxdw %r0, [%r10-8]', 'r0 = *(u64 *)(r10 - 8)'],
  ['ldxsb %r1, [%r2-1]', 'r1 = *(s8 *)(r2 - 1)'],
  ['ldxsh %r1, [%r2-1]', 'r1 = *(s16 *)(r2 - 1)'],
  ['ldxsw %r1, [%r2 - 1]', 'r1 = *(s32 *)(r2 - 1)'],
  ['stb [%r1], 1', '*(u8 *)(r1 + 0) = 1'],
  ['sth [%r1+2], -1', '*(u16 *)(r1 + 2) = -1'],
  ['stw [%r10-4], 0x11223344', '*(u32 *)(r10 - 4) = 0x11223344'],
  ['stdw [%r10-8], 1', '*(u64 *)(r10 - 8) = 1'],
  ['stxb [%r1], %r2', '*(u8 *)(r1 + 0) = r2'],
  ['stxh [%r1], %r2', '*(u16 *)(r1 + 0) = r2'],
  ['stxw [%r1], %r2', '*(u32 *)(r1 + 0) = r2'],
  ['stxdw [%r1], %r2', '*(u64 *)(r1 + 0) = r2'],
  ['lock add [%r10-8], %r1', 'lock *(u64 *)(r10 - 8) += r1'],
  ['lock and32 [%r10-8], %r1', 'lock *(u32 *)(r10 - 8) &= r1'],
  ['lock fetch add [%r10-8], %r1', 'r1 = atomic64_fetch_add((u64 *)(r10 - 8), r1)'],
  ['lock fetch xor32 [%r10-8], %r1', 'r1 = atomic_fetch_xor((u32 *)(r10 - 8), r1)'],
  ['lock xchg [%r10-8], %r1', 'r1 = atomic64_xchg((u64 *)(r10 - 8), r1)'],
  ['lock cmpxchg32 [%r10-8], %r1', 'r0 = atomic_cmpxchg((u32 *)(r10 - 8), r0, r1)'],
  ['lddw %r1, 0x1122334455667788', 'r1 = 0x1122334455667788 ll'],
  ['lddw %r1, -1', 'r1 = -1 ll'],
  ['lddw %r1, chain', 'r1 = chain ll'],
  ['lddw %r1, hits[0]', 'r1 = hits[0] ll'],
  ['lddw %r1, hits[0]+4', 'r1 = hits[0]+4 ll'],
  ['ldabsw 4', 'r0 = *(u32 *)skb[4]'],
  ['ldindh %r2, -4', 'r0 = *(u16 *)skb[r2 - 4]'],
  ['call 5', 'call 5'],
  ['call tail_call', 'call bpf_tail_call'],
  ['call local +3', 'call pc+3'],
  ['call %r2', 'callx r2'],
  ['exit', 'exit'],
  ['a: exit', 'a: exit'],
  ['ja a\na: exit', 'goto a\na: exit'],
  ['call local f\nexit\nf: exit', 'call f\nexit\nf: exit'],
  ['# a comment\nmov %r0, 1 # another\n\n exit', 'r0 = 1\nexit'],
];

test('an instruction of uBPF has the bytes of the same one in pseudo-C', () => {
  for (const [ubpf, pseudoC] of SAME) {
    const expected = Buffer.from(assemble(pseudoC, NAMES).code).toString('hex');
    assert.equal(Buffer.from(assembleUbpf(ubpf, NAMES).code).toString('hex'), expected, ubpf);
  }
});

test('every opcode of the table has a mnemonic', () => {
  const covered = new Set(SAME.flatMap(([text]) => [assembleUbpf(text, NAMES).code[0]]));
  for (const comparison of ['jeq', 'jgt', 'jge', 'jset', 'jne', 'jsgt', 'jsge', 'jlt', 'jle', 'jslt', 'jsle']) {
    for (const width of ['', '32']) {
      for (const source of ['1', '%r2']) {
        covered.add(assembleUbpf(`${comparison}${width} %r1, ${source}, +1`, NAMES).code[0]);
      }
    }
  }
  for (const word of ['add', 'sub', 'mul', 'div', 'or', 'and', 'lsh', 'rsh', 'mod', 'xor', 'mov', 'arsh']) {
    for (const width of ['', '32']) {
      for (const source of ['1', '%r2']) covered.add(assembleUbpf(`${word}${width} %r1, ${source}`, NAMES).code[0]);
    }
  }
  for (const size of ['b', 'h', 'w']) {
    covered.add(assembleUbpf(`ldabs${size} 1`, NAMES).code[0]);
    covered.add(assembleUbpf(`ldind${size} %r1, 1`, NAMES).code[0]);
  }
  assert.deepEqual(
    OPCODES.flatMap((row) => (row === undefined || covered.has(row.opcode) ? [] : [row.opcode])),
    [],
  );
});

test('exit as a target is the label, or else the first exit', () => {
  assert.equal(hexOf('jeq %r1, 3, exit\nexit\nexit').slice(0, 23), '15 01 00 00 03 00 00 00');
  assert.equal(hexOf('jeq %r1, 3, exit\nexit\nexit: exit').slice(0, 23), '15 01 01 00 03 00 00 00');
  assert.equal(hexOf('exit\njeq %r1, 3, exit').slice(24), '15 01 fe ff 03 00 00 00');
});

test('functions are the start and what is called by label', () => {
  const { functions } = assembleUbpf('call local f\nexit\nf: call g\nexit\ng: exit', NAMES);
  assert.deepEqual(functions, [
    { name: 'main', pc: 0 },
    { name: 'f', pc: 2 },
    { name: 'g', pc: 4 },
  ]);
});

const REFUSED: readonly (readonly [text: string, line: number, column: number, message: string])[] = [
  ['', 1, 1, 'expected an instruction, found the end of the text'],
  ['mov r0, 1', 1, 5, "expected '%', found 'r0'"],
  ['mov %w0, 1', 1, 6, "expected a 64-bit register, r0 to r10, found 'w0'"],
  ['mov %r0', 1, 8, "expected ',', found the end of the line"],
  ['mov %r0, x', 1, 10, "expected a register or a number, found 'x'"],
  ['mov %r0, 0x100000000', 1, 10, 'expected a number from -2147483648 to 4294967295, found 4294967296'],
  ['movsx832 %r0, 1', 1, 15, "expected a register, %r0 to %r10, found '1'"],
  ['exit\nexit 1', 2, 6, "expected the end of the instruction, found '1'"],
  ['ldxdw %r0, [%r1 8]', 1, 17, "expected '+', '-' or ']', found '8'"],
  ['ldxdw %r0, [%r1+32768]', 1, 16, 'expected a number from -32768 to 32767, found 32768'],
  ['ldxdw %r0, [%r1', 1, 16, "expected '+', '-' or ']', found the end of the line"],
  ['lock fetch xchg [%r1], %r2', 1, 12, "expected an atomic operation, found 'xchg'"],
  ['lock sub [%r1], %r2', 1, 6, "expected an atomic operation, found 'sub'"],
  ['ja nowhere', 1, 4, "unknown label 'nowhere'"],
  ['ja exit', 1, 4, "unknown label 'exit'"],
  ['call local bpf_tail_call', 1, 12, "unknown label 'bpf_tail_call'"],
  ['call nothing', 1, 6, "unknown function or helper 'nothing'"],
  ['lddw %r1, nothing', 1, 11, "unknown map or function 'nothing'"],
  ['r0 = 1', 1, 1, "expected an instruction, found 'r0'"],
  ['a: exit\na: exit', 2, 1, "the label 'a' is defined twice"],
];

test('errors name line, column and what was expected', () => {
  for (const [text, line, column, message] of REFUSED) {
    assert.throws(
      () => assembleUbpf(text, NAMES),
      (error) => {
        assert.ok(error instanceof AssemblyError, text);
        assert.deepEqual([error.line, error.column, error.message], [line, column, message], text);
        return true;
      },
    );
  }
});

test('no text makes the assembler raise anything but AssemblyError', () => {
  const words = fc.constantFrom(...SAME.flatMap(([text]) => text.split(/\b/)), '%', '[', ']', ',', '\n', '-', 'lock');
  fc.assert(
    fc.property(fc.array(words, { maxLength: 20 }), (parts) => {
      try {
        assembleUbpf(parts.join(''), NAMES);
      } catch (error) {
        assert.ok(error instanceof AssemblyError, String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});
