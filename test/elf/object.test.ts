import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ElfError, ObjectRefusal, ObjectUnsupported } from '../../src/elf/error.ts';
import { readObject } from '../../src/elf/object.ts';
import { MAP_TYPES } from '../../src/spec/maps.ts';
import type { ObjectSpec, ProgramSpec } from '../../src/spec/object.ts';
import { PROGRAM_TYPES } from '../../src/spec/programs.ts';
import { fixtureRows, objectBytes } from '../support/fixtures.ts';

interface LibbpfRow {
  readonly object: string;
  readonly errno: string | null;
  readonly maps: readonly {
    readonly name: string;
    readonly type: number;
    readonly keySize: number;
    readonly valueSize: number;
    readonly maxEntries: number;
    readonly flags: number;
  }[];
  readonly programs: readonly {
    readonly name: string;
    readonly type: number;
    readonly attach: number;
    readonly autoload: number;
    readonly section: string;
    readonly code: string;
  }[];
}

/** BPF_F_MMAPABLE, which libbpf sets on global data for user space's sake. */
const MMAPABLE = 0x400;
const ATTACH_NUMBERS: Readonly<Record<string, number>> = { xdp: 37 };

const read = (name: string): ObjectSpec => readObject(objectBytes(name));

function program(object: string, name: string): ProgramSpec {
  const found = read(object).programs.find((candidate) => candidate.name === name);
  assert.ok(found, `${object} has no program ${name}`);
  return found;
}

test('objects are linked as libbpf links them, or refused with its errno', async (context) => {
  for (const row of fixtureRows<LibbpfRow>('libbpf.json')) {
    await context.test(row.object, () => {
      if (row.errno !== null) {
        assert.throws(
          () => read(row.object),
          (error) => error instanceof ObjectRefusal && error.errno === row.errno,
        );
        return;
      }
      const spec = read(row.object);
      assert.deepEqual(
        spec.maps.map(({ name, type, keySize, valueSize, maxEntries, flags }) => ({
          name,
          type: MAP_TYPES[type].number,
          keySize,
          valueSize,
          maxEntries,
          flags,
        })),
        // libbpf puts the object's name before .data, .rodata and .bss.
        row.maps.map(({ name, flags, ...rest }) => ({
          ...rest,
          name: name.includes('.') ? name.slice(name.indexOf('.')) : name,
          flags: flags & ~MMAPABLE,
        })),
      );
      assert.deepEqual(
        spec.programs.map(({ name, type, attachType, section, code }) => ({
          name,
          type: PROGRAM_TYPES[type].number,
          attach: attachType === null ? 0 : ATTACH_NUMBERS[attachType],
          section,
          code: Buffer.from(code).toString('hex'),
        })),
        row.programs
          .filter(({ autoload }) => autoload === 1)
          .map(({ autoload, ...rest }) => (autoload === 1 ? rest : assert.fail('filtered'))),
      );
    });
  }
});

const UNSUPPORTED: readonly { readonly object: string; readonly feature: string }[] = [
  { object: 'refused-program-type.o', feature: 'program type kprobe' },
  { object: 'refused-map-type.o', feature: 'map type ringbuf' },
  { object: 'refused-callback.o', feature: 'callback functions' },
  { object: 'refused-kconfig.o', feature: '.kconfig externs' },
  { object: 'refused-ksyms.o', feature: '.ksyms externs' },
  { object: 'refused-core.o', feature: 'CO-RE relocations' },
  { object: 'refused-struct-ops.o', feature: 'struct_ops' },
];

test('what is not implemented is refused by name', async (context) => {
  for (const { object, feature } of UNSUPPORTED) {
    await context.test(feature, () => {
      assert.throws(
        () => read(object),
        (error) => error instanceof ObjectUnsupported && error.feature === feature && error.message.includes(feature),
      );
    });
  }
});

test('a big-endian object is refused by name', () => {
  assert.throws(
    () => read('one-program.big-endian.o'),
    (error) => error instanceof ElfError && error.offset === 5 && /big-endian/.test(error.message),
  );
});

test('the smallest object, whole', () => {
  assert.deepEqual(read('one-program.o'), {
    programs: [
      {
        name: 'pass',
        type: 'xdp',
        attachType: 'xdp',
        flags: [],
        license: 'GPL',
        code: new Uint8Array([0xb4, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]),
        functions: [{ name: 'pass', pc: 0, linkage: 'global', returns: 'int' }],
        hasBtf: true,
        lines: [{ pc: 0, file: './one-program.c', line: 7, column: 2, text: '\treturn XDP_PASS;' }],
        section: 'xdp',
      },
    ],
    maps: [],
    notes: [],
  });
});

test('without -g there are no types, no lines, and functions still have names', () => {
  const entry = program('text-calls.no-debug.o', 'entry');
  assert.equal(entry.hasBtf, false);
  assert.deepEqual(entry.lines, []);
  assert.equal(entry.license, '');
  assert.deepEqual(entry.functions, [
    { name: 'entry', pc: 0, linkage: 'static', returns: undefined },
    { name: 'first', pc: 3, linkage: 'static', returns: undefined },
    { name: 'second', pc: 8, linkage: 'static', returns: undefined },
    { name: 'third', pc: 17, linkage: 'static', returns: undefined },
  ]);
});

