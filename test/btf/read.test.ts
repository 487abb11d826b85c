import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BtfError } from '../../src/btf/error.ts';
import { BTF_KINDS, type BtfKind } from '../../src/btf/kinds.ts';
import { readBtf } from '../../src/btf/read.ts';
import { sizeOfType, skipModifiers } from '../../src/btf/resolve.ts';
import { btfSection, concat, Strings, type, words } from '../support/btf-bytes.ts';

const INT = type(1, 0, 4, [0x0100_0020]);

/** One row a kind: the bytes of type 2 (type 1 is an int), what is read, and its size. */
const KINDS: readonly { readonly bytes: Uint8Array; readonly read: object; readonly size: number | undefined }[] = [
  { bytes: type(1, 0, 8, [0x0400_0001]), read: { kind: 'int', size: 8, bits: 1, encoding: 4 }, size: 8 },
  { bytes: type(2, 0, 1), read: { kind: 'pointer', type: 1 }, size: 8 },
  { bytes: type(3, 0, 0, [1, 1, 7]), read: { kind: 'array', type: 1, indexType: 1, count: 7 }, size: 28 },
  {
    bytes: type(4, 1, 12, [0, 1, 32]),
    read: { kind: 'struct', size: 12, members: [{ nameOffset: 0, type: 1, bitOffset: 32, bitSize: 0 }] },
    size: 12,
  },
  {
    bytes: type(4, 1, 4, [0, 1, (3 << 24) | 5], 0, 1),
    read: { kind: 'struct', size: 4, members: [{ nameOffset: 0, type: 1, bitOffset: 5, bitSize: 3 }] },
    size: 4,
  },
  { bytes: type(5, 0, 16), read: { kind: 'union', size: 16, members: [] }, size: 16 },
  {
    bytes: type(6, 1, 4, [0, 0xffff_ffff]),
    read: { kind: 'enum', size: 4, signed: false, values: [{ nameOffset: 0, value: 4294967295n }] },
    size: 4,
  },
  {
    bytes: type(6, 1, 4, [0, 0xffff_ffff], 0, 1),
    read: { kind: 'enum', size: 4, signed: true, values: [{ nameOffset: 0, value: -1n }] },
    size: 4,
  },
  { bytes: type(7, 0, 0, [], 0, 1), read: { kind: 'forward', of: 'union' }, size: undefined },
  { bytes: type(8, 0, 1), read: { kind: 'typedef', type: 1 }, size: 4 },
  { bytes: type(9, 0, 1), read: { kind: 'volatile', type: 1 }, size: 4 },
  { bytes: type(10, 0, 1), read: { kind: 'const', type: 1 }, size: 4 },
  { bytes: type(11, 0, 1), read: { kind: 'restrict', type: 1 }, size: 4 },
  { bytes: type(12, 1, 1), read: { kind: 'function', type: 1, linkage: 'global' }, size: undefined },
  {
    bytes: type(13, 1, 1, [0, 1]),
    read: { kind: 'function_prototype', type: 1, parameters: [{ nameOffset: 0, type: 1 }] },
    size: undefined,
  },
  { bytes: type(14, 0, 1, [2]), read: { kind: 'variable', type: 1, linkage: 'extern' }, size: 4 },
  {
    bytes: type(15, 1, 64, [1, 8, 4]),
    read: { kind: 'data_section', size: 64, variables: [{ type: 1, offset: 8, size: 4 }] },
    size: 64,
  },
  { bytes: type(16, 0, 8), read: { kind: 'float', size: 8 }, size: 8 },
  { bytes: type(17, 0, 1, [0xffff_ffff]), read: { kind: 'declaration_tag', type: 1, component: -1 }, size: undefined },
  { bytes: type(18, 0, 1), read: { kind: 'type_tag', type: 1 }, size: 4 },
  {
    bytes: type(19, 1, 8, [0, 2, 1]),
    read: { kind: 'enum64', size: 8, signed: false, values: [{ nameOffset: 0, value: 0x1_0000_0002n }] },
    size: 8,
  },
];

test('every kind is read', async (context) => {
  for (const { bytes, read, size } of KINDS) {
    const { kind } = read as { kind: BtfKind };
    await context.test(kind, () => {
      const btf = readBtf(btfSection([INT, bytes]));
      assert.deepEqual(btf.types[2], { ...read, at: 24 + INT.length, nameOffset: 0 });
      assert.equal(sizeOfType(btf, 2), size);
    });
  }
  assert.deepEqual(
    new Set(KINDS.map(({ read }) => (read as { kind: string }).kind)),
    new Set(Object.keys(BTF_KINDS)),
    'a kind has no row',
  );
});

const VALID = btfSection([INT]);
const patched = (offset: number, ...bytes: readonly number[]): Uint8Array => {
  const copy = VALID.slice();
  copy.set(bytes, offset);
  return copy;
};

