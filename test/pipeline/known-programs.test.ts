/** What a thread remembers of programs: which reports are used again, and which programs are forgotten. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assemble } from '../../src/isa/assemble.ts';
import { KnownPrograms } from '../../src/pipeline/known-programs.ts';
import type { MapSpec, ProgramSpec } from '../../src/spec/object.ts';

/** As documented in known-programs.ts. */
const MOST_PROGRAMS = 512;
const MOST_INSTRUCTIONS = 200_000;
const MOST_REPORTS = 4;

const NAMES = { helper: () => undefined, map: (name: string) => (name === 'm' ? 0 : undefined) };

function program(text: string, more: Partial<ProgramSpec> = {}): ProgramSpec {
  return {
    name: 'p',
    type: 'xdp',
    attachType: null,
    flags: [],
    license: 'GPL',
    code: assemble(text, NAMES).code,
    functions: [{ name: 'p', pc: 0, linkage: 'static', returns: 'int' }],
    hasBtf: true,
    lines: [],
    section: '',
    ...more,
  };
}

const KEY = new Uint8Array(4);
const KEY_1 = new Uint8Array([1, 0, 0, 0]);
const ONES = new Uint8Array(8).fill(1);
const map = (more: Partial<MapSpec> = {}): MapSpec => ({
  name: 'm',
  type: 'array',
  keySize: 4,
  valueSize: 8,
  maxEntries: 1,
  flags: 0,
  entries: [],
  slots: [],
  frozen: false,
  ...more,
});
const holding = (number: number, more: Partial<MapSpec> = {}): MapSpec =>
  map({ entries: [{ key: KEY, value: new Uint8Array(8).fill(number) }], ...more });
/** Another length of program n; all of them are accepted. */
const numbered = (number: number): ProgramSpec => program(`r0 = ${number}\nexit`);
const LOAD = 'r0 = 0\nr1 = m[0]+0 ll\nr0 = *(u64 *)(r1 + 0)\nexit';

interface ReuseRow {
  readonly name: string;
  readonly first: readonly [ProgramSpec, readonly MapSpec[]];
  readonly second: readonly [ProgramSpec, readonly MapSpec[]];
  readonly same: boolean;
}

const base = program(LOAD);
const REFERS = program('r1 = m ll\nr0 = 0\nexit');
const LINES = [{ pc: 0, file: 'p.c', line: 1, column: 1, text: '' }];
const REUSE: readonly ReuseRow[] = [
  { name: 'nothing changed', first: [base, [map()]], second: [program(LOAD), [map()]], same: true },
  { name: 'line numbers', first: [base, [map()]], second: [program(LOAD, { lines: LINES }), [map()]], same: true },
  { name: 'contents of a map', first: [base, [holding(1)]], second: [base, [holding(2)]], same: true },
  {
    name: 'slots',
    first: [base, [map(), map({ type: 'prog_array', valueSize: 4 })]],
    second: [base, [map(), map({ type: 'prog_array', valueSize: 4, slots: [{ index: 0, program: 'p' }] })]],
    same: true,
  },
  { name: 'code', first: [base, [map()]], second: [program(`${LOAD}\nexit`), [map()]], same: false },
  { name: "a map's value size", first: [base, [map()]], second: [base, [map({ valueSize: 16 })]], same: false },
  { name: "a map's elements", first: [base, [map()]], second: [base, [map({ maxEntries: 2 })]], same: false },
  { name: "a map's type", first: [base, [map()]], second: [base, [map({ type: 'percpu_array' })]], same: false },
  { name: "a map's flags", first: [base, [map()]], second: [base, [map({ flags: 1 << 7 })]], same: false },
  { name: 'one map more', first: [base, [map()]], second: [base, [map(), map({ name: 'n' })]], same: false },
  { name: 'a map is frozen', first: [base, [holding(1)]], second: [base, [holding(1, { frozen: true })]], same: false },
  {
    name: 'contents of a frozen map',
    first: [base, [holding(1, { frozen: true })]],
    second: [base, [holding(2, { frozen: true })]],
    same: false,
  },
  {
    name: 'keys of a frozen map',
    first: [REFERS, [holding(1, { frozen: true, maxEntries: 2 })]],
    second: [REFERS, [{ ...holding(1, { frozen: true, maxEntries: 2 }), entries: [{ key: KEY_1, value: ONES }] }]],
    same: false,
  },
  {
    name: 'program type',
    first: [base, [map()]],
    second: [program(LOAD, { type: 'sched_cls' }), [map()]],
    same: false,
  },
  { name: 'license', first: [base, [map()]], second: [program(LOAD, { license: 'MIT' }), [map()]], same: false },
  { name: 'flags', first: [base, [map()]], second: [program(LOAD, { flags: ['sleepable'] }), [map()]], same: false },
  { name: 'BTF', first: [base, [map()]], second: [program(LOAD, { hasBtf: false }), [map()]], same: false },
];

