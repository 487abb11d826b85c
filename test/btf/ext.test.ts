import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BtfError } from '../../src/btf/error.ts';
import { readBtfExt } from '../../src/btf/ext.ts';
import { readBtf } from '../../src/btf/read.ts';
import { btfSection, concat, extSection, Strings, words } from '../support/btf-bytes.ts';

const names = new Strings();
const XDP = names.add('xdp');
const TEXT = names.add('.text');
const FILE = names.add('a.c');
const LINE = names.add('return 1;');
const { strings } = readBtf(btfSection([], names.bytes));

const FUNCTIONS = words(8, XDP, 2, 0, 5, 16, 6, TEXT, 1, 0, 7);
const LINES = words(16, XDP, 1, 8, FILE, LINE, (12 << 10) | 9);
const NOTHING = new Uint8Array(0);

test('functions and lines by section', () => {
  const ext = readBtfExt(extSection(FUNCTIONS, LINES), strings);
  assert.deepEqual(ext, {
    functions: new Map([
      [
        'xdp',
        [
          { offset: 0, type: 5 },
          { offset: 16, type: 6 },
        ],
      ],
      ['.text', [{ offset: 0, type: 7 }]],
    ]),
    lines: new Map([['xdp', [{ offset: 8, fileOffset: FILE, textOffset: LINE, line: 12, column: 9 }]]]),
    hasCoreRelocations: false,
  });
});

test('longer records are read by their size', () => {
  const ext = readBtfExt(extSection(words(12, XDP, 2, 0, 5, 99, 8, 6, 99), NOTHING), strings);
  assert.deepEqual(ext.functions.get('xdp'), [
    { offset: 0, type: 5 },
    { offset: 8, type: 6 },
  ]);
});

test('CO-RE relocations are seen, also behind the short header there are none', () => {
  assert.equal(readBtfExt(extSection(NOTHING, NOTHING, words(16)), strings).hasCoreRelocations, true);
  const short = concat(words(0x0001_eb9f, 24, 0, 0, 0, 0));
  assert.equal(readBtfExt(short, strings).hasCoreRelocations, false);
});

const MALFORMED: readonly { readonly name: string; readonly bytes: Uint8Array; readonly offset: number }[] = [
  { name: 'empty', bytes: NOTHING, offset: 0 },
  { name: 'magic', bytes: words(1, 24, 0, 0, 0, 0), offset: 0 },
  { name: 'version', bytes: words(0x0002_eb9f, 24, 0, 0, 0, 0), offset: 2 },
  { name: 'header length', bytes: words(0x0001_eb9f, 25, 0, 0, 0, 0), offset: 4 },
  { name: 'part past the end', bytes: words(0x0001_eb9f, 24, 0, 4, 0, 0), offset: 8 },
  { name: 'record too small', bytes: extSection(words(4, XDP, 1, 0), NOTHING), offset: 32 },
  { name: 'record not in words', bytes: extSection(words(9, XDP, 1, 0, 0, 0), NOTHING), offset: 32 },
  { name: 'section header cut off', bytes: extSection(words(8, XDP), NOTHING), offset: 36 },
  { name: 'no records', bytes: extSection(words(8, XDP, 0), NOTHING), offset: 40 },
  { name: 'records cut off', bytes: extSection(words(8, XDP, 2, 0, 1), NOTHING), offset: 40 },
  { name: 'count of four billion', bytes: extSection(words(8, XDP, 0xffff_ffff, 0, 1), NOTHING), offset: 40 },
  { name: 'same section twice', bytes: extSection(words(8, XDP, 1, 0, 1, XDP, 1, 8, 1), NOTHING), offset: 52 },
  { name: 'inside an instruction', bytes: extSection(words(8, XDP, 1, 4, 1), NOTHING), offset: 44 },
  { name: 'offsets fall', bytes: extSection(words(8, XDP, 2, 8, 1, 0, 1), NOTHING), offset: 52 },
  { name: 'offsets repeat', bytes: extSection(NOTHING, words(16, XDP, 2, 8, 0, 0, 0, 8, 0, 0, 0)), offset: 60 },
];

test('malformed bytes name their offset', async (context) => {
  for (const { name, bytes, offset } of MALFORMED) {
    await context.test(name, () => {
      assert.throws(
        () => readBtfExt(bytes, strings),
        (error) => error instanceof BtfError && error.section === '.BTF.ext' && error.offset === offset,
      );
    });
  }
});