test('each program has just the subprograms that it reaches, in the order of its calls', () => {
  const names = (name: string): string[] => program('subprograms.o', name).functions.map((found) => found.name);
  assert.deepEqual(names('first'), ['first', 'unused_by_second', 'global_double', 'outer', 'shared']);
  assert.deepEqual(names('second'), ['second', 'shared', 'hidden_triple', 'global_double', 'outer']);
});

test('linkage: a hidden global function counts as static', () => {
  const linkage = Object.fromEntries(
    program('subprograms.o', 'second').functions.map((found) => [found.name, found.linkage]),
  );
  assert.deepEqual(linkage, {
    second: 'global',
    shared: 'static',
    hidden_triple: 'static',
    global_double: 'global',
    outer: 'static',
  });
});

test('what functions return', () => {
  const returns = Object.fromEntries(
    program('returns.o', 'entry').functions.map((found) => [found.name, found.returns]),
  );
  assert.deepEqual(returns, {
    entry: 'int',
    return_nothing: 'void',
    return_enum: 'int',
    return_long: 'int',
    return_pointer: 'pointer',
  });
});

test('lines stay with their functions: each instruction of a call names a call, in every copy', () => {
  for (const name of ['first', 'second']) {
    const { lines, code, functions } = program('subprograms.o', name);
    assert.ok(
      lines.every(({ pc }, index) => index === 0 || pc > lines[index - 1]!.pc),
      'sorted by pc',
    );
    for (const { pc, name: called } of functions) {
      assert.ok(
        lines.some((line) => line.pc === pc && line.text !== ''),
        `${called} has a first line`,
      );
    }
    const calls = Array.from({ length: code.length / 8 }, (_, pc) => pc).filter(
      (pc) => code[pc * 8] === 0x85 && code[pc * 8 + 1] === 0x10,
    );
    assert.ok(calls.length >= 4);
    const view = new DataView(code.buffer, code.byteOffset);
    for (const pc of calls) {
      const target = functions.find((found) => found.pc === pc + 1 + view.getInt32(pc * 8 + 4, true));
      assert.ok(target, `the call at ${pc} reaches a function`);
      const text = lines.findLast((line) => line.pc <= pc)?.text ?? '';
      assert.ok(text.includes(`${target.name}(`), `${pc}: ${text} calls ${target.name}`);
    }
  }
});

test('static slots, a hole between them, and a prog array without any', () => {
  for (const object of ['slots.o', 'slots.clang-14.o', 'slots.clang-16.o', 'slots.clang-22.o']) {
    const [jump, plain] = read(object).maps;
    assert.deepEqual(jump?.slots, [
      { index: 0, program: 'leaf0' },
      { index: 2, program: 'leaf2' },
    ]);
    assert.deepEqual(plain?.slots, []);
  }
});

test('global data: bytes, frozen where it is read-only', () => {
  const rows = read('data.o').maps.map(({ name, frozen, entries }) => ({
    name,
    frozen,
    key: Buffer.from(entries[0]!.key).toString('hex'),
    value: Buffer.from(entries[0]!.value).toString('hex'),
  }));
  assert.deepEqual(rows, [
    { name: '.data', frozen: false, key: '00000000', value: '29000000000000000a000000140000001e00000028000000' },
    { name: '.rodata', frozen: true, key: '00000000', value: 'e803000001000000020000000300000004000000' },
    { name: '.data.own', frozen: false, key: '00000000', value: '4d000000' },
    { name: '.rodata.greeting', frozen: true, key: '00000000', value: '68656c6c6f00' },
    { name: '.bss', frozen: false, key: '00000000', value: '00'.repeat(40) },
  ]);
});

test('section names give type, attach type and flags', () => {
  const rows = [...read('types.o').programs, ...read('attach-types.o').programs].map(
    ({ name, type, attachType, flags }) => [name, type, attachType, ...flags],
  );
  assert.deepEqual(rows, [
    ['filter', 'socket_filter', null],
    ['classify', 'sched_cls', null],
    ['classify_again', 'sched_cls', null],
    ['traced', 'raw_tracepoint', null],
    ['fragments', 'xdp', 'xdp', 'xdp_has_frags'],
    ['ingress', 'sched_cls', 'tcx_ingress'],
    ['egress', 'sched_cls', 'tcx_egress'],
    ['devmap', 'xdp', 'xdp_devmap'],
  ]);
});

test('a section with ? is not loaded, and a note says so', () => {
  const { programs, notes } = read('types.o');
  assert.ok(!programs.some(({ name }) => name === 'left_out'));
  assert.deepEqual(notes, ["program 'left_out' is not loaded: its section is '?xdp'"]);
});

test('the requests of the example hold the object beside them', () => {
  for (const kind of ['tcp', 'udp', 'arp']) {
    const request = JSON.parse(
      readFileSync(new URL(`../../examples/parser-chain.${kind}.json`, import.meta.url), 'utf8'),
    ) as { object: { elf: { base64: string } } };
    assert.deepEqual(new Uint8Array(Buffer.from(request.object.elf.base64, 'base64')), objectBytes('parser-chain.o'));
  }
});

test('reading twice gives the same, and leaves the bytes alone', () => {
  const bytes = objectBytes('parser-chain.o');
  const before = bytes.slice();
  assert.deepEqual(readObject(bytes), readObject(bytes));
  assert.deepEqual(bytes, before);
});
