import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteWriter } from '../../src/wasm/byte-writer.ts';

/** LEB128 read back, straight from the specification: 7 bits a byte, the lowest first; the sign is bit 6 of the last byte. */
function read(bytes: Uint8Array, signed: boolean): bigint {
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
  }
  const last = bytes.at(-1) ?? 0;
  assert.ok(bytes.subarray(0, -1).every((byte) => byte >= 0x80) && last < 0x80, 'only the last byte has bit 7 clear');
  return signed && (last & 0x40) !== 0 ? value - (1n << shift) : value;
}

function written(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  write(writer);
  return writer.take();
}

/** The shortest length: bits of the number, and one for the sign. */
function shortest(value: bigint, signed: boolean): number {
  const bits = (value < 0n ? -value - 1n : value).toString(2).length;
  const needed = value === 0n || value === -1n ? 1 : bits + (signed ? 1 : 0);
  return Math.max(1, Math.ceil(needed / 7));
}

const KNOWN: readonly (readonly [kind: 'unsigned' | 'signed', value: number, hex: string])[] = [
  ['unsigned', 0, '00'],
  ['unsigned', 127, '7f'],
  ['unsigned', 128, '8001'],
  ['unsigned', 624485, 'e58e26'],
  ['unsigned', 0xffff_ffff, 'ffffffff0f'],
  ['signed', 0, '00'],
  ['signed', -1, '7f'],
  ['signed', 63, '3f'],
  ['signed', 64, 'c000'],
  ['signed', -64, '40'],
  ['signed', -65, 'bf7f'],
  ['signed', -123456, 'c0bb78'],
  ['signed', 0x7fff_ffff, 'ffffffff07'],
  ['signed', -0x8000_0000, '8080808078'],
];

for (const [kind, value, hex] of KNOWN) {
  test(`${kind} ${value}`, () => {
    assert.equal(Buffer.from(written((writer) => writer[kind](value))).toString('hex'), hex);
  });
}

test('unsigned numbers of 32 bits are read back, in the shortest form', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (value) => {
      const bytes = written((writer) => writer.unsigned(value));
      assert.equal(read(bytes, false), BigInt(value));
      assert.equal(bytes.length, shortest(BigInt(value), false));
    }),
  );
});

test('signed numbers of 32 bits are read back, in the shortest form', () => {
  fc.assert(
    fc.property(fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }), (value) => {
      const bytes = written((writer) => writer.signed(value));
      assert.equal(read(bytes, true), BigInt(value));
      assert.equal(bytes.length, shortest(BigInt(value), true));
    }),
  );
});

test('signed numbers of 64 bits are read back, in the shortest form; larger ones are cut', () => {
  const power = fc
    .tuple(fc.nat({ max: 70 }), fc.integer({ min: -1, max: 1 }))
    .map(([bits, more]) => (1n << BigInt(bits)) + BigInt(more));
  const number = fc.oneof(
    fc.bigInt({ min: -(1n << 63n), max: (1n << 64n) - 1n }),
    power,
    power.map((value) => -value),
  );
  fc.assert(
    fc.property(number, (value) => {
      const bytes = written((writer) => writer.signed64(value));
      const cut = BigInt.asIntN(64, value);
      assert.equal(read(bytes, true), cut);
      assert.equal(bytes.length, shortest(cut, true));
    }),
  );
});

test('the buffer grows, and take is a copy', () => {
  const writer = new ByteWriter();
  const expected: number[] = [];
  for (let index = 0; index < 1000; index++) {
    writer.byte(index & 0xff);
    expected.push(index & 0xff);
  }
  writer.bytes(new Uint8Array(5000).fill(7));
  writer.name('é');
  expected.push(...new Uint8Array(5000).fill(7), 2, 0xc3, 0xa9);
  const taken = writer.take();
  writer.byte(1);
  assert.equal(writer.length, taken.length + 1);
  assert.deepEqual([...taken], expected);
});
