import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BtfError } from '../../src/btf/error.ts';
import { readBtfExt } from '../../src/btf/ext.ts';
import { readBtf } from '../../src/btf/read.ts';
import { ElfError, ObjectRefusal, ObjectUnsupported } from '../../src/elf/error.ts';
import { readElf } from '../../src/elf/file.ts';
import { MAX_LINKED_SLOTS } from '../../src/elf/limits.ts';
import { readObject } from '../../src/elf/object.ts';
import type { ObjectSpec } from '../../src/spec/object.ts';
import { objectBytes } from '../support/fixtures.ts';

const SEED = 20_261_125;
const OBJECTS = [
  'parser-chain.o',
  'subprograms.o',
  'data.o',
  'slots.clang-14.o',
  'maps.o',
  'text-calls.no-debug.o',
].map((name) => objectBytes(name));

/** Where a mutation does most: everything but the debug information, byte by byte. */
const INTERESTING = OBJECTS.map((bytes) => {
  const file = readElf(bytes);
  const table = new DataView(bytes.buffer).getUint32(40, true);
  const spans = [
    { from: 0, to: 64 },
    { from: table, to: table + file.sections.length * 64 },
    ...file.sections
      .filter(({ name, type }) => type !== 8 && !name.startsWith('.debug') && !name.startsWith('.rel.debug'))
      .map(({ fileOffset, size }) => ({ from: fileOffset, to: fileOffset + size })),
  ];
  return spans.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, index) => from + index));
});

/** One to three bytes set to values of which the extremes are the likeliest; sometimes the end cut off. */
const mutation = fc.record({
  object: fc.nat({ max: OBJECTS.length - 1 }),
  edits: fc.array(
    fc.record({
      where: fc.nat({ max: 0xff_ffff }),
      value: fc.oneof(fc.constantFrom(0, 1, 2, 3, 0x7f, 0x80, 0xff), fc.nat({ max: 255 })),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  keep: fc.oneof(
    { weight: 19, arbitrary: fc.constant(1) },
    fc.nat({ max: 99 }).map((percent) => percent / 100),
  ),
});

function mutate({
  object,
  edits,
  keep,
}: typeof mutation extends fc.Arbitrary<infer Value> ? Value : never): Uint8Array {
  const bytes = OBJECTS[object]!.slice();
  const places = INTERESTING[object]!;
  for (const { where, value } of edits) bytes[places[where % places.length]!] = value;
  return bytes.subarray(0, Math.floor(bytes.length * keep));
}

function isKnown(error: unknown): boolean {
  return (
    error instanceof ElfError ||
    error instanceof BtfError ||
    error instanceof ObjectRefusal ||
    error instanceof ObjectUnsupported
  );
}

/** What every description promises to those who run it. */
function checkSpec(spec: ObjectSpec): void {
  const names = new Set(spec.programs.map(({ name }) => name));
  for (const map of spec.maps) {
    for (const { index, program } of map.slots) assert.ok(index < map.maxEntries && names.has(program));
    for (const { key, value } of map.entries) {
      assert.equal(key.length, map.keySize);
      assert.equal(value.length, map.valueSize);
    }
  }
  for (const { code, functions, lines } of spec.programs) {
    const slots = code.length / 8;
    assert.ok(Number.isInteger(slots) && slots > 0 && slots <= MAX_LINKED_SLOTS);
    assert.equal(functions[0]?.pc, 0);
    for (const rows of [functions, lines]) {
      assert.ok(rows.every(({ pc }, index) => pc < slots && (index === 0 || pc > rows[index - 1]!.pc)));
    }
    for (let pc = 0; pc < slots; pc++) {
      if (code[pc * 8] !== 0x18 || pc + 1 === slots) continue;
      const source = code[pc * 8 + 1]! >>> 4;
      const imm = new DataView(code.buffer, code.byteOffset).getInt32(pc * 8 + 4, true);
      if (source === 1 || source === 2) assert.ok(imm >= 0 && imm < spec.maps.length, 'an index into the maps');
      pc++;
    }
  }
}

test('mutated objects are read, or refused by one of four errors, and nothing else happens', () => {
  let read = 0;
  let refused = 0;
  fc.assert(
    fc.property(mutation, (case_) => {
      const bytes = mutate(case_);
      let spec: ObjectSpec;
      try {
        spec = readObject(bytes);
      } catch (error) {
        if (!isKnown(error)) throw error;
        refused++;
        return;
      }
      read++;
      checkSpec(spec);
    }),
    { seed: SEED, numRuns: 4000 },
  );
  assert.ok(read > 400 && refused > 400, `${read} read, ${refused} refused: the mutations reach both ways`);
});

test('mutated BTF is read, or refused by a BtfError', () => {
  const sections = OBJECTS.flatMap((bytes) => {
    const find = (name: string) => readElf(bytes).sections.find((section) => section.name === name)?.bytes;
    const btf = find('.BTF');
    const ext = find('.BTF.ext');
    return btf === undefined || ext === undefined ? [] : [{ btf, ext }];
  });
  let refused = 0;
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 6 });
  const edit = (bytes: Uint8Array, changes: readonly (readonly [number, number])[]): Uint8Array => {
    const copy = bytes.slice();
    for (const [at, value] of changes) copy[at % copy.length] = value;
    return copy;
  };
  fc.assert(
    fc.property(fc.nat({ max: sections.length - 1 }), edits, edits, (index, inBtf, inExt) => {
      const { btf, ext } = sections[index]!;
      try {
        const { strings } = readBtf(edit(btf, inBtf));
        readBtfExt(edit(ext, inExt), strings);
      } catch (error) {
        if (!(error instanceof BtfError)) throw error;
        refused++;
      }
    }),
    { seed: SEED, numRuns: 3000 },
  );
  assert.ok(refused > 300, `${refused} refused`);
});

test('bytes of no meaning are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.throws(() => readObject(bytes), ElfError);
      assert.throws(() => readBtf(bytes), BtfError);
    }),
    { seed: SEED, numRuns: 500 },
  );
});