for (const { name, first, second, same } of REUSE) {
  test(`${name}: ${same ? 'the report is used again' : 'another report'}`, () => {
    const known = new KnownPrograms();
    for (const level of ['structure', 'runnable'] as const) {
      const report = known.verify(...first, level);
      assert.equal(report.rejection, null);
      assert.equal(known.verify(...second, level) === report, same, level);
      assert.equal(known.verify(...first, level), report, 'the first one stays');
    }
  });
}

test('each level has its own report', () => {
  const known = new KnownPrograms();
  const structure = known.verify(base, [map()], 'structure');
  assert.notEqual(known.verify(base, [map()], 'runnable'), structure);
  assert.equal(known.verify(base, [map()], 'structure'), structure);
});

test('a refusal is made anew', () => {
  const known = new KnownPrograms();
  const wrong = program('r0 = 0');
  const report = known.verify(wrong, [], 'structure');
  assert.notEqual(report.rejection, null);
  assert.notEqual(known.verify(wrong, [], 'structure'), report);
});

test('one program keeps so many reports', () => {
  const known = new KnownPrograms();
  const sizes = Array.from({ length: MOST_REPORTS + 1 }, (_, index) => 8 * (index + 1));
  const verify = (valueSize: number) => known.verify(base, [map({ valueSize })], 'structure');
  const reports = sizes.map(verify);
  assert.deepEqual(
    sizes.map((size, index) => verify(size) === reports[index]),
    sizes.map((_, index) => index < MOST_REPORTS),
  );
});

test('equal bytes are one program: decoded once, one hash, the maps that it refers to', () => {
  const known = new KnownPrograms();
  const [left, right] = [program(LOAD), program(LOAD)];
  assert.notEqual(left.code, right.code);
  assert.equal(known.decode(left.code), known.decode(right.code));
  assert.deepEqual(known.identity(right.code).maps, [0]);
  assert.equal(known.identity(left.code).hash, known.identity(right.code).hash);
  assert.notEqual(known.identity(numbered(1).code).hash, known.identity(left.code).hash);
});

test('the program that was used least recently is forgotten', () => {
  const known = new KnownPrograms();
  const first = Array.from({ length: MOST_PROGRAMS }, (_, number) => known.decode(numbered(number).code));
  assert.equal(known.decode(numbered(0).code), first[0], 'all fit, and this one is now the last used');
  known.decode(numbered(MOST_PROGRAMS).code);
  assert.equal(known.decode(numbered(0).code), first[0]);
  assert.equal(known.decode(numbered(2).code), first[2]);
  assert.notEqual(known.decode(numbered(1).code), first[1]);
});

test('large programs push others out, and a very large one stays alone', () => {
  const known = new KnownPrograms();
  const straight = (length: number) => {
    const [assign, exit] = [program('r0 = 0'), program('exit')];
    return program('exit', { code: Buffer.concat([...Array<Uint8Array>(length - 1).fill(assign.code), exit.code]) });
  };
  const small = known.decode(numbered(1).code);
  const half = known.decode(straight(MOST_INSTRUCTIONS / 2).code);
  assert.equal(known.decode(numbered(1).code), small);
  const huge = known.decode(straight(MOST_INSTRUCTIONS + 1).code);
  assert.equal(known.decode(straight(MOST_INSTRUCTIONS + 1).code), huge);
  assert.notEqual(known.decode(numbered(1).code), small);
  assert.notEqual(known.decode(straight(MOST_INSTRUCTIONS / 2).code), half);
});
