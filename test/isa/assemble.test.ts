import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Assembly, AssemblyError, assemble, MAX_ASSEMBLY_BYTES } from '../../src/isa/assemble.ts';
import { KERNEL_ROWS } from './kernel-rows.ts';
import { LLVM_ROWS } from './llvm-rows.ts';

const HELPERS = new Map([
  ['bpf_map_lookup_elem', 1],
  ['bpf_ktime_get_ns', 5],
  ['bpf_tail_call', 12],
]);
const MAPS = ['chain', 'hits'];
const NAMES = {
  helper: (name: string) => HELPERS.get(name),
  map: (name: string) => (MAPS.includes(name) ? MAPS.indexOf(name) : undefined),
};

function hexOf({ code }: Assembly): string {
  return Buffer.from(code).toString('hex').replace(/../g, '$& ').trimEnd();
}

test('the texts of Linux become their bytes', () => {
  for (const [bytes, text] of KERNEL_ROWS) {
    const nameless = text.replace('bpf_get_smp_processor_id', 'unknown');
    assert.equal(hexOf(assemble(nameless, NAMES)), bytes, text);
  }
});

test('a line of the verifier log, with its columns and register states, becomes its bytes', () => {
  for (const [bytes, text] of KERNEL_ROWS) {
    const line = `  17: (${bytes.slice(0, 2)}) ${text.replace('bpf_get_smp_processor_id', 'unknown')}   ; R0=scalar(var_off=(0x0; 0xff)) fp-8=??m'`;
    assert.equal(hexOf(assemble(line, NAMES)), bytes, text);
  }
});

test('the texts of llvm-mc become its bytes', () => {
  for (const [text, bytes] of LLVM_ROWS) assert.equal(hexOf(assemble(`l:\n${text}`, NAMES)), bytes, text);
});

test('the texts of llvm-objdump become its bytes, with and without its columns', () => {
  for (const [, bytes, text] of LLVM_ROWS) {
    const listing = `t.o:\tfile format elf64-bpf\n\nDisassembly of section .text:\n\n0000000000000000 <l>:\n       0:\t${bytes}\t${text}\n`;
    assert.equal(hexOf(assemble(listing, NAMES)), bytes, text);
    // Without the bytes, nothing tells a call of a function from a call of a helper.
    if (!bytes.startsWith('85 1')) assert.equal(hexOf(assemble(`       0:\t${text}`, NAMES)), bytes, text);
  }
});

const EXIT = '95 00 00 00 00 00 00 00';

