import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BtfError } from '../../src/btf/error.ts';
import { ElfError, ObjectRefusal } from '../../src/elf/error.ts';
import { readElf, SECTION_TYPE } from '../../src/elf/file.ts';
import { readObject } from '../../src/elf/object.ts';
import { objectBytes } from '../support/fixtures.ts';

const SLOTS = objectBytes('slots.o');
const CALLS = objectBytes('text-calls.o');

const sectionTable = (bytes: Uint8Array): number => Number(new DataView(bytes.buffer).getBigUint64(40, true));

/** Byte offset of a section's header. */
function headerOf(bytes: Uint8Array, name: string): number {
  const section = readElf(bytes).sections.find((candidate) => candidate.name === name);
  assert.ok(section, `no section ${name}`);
  return sectionTable(bytes) + section.index * 64;
}

/** Byte offset of a section's content. */
function contentOf(bytes: Uint8Array, name: string): number {
  return readElf(bytes).sections.find((candidate) => candidate.name === name)!.fileOffset;
}

/** Byte offset of a symbol. */
function symbolOf(bytes: Uint8Array, name: string): number {
  const file = readElf(bytes);
  const table = file.sections.find(({ type }) => type === SECTION_TYPE.SYMTAB)!;
  return table.fileOffset + file.symbols.findIndex((symbol) => symbol.name === name) * 24;
}

function edited(bytes: Uint8Array, edit: (view: DataView) => void): Uint8Array {
  const copy = bytes.slice();
  edit(new DataView(copy.buffer));
  return copy;
}

interface Row {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly error: { readonly section?: string | null; readonly offset?: number | null; readonly limit?: string };
  readonly text: RegExp;
}

