import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBtf } from '../../src/btf/read.ts';
import { MAX_FUNCTIONS, MAX_LINKED_SLOTS, MAX_RELOCATIONS, MAX_SYMBOLS } from '../../src/elf/limits.ts';
import { readObject } from '../../src/elf/object.ts';
import { btfSection, type } from '../support/btf-bytes.ts';
import { elfObject, type SymbolSource, symbolSections } from '../support/object-bytes.ts';

const CODE_FLAGS = 6;
const DATA_FLAGS = 3;
const GLOBAL_FUNCTION = 0x12;
const LOCAL_FUNCTION = 2;
const EXIT = Buffer.from('9500000000000000', 'hex');

function call(imm: number): Buffer {
  const slot = Buffer.from('8510000000000000', 'hex');
  slot.writeInt32LE(imm, 4);
  return slot;
}

/** One relocation of a call at `offset` against symbol 1, `times` over. */
function callRelocations(offset: number, times = 1): Buffer {
  const rows = Buffer.alloc(16 * times);
  for (let at = 0; at < rows.length; at += 16) {
    rows.writeUInt32LE(offset, at);
    rows.writeUInt32LE(10, at + 8);
    rows.writeUInt32LE(1, at + 12);
  }
  return rows;
}

test('a chain of calls through 16,000 subprograms is linked without nesting', () => {
  const count = 16_000;
  const text = Buffer.concat(
    // The last one calls itself.
    Array.from({ length: count }, (_, index) => Buffer.concat([call(index + 1 < count ? 1 : -1), EXIT])),
  );
  const symbols: SymbolSource[] = Array.from({ length: count }, (_, index) => ({
    name: `f${index}`,
    info: LOCAL_FUNCTION,
    section: 1,
    value: index * 16,
    size: 16,
  }));
  symbols.push({ name: 'main', info: GLOBAL_FUNCTION, section: 2, value: 0, size: 16 });
  const object = elfObject([
    { name: '.text', type: 1, flags: CODE_FLAGS, bytes: text },
    { name: 'xdp', type: 1, flags: CODE_FLAGS, bytes: Buffer.concat([call(-1), EXIT]) },
    { name: '.relxdp', type: 9, bytes: callRelocations(0), info: 2 },
    ...symbolSections(symbols, 4),
  ]);
  const [program] = readObject(object).programs;
  assert.equal(program?.functions.length, count + 1);
  assert.deepEqual(
    program?.functions.map(({ name }) => name),
    ['main', ...Array.from({ length: count }, (_, index) => `f${index}`)],
  );
});

test('copies of one large subprogram pass the bound of linked slots', () => {
  const callers = 11;
  const large = Buffer.alloc((MAX_LINKED_SLOTS / 10) * 8, EXIT);
  const symbols: SymbolSource[] = [
    { name: 'large', info: GLOBAL_FUNCTION, section: 1, value: 0, size: large.length },
    ...Array.from({ length: callers }, (_, index) => ({
      name: `p${index}`,
      info: GLOBAL_FUNCTION,
      section: 2,
      value: index * 16,
      size: 16,
    })),
  ];
  const object = elfObject([
    { name: '.text', type: 1, flags: CODE_FLAGS, bytes: large },
    {
      name: 'xdp',
      type: 1,
      flags: CODE_FLAGS,
      bytes: Buffer.concat(Array(callers).fill(Buffer.concat([call(-1), EXIT]))),
    },
    {
      name: '.relxdp',
      type: 9,
      bytes: Buffer.concat(Array.from({ length: callers }, (_, index) => callRelocations(index * 16))),
      info: 2,
    },
    ...symbolSections(symbols, 4),
  ]);
  assert.throws(() => readObject(object), { name: 'ElfError', limit: 'MAX_LINKED_SLOTS' });
});

test('too many functions, symbols, relocations', () => {
  const functions: SymbolSource[] = Array.from({ length: MAX_FUNCTIONS + 1 }, (_, index) => ({
    name: 'f',
    info: GLOBAL_FUNCTION,
    section: 1,
    value: index * 8,
    size: 8,
  }));
  const code = Buffer.alloc(8 * (MAX_FUNCTIONS + 1), EXIT);
  const text = { name: 'xdp', type: 1, flags: CODE_FLAGS, bytes: code };
  assert.throws(() => readObject(elfObject([text, ...symbolSections(functions, 2)])), { limit: 'MAX_FUNCTIONS' });
  const symbols = { name: '.symtab', type: 2, bytes: Buffer.alloc(24 * (MAX_SYMBOLS + 1)), link: 2 };
  const strings = { name: '.strtab', type: 3, bytes: Buffer.alloc(1) };
  assert.throws(() => readObject(elfObject([symbols, strings])), { limit: 'MAX_SYMBOLS' });
  // The same bytes serve as several sections of relocations: their number counts, not the file's size.
  const relocations = callRelocations(0, MAX_RELOCATIONS / 2);
  const again = { name: '.rel', type: 9, info: 1, offset: 64 + code.length, size: relocations.length };
  const object = elfObject([
    text,
    { ...again, bytes: relocations.subarray(0, MAX_RELOCATIONS * 4) },
    { ...again, bytes: relocations.subarray(MAX_RELOCATIONS * 4) },
    { ...again },
    ...symbolSections(functions.slice(0, 1), 5),
  ]);
  assert.throws(() => readObject(object), { limit: 'MAX_RELOCATIONS' });
});

test('sections of data that share their bytes pass the bound of global data', () => {
  const sections = Array.from({ length: 4000 }, (_, index) => ({
    name: `.data.${index}`,
    type: 1,
    flags: DATA_FLAGS,
    offset: 64,
    size: 4096,
  }));
  const object = elfObject([...sections, ...symbolSections([], sections.length + 1)]);
  assert.throws(() => readObject(object), { limit: 'MAX_GLOBAL_DATA_BYTES' });
});

test('names that share their bytes pass the bound of strings', () => {
  const symbols = Buffer.alloc(24 * 20_000);
  for (let index = 0; index < 20_000; index++) symbols.writeUInt32LE(1 + (index % 16_000), index * 24);
  const names = Buffer.concat([Buffer.alloc(1), Buffer.alloc(16_100, 'a'), Buffer.alloc(1)]);
  const object = elfObject([
    { name: '.symtab', type: 2, bytes: symbols, link: 2 },
    { name: '.strtab', type: 3, bytes: names },
  ]);
  assert.throws(() => readObject(object), { limit: 'MAX_STRING_TABLE_READ_BYTES' });
});

test('too many types', () => {
  const pointer = type(2, 0, 0);
  const section = btfSection([new Uint8Array(Buffer.alloc(12 * 65_537, pointer))]);
  assert.throws(() => readBtf(section), { limit: 'MAX_BTF_TYPES' });
});

test('a relocation with an addend, and one of a section that is missing', () => {
  const symbols = symbolSections([{ name: 'f', info: GLOBAL_FUNCTION, section: 1, value: 0, size: 8 }], 3);
  const text = { name: 'xdp', type: 1, flags: CODE_FLAGS, bytes: EXIT };
  const addend = elfObject([text, { name: '.relaxdp', type: 4, bytes: Buffer.alloc(24), info: 1 }, ...symbols]);
  assert.throws(() => readObject(addend), { name: 'ElfError', section: '.relaxdp' });
  const nowhere = elfObject([text, { name: '.relx', type: 9, bytes: Buffer.alloc(16), info: 99 }, ...symbols]);
  assert.throws(() => readObject(nowhere), { name: 'ElfError', section: '.relx' });
});