const TEXTS: readonly (readonly [text: string, bytes: string])[] = [
  // Calls: a number, a helper's name in each form, a label, a distance.
  ['call 12', '85 00 00 00 0c 00 00 00'],
  ['call bpf_tail_call', '85 00 00 00 0c 00 00 00'],
  ['call tail_call', '85 00 00 00 0c 00 00 00'],
  ['call bpf_tail_call#12', '85 00 00 00 0c 00 00 00'],
  ['call tail_call#12', '85 00 00 00 0c 00 00 00'],
  ['call bpf_not_yet_known#999', '85 00 00 00 e7 03 00 00'],
  ['call unknown#-1', '85 00 00 00 ff ff ff ff'],
  ['call kfunc#30', '85 20 00 00 1e 00 00 00'],
  ['call pc+3', '85 10 00 00 03 00 00 00'],
  ['call pc-1#bpf_prog_3b185187f1855c4c_f', '85 10 00 00 ff ff ff ff'],
  ['call f\nf: exit', `85 10 00 00 00 00 00 00 ${EXIT}`],
  ['call bpf_tail_call\nbpf_tail_call: exit', `85 10 00 00 00 00 00 00 ${EXIT}`],
  ['5: (85) call bpf_tail_call#12', '85 00 00 00 0c 00 00 00'],
  // lddw.
  ['r2 = chain ll', '18 12 00 00 00 00 00 00 00 00 00 00 00 00 00 00'],
  ['r2 = hits ll', '18 12 00 00 01 00 00 00 00 00 00 00 00 00 00 00'],
  ['r1 = hits[0]+4 ll', '18 21 00 00 01 00 00 00 00 00 00 00 04 00 00 00'],
  ['r1 = hits[0] ll', '18 21 00 00 01 00 00 00 00 00 00 00 00 00 00 00'],
  ['r1 = map#7[0]+0xffffffff ll', '18 21 00 00 07 00 00 00 00 00 00 00 ff ff ff ff'],
  ['r1 = map_index#2 ll', '18 51 00 00 02 00 00 00 00 00 00 00 00 00 00 00'],
  ['r1 = variable#2 ll', '18 31 00 00 02 00 00 00 00 00 00 00 00 00 00 00'],
  ['r1 = pc+2 ll', '18 41 00 00 02 00 00 00 00 00 00 00 00 00 00 00'],
  ['r1 = f ll\nf: exit', `18 41 00 00 01 00 00 00 00 00 00 00 00 00 00 00 ${EXIT}`],
  ['chain: r1 = chain ll', '18 11 00 00 00 00 00 00 00 00 00 00 00 00 00 00'],
  ['r1 = 0xffffffff ll', '18 01 00 00 ff ff ff ff 00 00 00 00 00 00 00 00'],
  ['r1 = -0x8000000000000000 ll', '18 01 00 00 00 00 00 00 00 00 00 00 00 00 00 80'],
  ['0: (18) r1 = 0x3', '18 01 00 00 03 00 00 00 00 00 00 00 00 00 00 00'],
  ['0: (b7) r1 = 0x3', 'b7 01 00 00 03 00 00 00'],
  // Jumps count slots, and lddw has two.
  ['goto l\nr1 = 1 ll\nl: exit', `05 00 02 00 00 00 00 00 18 01 00 00 01 00 00 00 00 00 00 00 00 00 00 00 ${EXIT}`],
  ['l: exit\ngoto l', `${EXIT} 05 00 fe ff 00 00 00 00`],
  ['gotol end\nend:', '06 00 00 00 00 00 00 00'],
  ['if w1 s> 5 goto .L_1\n.L_1: exit', `66 01 00 00 05 00 00 00 ${EXIT}`],
  ['goto +0x2 <f+0x10>', '05 00 02 00 00 00 00 00'],
  ['if r1 <r2 goto -1 <s>', 'ad 21 ff ff 00 00 00 00'],
  ['if r1 s<-1 goto pc-1', 'c5 01 ff ff ff ff ff ff'],
  // Memory operands.
  ['r0 = *(u64*)(r10-0x8)', '79 a0 f8 ff 00 00 00 00'],
  ['r0 = *(u8 *)(r1)', '71 10 00 00 00 00 00 00'],
  ['r0 = *(u8 *)(r1 + -1)', '71 10 ff ff 00 00 00 00'],
  ['r0 = *(u16 *)skb[r6 + 2]', '48 60 00 00 02 00 00 00'],
  ['r0 = *(u16 *)skb[r6 - 2]', '48 60 00 00 fe ff ff ff'],
  ['r0 = *(u16 *)skb[r6 + -2]', '48 60 00 00 fe ff ff ff'],
  ['lock *(u64 *)(r10 - 0x8) |= r3', 'db 3a f8 ff 40 00 00 00'],
  ['r3 = atomic64_xchg((u64 *)(r10 -8), r3)', 'db 3a f8 ff e1 00 00 00'],
  // Labels, separators and comments.
  ['a: b: c:\n\n d: exit', EXIT],
  ['r0 = 0;exit', `b7 00 00 00 00 00 00 00 ${EXIT}`],
  ['exit;', EXIT],
  ['exit\r\n', EXIT],
  ['exit // a comment with é', EXIT],
  ['exit # a comment', EXIT],
  ['# a comment\n\t# and one more\nexit', EXIT],
  ['; int x = "y"?\n   ; z\nexit', EXIT],
  ['exit//', EXIT],
  // A listing's columns.
  ['       3:\tb7 00 00 00 01 00 00 00\tr0 = 0x1', 'b7 00 00 00 01 00 00 00'],
  ['  12: exit', EXIT],
  ['       0:\t85 10 00 00 ff ff ff ff\tcall -0x1', '85 10 00 00 ff ff ff ff'],
  ['       0:\t85 00 00 00 0c 00 00 00\tcall 0xc', '85 00 00 00 0c 00 00 00'],
];

test('texts and their bytes', () => {
  for (const [text, bytes] of TEXTS) assert.equal(hexOf(assemble(text, NAMES)), bytes, text);
});