const UNREADABLE: readonly Row[] = [
  { name: 'empty', bytes: new Uint8Array(0), error: { offset: 0 }, text: /no ELF magic/ },
  { name: 'not ELF', bytes: new TextEncoder().encode('#!/bin/sh'), error: { offset: 0 }, text: /no ELF magic/ },
  { name: 'only the magic', bytes: SLOTS.subarray(0, 8), error: { offset: 0 }, text: /inside its header/ },
  { name: '32-bit', bytes: edited(SLOTS, (view) => view.setUint8(4, 1)), error: { offset: 4 }, text: /ELFCLASS64/ },
  {
    name: 'byte order 3',
    bytes: edited(SLOTS, (view) => view.setUint8(5, 3)),
    error: { offset: 5 },
    text: /byte order 3/,
  },
  {
    name: 'x86-64',
    bytes: edited(SLOTS, (view) => view.setUint16(18, 62, true)),
    error: { offset: 18 },
    text: /machine 62 is not BPF/,
  },
  {
    name: 'executable',
    bytes: edited(SLOTS, (view) => view.setUint16(16, 2, true)),
    error: { offset: 16 },
    text: /ET_REL/,
  },
  {
    name: 'header size',
    bytes: edited(SLOTS, (view) => view.setUint16(58, 40, true)),
    error: { offset: 58 },
    text: /headers of 40/,
  },
  {
    name: 'no sections',
    bytes: edited(SLOTS, (view) => view.setUint16(60, 0, true)),
    error: { offset: 40 },
    text: /outside the file/,
  },
  {
    name: 'table past the end',
    bytes: edited(SLOTS, (view) => view.setUint32(44, 1, true)),
    error: { offset: 40 },
    text: /outside the file/,
  },
  {
    name: 'too many sections',
    bytes: edited(SLOTS, (view) => view.setUint16(60, 9000, true)),
    error: { limit: 'MAX_SECTIONS' },
    text: /9000 sections/,
  },
  {
    name: 'name section',
    bytes: edited(SLOTS, (view) => view.setUint16(62, 8000, true)),
    error: { offset: 62 },
    text: /section 8000/,
  },
  { name: 'cut in half', bytes: SLOTS.subarray(0, SLOTS.length / 2), error: { offset: 40 }, text: /outside the file/ },
  {
    name: 'too large',
    bytes: new Uint8Array(4 * 1024 * 1024 + 1),
    error: { limit: 'MAX_OBJECT_BYTES' },
    text: /4194305 bytes/,
  },
  {
    name: 'section past the end',
    bytes: edited(SLOTS, (view) => view.setUint32(headerOf(SLOTS, 'tc') + 32, 1e9, true)),
    error: { offset: headerOf(SLOTS, 'tc') },
    text: /past the end of the file/,
  },
  {
    name: 'section name past the end',
    bytes: edited(SLOTS, (view) => view.setUint32(headerOf(SLOTS, 'tc'), 1e9, true)),
    error: { section: '.shstrtab' },
    text: /outside the table/,
  },
  {
    name: 'no symbol table',
    bytes: edited(SLOTS, (view) => view.setUint32(headerOf(SLOTS, '.symtab') + 4, 0, true)),
    error: { section: null },
    text: /no symbol table/,
  },
  {
    name: 'symbols without strings',
    bytes: edited(SLOTS, (view) => view.setUint32(headerOf(SLOTS, '.symtab') + 40, 0, true)),
    error: { section: '.symtab' },
    text: /string table is missing/,
  },
  {
    name: 'half a symbol',
    bytes: edited(SLOTS, (view) => view.setUint32(headerOf(SLOTS, '.symtab') + 32, 25, true)),
    error: { section: '.symtab' },
    text: /no multiple of 24/,
  },
  {
    name: 'relocation of a missing symbol',
    bytes: edited(SLOTS, (view) => view.setUint32(contentOf(SLOTS, '.reltc') + 12, 1e6, true)),
    error: { section: '.reltc' },
    text: /symbol that is missing/,
  },
  {
    name: 'relocation past its section',
    bytes: edited(SLOTS, (view) => view.setUint32(contentOf(SLOTS, '.reltc'), 1e6, true)),
    error: { section: '.reltc' },
    text: /outside 'tc'/,
  },
  {
    name: 'relocation type of data',
    bytes: edited(SLOTS, (view) => view.setUint32(contentOf(SLOTS, '.reltc') + 8, 3, true)),
    error: { section: 'tc' },
    text: /type 3 is not one of code/,
  },
  {
    name: 'function past its section',
    bytes: edited(SLOTS, (view) => view.setUint32(symbolOf(SLOTS, 'entry') + 16, 800, true)),
    error: { section: 'tc' },
    text: /'entry' reaches past/,
  },
  {
    name: 'function of half a slot',
    bytes: edited(SLOTS, (view) => view.setUint32(symbolOf(SLOTS, 'leaf0') + 16, 12, true)),
    error: { section: 'tc' },
    text: /'leaf0' has 12 bytes/,
  },
  {
    name: 'two programs of one name',
    bytes: edited(SLOTS, (view) => {
      const name = view.getUint32(symbolOf(SLOTS, 'leaf0'), true);
      view.setUint32(symbolOf(SLOTS, 'leaf2'), name, true);
    }),
    error: { section: 'tc' },
    text: /a second program named 'leaf0'/,
  },
  {
    name: 'two sections of data of one name',
    bytes: edited(objectBytes('data.o'), (view) => {
      const bytes = new Uint8Array(view.buffer);
      view.setUint32(headerOf(bytes, '.data.own'), view.getUint32(headerOf(bytes, '.data'), true), true);
    }),
    error: { section: null },
    text: /a second map named '\.data'/,
  },
  {
    name: 'overlapping functions',
    bytes: edited(SLOTS, (view) => view.setUint32(symbolOf(SLOTS, 'leaf2') + 8, 8, true)),
    error: { section: 'tc' },
    text: /'leaf2' overlaps/,
  },
];

test('what cannot be read names section and offset', async (context) => {
  for (const { name, bytes, error: expected, text } of UNREADABLE) {
    await context.test(name, () => {
      assert.throws(
        () => readObject(bytes),
        (error) => {
          assert.ok(error instanceof ElfError, String(error));
          for (const [field, value] of Object.entries(expected))
            assert.deepEqual(Reflect.get(error, field), value, field);
          assert.match(error.message, text);
          return true;
        },
      );
    });
  }
});

test('a damaged .BTF is the fault of its section', () => {
  const bytes = edited(SLOTS, (view) => view.setUint16(contentOf(SLOTS, '.BTF'), 0, true));
  assert.throws(
    () => readObject(bytes),
    (error) => error instanceof BtfError && error.section === '.BTF',
  );
});

