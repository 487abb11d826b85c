import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DecodeError, decode } from '../../src/isa/decode.ts';
import { encode } from '../../src/isa/encode.ts';
import { type Instruction, slotCount } from '../../src/isa/instruction.ts';

function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

const DECODED: readonly [title: string, hex: string, expected: readonly Instruction[]][] = [
  [
    'signed fields and both registers',
    '7b 21 f8 ff fe ff ff ff',
    [{ pc: 0, opcode: 0x7b, dst: 1, src: 2, offset: -8, imm: -2, nextImm: undefined }],
  ],
  [
    'lddw takes two slots, and pc counts slots',
    '18 01 00 00 78 56 34 12 00 00 00 00 ff ff ff ff 95 00 00 00 00 00 00 00',
    [
      { pc: 0, opcode: 0x18, dst: 1, src: 0, offset: 0, imm: 0x1234_5678, nextImm: -1 },
      { pc: 2, opcode: 0x95, dst: 0, src: 0, offset: 0, imm: 0, nextImm: undefined },
    ],
  ],
  [
    'a second slot with reserved bits set comes through',
    '18 00 00 00 01 00 00 00 95 21 03 80 02 00 00 00',
    [{ pc: 0, opcode: 0x18, dst: 0, src: 0, offset: 0, imm: 1, nextImm: 2, nextReserved: 0x8003_2195 }],
  ],
  [
    'unknown opcodes and registers are not judged',
    'ff ff 00 00 00 00 00 00',
    [{ pc: 0, opcode: 0xff, dst: 15, src: 15, offset: 0, imm: 0, nextImm: undefined }],
  ],
];

for (const [title, hex, expected] of DECODED) {
  test(`decode: ${title}`, () => {
    assert.deepEqual(decode(bytes(hex)), expected);
    assert.deepEqual(encode(expected), bytes(hex));
  });
}

const REFUSED: readonly [title: string, hex: string, pc: number, message: RegExp][] = [
  ['nothing', '', 0, /^the program is empty$/],
  ['half a slot', '95 00 00', 0, /^insn 0: the program is 3 bytes long and so ends after 3 of the 8 bytes of a slot$/],
  ['a slot and a half', '95 00 00 00 00 00 00 00 95 00 00 00', 1, /^insn 1: .* 12 bytes long .* after 4 of the 8/],
  ['lddw cut off', '95 00 00 00 00 00 00 00 18 00 00 00 00 00 00 00', 1, /^insn 1: .* first slot of a 64-bit/],
];

for (const [title, hex, pc, message] of REFUSED) {
  test(`decode refuses ${title}`, () => {
    assert.throws(
      () => decode(bytes(hex)),
      (error) => error instanceof DecodeError && error.pc === pc && message.test(error.message),
    );
  });
}

test('decode reads a view into a larger buffer', () => {
  const buffer = bytes('00 00 00 95 00 00 00 00 00 00 00');
  assert.deepEqual(
    decode(buffer.subarray(3)).map(({ opcode }) => opcode),
    [0x95],
  );
});

test('any bytes either decode and encode back to themselves, or raise DecodeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 96 }), fc.boolean(), (random, whole) => {
      const code = whole ? random.subarray(0, random.length - (random.length % 8)) : random;
      try {
        const instructions = decode(code);
        assert.deepEqual(encode(instructions), new Uint8Array(code));
        assert.equal(
          instructions.reduce((total, instruction) => total + slotCount(instruction), 0),
          code.length / 8,
        );
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }),
    { numRuns: 2_000 },
  );
});