const ERRORS: readonly (readonly [text: string, line: number, column: number, message: RegExp])[] = [
  ['', 1, 1, /^expected an instruction, found the end of the text$/],
  ['\n# nothing\n  ', 3, 3, /^expected an instruction/],
  ['exit\nr0 =', 2, 5, /^expected a register, a number or another value, found the end of the line$/],
  ['r0 1', 1, 4, /^expected '=' or an operator such as '\+=', found '1'$/],
  ['r0 ++ 1', 1, 4, /operator/],
  ['r0 += w1', 1, 7, /^expected a 64-bit register, r0 to r10, found 'w1'$/],
  ['w0 = r1', 1, 6, /^expected a 32-bit register, w0 to w10, found 'r1'$/],
  ['r0 += chain', 1, 7, /^expected a register or a number, found 'chain'$/],
  ['r12 = 1', 1, 1, /^expected an instruction, found 'r12'$/],
  ['r0 = 08', 1, 6, /^expected a number, found '08'$/],
  ['r0 = 1x', 1, 6, /^expected a number, found '1x'$/],
  ['r0 += 4294967296', 1, 7, /^expected a number from -2147483648 to 4294967295, found 4294967296$/],
  ['r0 = 4294967296', 1, 6, /^4294967296 does not fit in 32 bits; a 64-bit load ends in 'll'$/],
  ['r0 = 0x10000000000000000 ll', 1, 6, /^expected a number from -9223372036854775808 to 18446744073709551615/],
  [`r0 = ${'9'.repeat(67)}`, 1, 6, /^a number has at most 66 characters$/],
  [`call ${'f'.repeat(1025)}`, 1, 6, /^a name has at most 1024 characters$/],
  ['w0 = 1 ll', 1, 6, /^a 64-bit load needs the register r0$/],
  ['w0 = chain ll', 1, 6, /^a 64-bit load needs the register r0$/],
  ['r0 = chain', 1, 6, /^expected a value \(a map is written 'chain ll'/],
  ['r0 = chian ll', 1, 6, /^unknown map or function 'chian'$/],
  ['r0 = chian[0]+1 ll', 1, 6, /^unknown map 'chian'$/],
  ['r0 = hits[1] ll', 1, 11, /^expected a number from 0 to 0, found 1$/],
  ['r0 = mapp#1 ll', 1, 6, /^expected one of map, map_index, variable before '#', found 'mapp'$/],
  ['r0 = -r1', 1, 7, /^expected the register that is assigned, r0, found 'r1'$/],
  ['w0 = be16 w0', 1, 6, /^expected a value of 32 bits/],
  ['r0 = be16 r1', 1, 11, /^expected the register that is assigned, r0, found 'r1'$/],
  ['w0 = (s32)w1', 1, 7, /^expected one of s8, s16, found 's32'$/],
  ['r0 = *(u7 *)(r1 +0)', 1, 8, /^expected a memory type: u8, u16/],
  ['r0 = *(constructor *)(r1 +0)', 1, 8, /^expected a memory type/],
  ['r0 = *(u8 *)(r1 +32768)', 1, 17, /^expected a number from -32768 to 32767, found 32768$/],
  ['r0 = *(u8 *)(w1 +0)', 1, 14, /^expected a 64-bit register/],
  ['w0 = *(u64 *)(r1 +0)', 1, 7, /^a load of this type fills 64 bits and needs the register r0$/],
  ['r1 = *(u8 *)skb[0]', 1, 13, /^a packet load puts its result into r0$/],
  ['r0 = *(u64 *)skb[0]', 1, 14, /^a packet load is of type u8, u16 or u32$/],
  ['*(s8 *)(r1 +0) = 1', 1, 2, /^a store has one of the types u8, u16, u32 and u64$/],
  ['*(u64 *)(r1 +0) = w1', 1, 19, /^expected a 64-bit register/],
  ['*(u64 *)(r1 +0) = x', 1, 19, /^expected a register or a number, found 'x'$/],
  ['lock *(u8 *)(r1 +0) += r2', 1, 7, /^this atomic operation is of type u32 or u64$/],
  ['lock *(u32 *)(r1 +0) -= r2', 1, 22, /^expected an atomic operation: '\+=', '\|=', '&=' or '\^='/],
  ['r2 = atomic64_xchg((u32 *)(r1 +0), r2)', 1, 20, /^this atomic operation is of type u64$/],
  ['r3 = atomic_xchg((u32 *)(r1 +0), r2)', 1, 6, /^atomic_xchg puts its result into r2$/],
  ['r0 = cmpxchg_64(r1 + 0, r1, r2)', 1, 25, /^expected r0, which the memory is compared with/],
  ['w1 = load_acquire((u64 *)(r1 +0))', 1, 6, /^a 64-bit load needs the register r1$/],
  ['if r1 = 2 goto l', 1, 7, /^expected a comparison such as '==' or 's>', found '='$/],
  ['if r1 == x goto l', 1, 10, /^expected a register or a number, found 'x'$/],
  ['if r1 == 2 got l', 1, 12, /^expected 'goto', found 'got'$/],
  ['goto', 1, 5, /^expected a label, or a distance as 'pc\+2' or '\+2', found the end of the line$/],
  ['goto 32768', 1, 6, /^expected a number from -32768 to 32767/],
  ['exit\n  goto nowhere', 2, 8, /^unknown label 'nowhere'$/],
  ['goto +2 <f', 1, 9, /^expected '>' at the end of '<'$/],
  [`goto far\n${'exit\n'.repeat(32_768)}far: exit`, 1, 6, /^the label 'far' is 32768 slots away, too far/],
  ['call nothing', 1, 6, /^unknown function or helper 'nothing'$/],
  ['call bpf_tail_call#5', 1, 6, /^the helper 'bpf_tail_call' is number 12, not 5$/],
  ['call', 1, 5, /^expected a function, a helper or a number/],
  ['callx w1', 1, 7, /^expected a 64-bit register/],
  ['may_goto l', 1, 1, /^may_goto is not supported$/],
  ['.globl f', 1, 1, /^the directive '\.globl' is not supported$/],
  ['frobnicate r0', 1, 1, /^expected an instruction, found 'frobnicate'$/],
  ['exit exit', 1, 6, /^expected the end of the instruction, found 'exit'$/],
  ['5: (95) exit exit', 1, 14, /^expected the end of the instruction, found 'exit'$/],
  ['r0 = 1 @', 1, 8, /^unexpected character "@"$/],
  ['r0 = "\u{1f41d}"', 1, 6, /^unexpected character "\\""$/],
  ['\u{1f41d}', 1, 1, /^unexpected character "\u{1f41d}"$/u],
  ['a: exit\na: exit', 2, 1, /^the label 'a' is defined twice$/],
  ['a: exit\n0000000000000008 <a>:', 2, 19, /^the label 'a' is defined twice$/],
  ['r1: exit', 1, 1, /^the register r1 cannot be a label$/],
];

test('errors name line, column and what was expected', () => {
  for (const [text, line, column, message] of ERRORS) {
    assert.throws(
      () => assemble(text, NAMES),
      (error) => {
        const title = text.slice(0, 60);
        assert.ok(error instanceof AssemblyError, title);
        assert.match(error.message, message, title);
        assert.deepEqual([error.line, error.column], [line, column], title);
        return true;
      },
    );
  }
});

test('the longest text assembles, one byte more is refused, and bytes are counted rather than characters', () => {
  const full = 'exit\n'.repeat(MAX_ASSEMBLY_BYTES / 5).padEnd(MAX_ASSEMBLY_BYTES, ' ');
  assert.equal(assemble(full, NAMES).lines.length, Math.floor(MAX_ASSEMBLY_BYTES / 5));
  assert.throws(() => assemble(`${full} `, NAMES), /^AssemblyError: the text is longer than 1048576 bytes$/);
  const wide = `exit # ${'é'.repeat(MAX_ASSEMBLY_BYTES / 2)}`;
  assert.throws(() => assemble(wide, NAMES), /^AssemblyError: the text is longer/);
});

test('functions are the start and what is called by label', () => {
  const rows: readonly (readonly [text: string, functions: Assembly['functions']])[] = [
    ['exit', [{ name: 'main', pc: 0 }]],
    ['entry: exit', [{ name: 'entry', pc: 0 }]],
    ['0000000000000000 <entry>:\n 0:\texit', [{ name: 'entry', pc: 0 }]],
    [
      'entry: r1 = 1 ll\ncall g\nloop: goto loop\nf: exit\ng: exit',
      [
        { name: 'entry', pc: 0 },
        { name: 'g', pc: 5 },
      ],
    ],
    [
      'r2 = callback ll\nexit\ncallback: exit',
      [
        { name: 'main', pc: 0 },
        { name: 'callback', pc: 3 },
      ],
    ],
  ];
  for (const [text, functions] of rows) assert.deepEqual(assemble(text, NAMES).functions, functions, text);
});

test('lines tell where each instruction stands, and its text', () => {
  const text = '# start\nentry: r1 = 1 ll // one\n\n 2: (b7) r0 = 2 ; R0=2\nr3 = 3; exit';
  assert.deepEqual(assemble(text, NAMES).lines, [
    { pc: 0, line: 2, text: 'r1 = 1 ll' },
    { pc: 2, line: 4, text: 'r0 = 2' },
    { pc: 3, line: 5, text: 'r3 = 3' },
    { pc: 4, line: 5, text: 'exit' },
  ]);
});