test('a .bss of gigabytes passes a bound and takes no memory', () => {
  const data = objectBytes('data.o');
  const bytes = edited(data, (view) => view.setUint32(headerOf(data, '.bss') + 36, 64, true));
  assert.throws(() => readObject(bytes), { limit: 'MAX_GLOBAL_DATA_BYTES', section: '.bss' });
});

/** Slot of the first `lddw` or call in a section's code, as a byte offset in the file. */
function instruction(bytes: Uint8Array, section: string, opcode: number, nth = 0): number {
  const start = contentOf(bytes, section);
  let at = start;
  for (let left = nth; bytes[at] !== opcode || left-- > 0; at += 8) assert.ok(at < bytes.length);
  return at;
}

const REFUSED: readonly {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly errno: string;
  readonly text: RegExp;
}[] = [
  {
    name: 'relocation of an instruction that takes none',
    bytes: edited(SLOTS, (view) => view.setUint8(instruction(SLOTS, 'tc', 0x18), 0xb7)),
    errno: 'LIBBPF_ERRNO__RELOC',
    text: /function 'entry', instruction 2: invalid relo for opcode 0xb7/,
  },
  {
    name: 'relocation of a helper call',
    bytes: edited(CALLS, (view) => view.setUint8(instruction(CALLS, 'socket', 0x85) + 1, 0)),
    errno: 'LIBBPF_ERRNO__RELOC',
    text: /function 'entry', instruction 1: incorrect bpf_call opcode against 'first'/,
  },
  {
    name: 'call to where no function begins',
    bytes: edited(CALLS, (view) => view.setInt32(instruction(CALLS, '.text', 0x85) + 4, 3, true)),
    errno: 'LIBBPF_ERRNO__RELOC',
    text: /where no function begins/,
  },
  {
    name: 'a load of what is neither map nor data',
    bytes: edited(SLOTS, (view) => {
      const licence = readElf(SLOTS).symbols.findIndex(({ name }) => name === 'LICENSE');
      view.setUint32(contentOf(SLOTS, '.reltc') + 12, licence, true);
    }),
    errno: 'LIBBPF_ERRNO__RELOC',
    text: /'LICENSE': bad map relo/,
  },
  {
    name: 'a slot that is no program',
    bytes: edited(SLOTS, (view) => view.setUint32(contentOf(SLOTS, '.rel.maps') + 12, 1, true)),
    errno: 'ESRCH',
    text: /isn't a valid program reference/,
  },
  {
    name: 'a slot before the values',
    bytes: edited(SLOTS, (view) => view.setUint32(contentOf(SLOTS, '.rel.maps'), 8, true)),
    errno: 'EINVAL',
    text: /outside its values/,
  },
  {
    name: 'a map by a descriptor of nobody',
    bytes: edited(objectBytes('one-program.no-debug.o'), (view) => {
      const at = contentOf(new Uint8Array(view.buffer), 'xdp');
      view.setUint16(at, 0x1018, true);
      view.setUint32(at + 4, 5, true);
      view.setBigUint64(at + 8, 0n);
    }),
    errno: 'EBADF',
    text: /names a map by file descriptor/,
  },
  {
    name: 'the address of a function without a relocation',
    bytes: edited(objectBytes('one-program.no-debug.o'), (view) => {
      const at = contentOf(new Uint8Array(view.buffer), 'xdp');
      view.setUint16(at, 0x4018, true);
      view.setBigUint64(at + 8, 0n);
    }),
    errno: 'LIBBPF_ERRNO__RELOC',
    text: /missing subprog addr relo/,
  },
  {
    name: 'a call inside a section of its own',
    bytes: edited(objectBytes('one-program.no-debug.o'), (view) => {
      view.setBigUint64(contentOf(new Uint8Array(view.buffer), 'xdp'), 0x8510_0000_0000_0000n);
    }),
    errno: 'LIBBPF_ERRNO__RELOC',
    text: /no \.text section/,
  },
];

test('what libbpf refuses has its errno', async (context) => {
  for (const { name, bytes, errno, text } of REFUSED) {
    await context.test(name, () => {
      assert.throws(
        () => readObject(bytes),
        (error) => {
          assert.ok(error instanceof ObjectRefusal, String(error));
          assert.equal(error.errno, errno, error.message);
          assert.match(error.message, text);
          return true;
        },
      );
    });
  }
});