const MALFORMED: readonly { readonly name: string; readonly bytes: Uint8Array; readonly offset: number }[] = [
  { name: 'empty', bytes: new Uint8Array(0), offset: 0 },
  { name: 'header cut off', bytes: VALID.subarray(0, 23), offset: 0 },
  { name: 'big-endian magic', bytes: patched(0, 0xeb, 0x9f), offset: 0 },
  { name: 'version 2', bytes: patched(2, 2), offset: 2 },
  { name: 'flags', bytes: patched(3, 1), offset: 3 },
  { name: 'header length short', bytes: patched(4, 8), offset: 4 },
  { name: 'header length past the end', bytes: patched(4, 0xff, 0xff), offset: 4 },
  { name: 'types not aligned', bytes: patched(8, 1), offset: 8 },
  { name: 'types past the end', bytes: patched(12, 0xff, 0xff, 0xff, 0xff), offset: 8 },
  { name: 'strings past the end', bytes: patched(20, 0xff), offset: 16 },
  { name: 'no strings', bytes: patched(20, 0), offset: 40 },
  { name: 'strings without a last zero', bytes: btfSection([INT], new Uint8Array([0, 65])), offset: 40 },
  { name: 'strings without a first zero', bytes: btfSection([INT], new Uint8Array([65, 0])), offset: 40 },
  { name: 'kind 0', bytes: btfSection([INT, type(0, 0, 0)]), offset: 44 },
  { name: 'kind 20', bytes: btfSection([INT, type(20, 0, 0)]), offset: 44 },
  { name: 'type cut off', bytes: btfSection([INT, words(0, 0)]), offset: 40 },
  { name: 'elements cut off', bytes: btfSection([INT, type(4, 9, 4)]), offset: 40 },
  { name: 'reference to nothing', bytes: btfSection([INT, type(2, 0, 3)]), offset: 40 },
  { name: 'member refers to nothing', bytes: btfSection([INT, type(4, 1, 4, [0, 9, 0])]), offset: 40 },
  { name: 'parameter refers to nothing', bytes: btfSection([INT, type(13, 1, 0, [0, 9])]), offset: 40 },
  { name: 'section refers to nothing', bytes: btfSection([INT, type(15, 1, 0, [9, 0, 0])]), offset: 40 },
  { name: 'linkage 3', bytes: btfSection([INT, type(12, 3, 1)]), offset: 44 },
];

test('malformed bytes name their offset', async (context) => {
  for (const { name, bytes, offset } of MALFORMED) {
    await context.test(name, () => {
      assert.throws(
        () => readBtf(bytes),
        (error) => error instanceof BtfError && error.offset === offset,
      );
    });
  }
});

test('a view into a larger buffer is read from its own start', () => {
  const bytes = concat(new Uint8Array(5), VALID, new Uint8Array(5)).subarray(5, 5 + VALID.length);
  assert.equal(readBtf(bytes).types.length, 2);
});

test('cycles end', async (context) => {
  const cycles: readonly { readonly name: string; readonly types: readonly Uint8Array[] }[] = [
    { name: 'typedef of itself', types: [type(8, 0, 1)] },
    { name: 'const and volatile of each other', types: [type(10, 0, 2), type(9, 0, 1)] },
  ];
  for (const { name, types } of cycles) {
    await context.test(name, () => {
      const btf = readBtf(btfSection(types));
      assert.throws(() => skipModifiers(btf, 1), { limit: 'MAX_RESOLVE_DEPTH' });
      assert.throws(() => sizeOfType(btf, 1), { limit: 'MAX_RESOLVE_DEPTH' });
    });
  }
  await context.test('array of itself', () => {
    const btf = readBtf(btfSection([type(3, 0, 0, [1, 1, 1])]));
    assert.throws(() => sizeOfType(btf, 1), { limit: 'MAX_RESOLVE_DEPTH' });
  });
  await context.test('a struct with a pointer to itself is no cycle of sizes', () => {
    const btf = readBtf(btfSection([type(4, 1, 8, [0, 2, 0]), type(2, 0, 1)]));
    assert.equal(sizeOfType(btf, 1), 8);
  });
});

test('a type of more than 4 GiB has no size', () => {
  const btf = readBtf(btfSection([INT, type(3, 0, 0, [1, 1, 0x4000_0000])]));
  assert.throws(() => sizeOfType(btf, 2), BtfError);
});

test('strings are read by offset, and refused outside the table', () => {
  const strings = new Strings();
  const offset = strings.add('naïve');
  const btf = readBtf(btfSection([INT], strings.bytes));
  assert.equal(btf.strings.at(0), '');
  assert.equal(btf.strings.at(offset), 'naïve');
  assert.equal(btf.strings.at(offset + 3), '\uFFFDve');
  assert.throws(() => btf.strings.at(strings.bytes.length), BtfError);
});

test('long strings and many overlapping ones pass a bound', () => {
  const long = readBtf(btfSection([INT], Buffer.from(`\0${'a'.repeat(16_385)}\0`)));
  assert.throws(() => long.strings.at(1), { limit: 'MAX_STRING_BYTES' });
  assert.equal(long.strings.at(2).length, 16_384);
  const overlapping = readBtf(btfSection([INT], Buffer.from(`\0${'a'.repeat(16_384)}\0`)));
  assert.throws(
    () => {
      for (let offset = 1; offset < 16_384; offset++) overlapping.strings.at(offset);
    },
    { limit: 'MAX_STRING_TABLE_READ_BYTES' },
  );
});
