import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../src/isa/decode.ts';
import { type DisassemblyNames, disassemble } from '../../src/isa/disassemble.ts';
import { OPCODES } from '../../src/isa/opcodes.ts';
import { KERNEL_ROWS, MALFORMED_ROWS } from './kernel-rows.ts';

const HELPERS: Readonly<Record<number, string>> = { 5: 'bpf_ktime_get_ns', 8: 'bpf_get_smp_processor_id' };
const MAPS = ['chain', 'hits', 'not a plain name', '.rodata'];
const NAMES: DisassemblyNames = { helper: (id) => HELPERS[id], map: (index) => MAPS[index] };

function text(bytes: string): string {
  const code = new Uint8Array(Buffer.from(bytes.replaceAll(' ', ''), 'hex'));
  return decode(code)
    .map((instruction) => disassemble(instruction, NAMES))
    .join('; ');
}

test('instructions print as in the verifier log of Linux', () => {
  for (const [bytes, expected] of [...KERNEL_ROWS, ...MALFORMED_ROWS]) assert.equal(text(bytes), expected, bytes);
});

test('every opcode of the table but lddw has a row from Linux', () => {
  const covered = new Set(KERNEL_ROWS.map(([bytes]) => Number.parseInt(bytes.slice(0, 2), 16)));
  const missing = OPCODES.flatMap((row) => (row === undefined || covered.has(row.opcode) ? [] : [row.opcode]));
  assert.deepEqual(missing, [0x18]);
});

const OWN_ROWS: readonly (readonly [bytes: string, text: string])[] = [
  ['18 01 00 00 78 56 34 12 00 00 00 00 00 00 00 00', 'r1 = 0x12345678 ll'],
  ['18 01 00 00 ff ff ff ff 00 00 00 00 00 00 00 00', 'r1 = 0xffffffff ll'],
  ['18 01 00 00 0f 00 00 00 00 00 00 00 ff ff ff ff', 'r1 = 0xffffffff0000000f ll'],
  ['18 12 00 00 00 00 00 00 00 00 00 00 00 00 00 00', 'r2 = chain ll'],
  ['18 12 00 00 02 00 00 00 00 00 00 00 00 00 00 00', 'r2 = map#2 ll'],
  ['18 12 00 00 03 00 00 00 00 00 00 00 00 00 00 00', 'r2 = .rodata ll'],
  ['18 12 00 00 09 00 00 00 00 00 00 00 00 00 00 00', 'r2 = map#9 ll'],
  ['18 21 00 00 01 00 00 00 00 00 00 00 04 00 00 00', 'r1 = hits[0]+4 ll'],
  ['18 21 00 00 09 00 00 00 00 00 00 00 ff ff ff ff', 'r1 = map#9[0]+4294967295 ll'],
  ['18 31 00 00 07 00 00 00 00 00 00 00 00 00 00 00', 'r1 = variable#7 ll'],
  ['18 42 00 00 fd ff ff ff 00 00 00 00 00 00 00 00', 'r2 = pc-3 ll'],
  ['18 51 00 00 01 00 00 00 00 00 00 00 00 00 00 00', 'r1 = map_index#1 ll'],
  ['18 61 00 00 01 00 00 00 00 00 00 00 08 00 00 00', 'r1 = map_index#1[0]+8 ll'],
  ['18 71 00 00 01 00 00 00 00 00 00 00 08 00 00 00', 'r1 = 0x800000001 ll'],
  ['85 20 00 00 1e 00 00 00', 'call kfunc#30'],
  ['85 30 00 00 05 00 00 00', 'call unknown#5'],
  ['8d 03 00 00 00 00 00 00', 'callx r3'],
  ['e5 00 fe ff 00 00 00 00', 'may_goto pc-2'],
  ['07 0f 00 00 01 00 00 00', 'r15 += 1'],
  ['00 00 00 00 00 00 00 00', 'BUG_ld_00'],
  ['01 00 00 00 00 00 00 00', 'BUG_ldx_01'],
  ['02 00 00 00 00 00 00 00', 'BUG_st_02'],
  ['ff ff ff ff ff ff ff ff', 'BUG_ff'],
];

test('lddw, calls and unknown opcodes', () => {
  for (const [bytes, expected] of OWN_ROWS) assert.equal(text(bytes), expected, bytes);
});
