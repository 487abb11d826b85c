/** The id of a program: what it depends on, and what not. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProgramRequest } from '../../src/contract/run-spec.ts';
import { decodeProgram, encodeProgram, type StoredProgram } from '../../src/pipeline/stored-program.ts';
import type { MapSpec, ProgramSpec } from '../../src/spec/object.ts';
import { type RunDescription, runSpec } from '../support/engine-run.ts';
import { objectBytes } from '../support/fixtures.ts';
import { storedObject, storedProgram } from '../support/stored-runs.ts';

const MAP: MapSpec = {
  name: 'm',
  type: 'array',
  keySize: 4,
  valueSize: 8,
  maxEntries: 2,
  flags: 0,
  entries: [{ key: new Uint8Array(4), value: new Uint8Array(8).fill(1) }],
  slots: [],
  frozen: false,
};
const PROGRAM: ProgramSpec = {
  name: 'p',
  type: 'xdp',
  attachType: 'xdp',
  flags: ['sleepable', 'xdp_has_frags'],
  license: 'GPL',
  code: new Uint8Array(16).fill(0x95),
  functions: [
    { name: 'p', pc: 0, linkage: 'static', returns: 'int' },
    { name: 'f', pc: 1, linkage: 'static', returns: 'int' },
  ],
  hasBtf: true,
  lines: [{ pc: 0, file: 'p.c', line: 3, column: 1, text: 'return 1;' }],
  section: '',
};

interface Row {
  readonly what: string;
  readonly program?: Partial<ProgramSpec>;
  readonly map?: Partial<MapSpec>;
  readonly same?: true;
}

const [OWN, OTHER] = PROGRAM.functions as [ProgramSpec['functions'][number], ProgramSpec['functions'][number]];
const ROWS: readonly Row[] = [
  { what: 'the name', program: { name: 'q', functions: [{ ...OWN, name: 'q' }, OTHER] }, same: true },
  { what: 'the section', program: { section: 'xdp/x' }, same: true },
  { what: 'the order of flags', program: { flags: PROGRAM.flags.toReversed() }, same: true },
  { what: 'a flag', program: { flags: ['sleepable'] } },
  { what: 'the type', program: { type: 'sched_cls' } },
  { what: 'the attach type', program: { attachType: null } },
  { what: 'the license', program: { license: 'MIT' } },
  { what: 'the code', program: { code: new Uint8Array(24).fill(0x95) } },
  { what: 'BTF', program: { hasBtf: false } },
  { what: 'the name of another function', program: { functions: [OWN, { ...OTHER, name: 'g' }] } },
  { what: 'linkage', program: { functions: [OWN, { ...OTHER, linkage: 'global' }] } },
  { what: 'what a function returns', program: { functions: [OWN, { ...OTHER, returns: undefined }] } },
  { what: 'no source lines', program: { lines: [] } },
  { what: 'a source line', program: { lines: [{ ...PROGRAM.lines[0]!, line: 4 }] } },
  { what: 'the text of a source line', program: { lines: [{ ...PROGRAM.lines[0]!, text: 'return 2;' }] } },
  { what: "a map's name", map: { name: 'n' } },
  { what: "a map's type", map: { type: 'hash' } },
  { what: "a map's key size", map: { keySize: 8 } },
  { what: "a map's value size", map: { valueSize: 4 } },
  { what: "a map's elements", map: { maxEntries: 3 } },
  { what: "a map's flags", map: { flags: 1 } },
  { what: 'a frozen map', map: { frozen: true } },
  { what: 'contents of a map', map: { entries: [] } },
  { what: 'a byte in a map', map: { entries: [{ key: new Uint8Array(4), value: new Uint8Array(8).fill(2) }] } },
  { what: 'zeroes in a map', map: { entries: [{ key: new Uint8Array(4), value: new Uint8Array(8) }] } },
  { what: 'a slot', map: { slots: [{ index: 0, program: 'q' }] } },
  { what: 'whose data a map holds', map: { origin: 'x' } },
];

const BASE: StoredProgram = { program: PROGRAM, maps: [MAP] };

for (const { what, program, map, same } of ROWS) {
  test(`${what}: ${same === true ? 'the same' : 'another'} id`, () => {
    const changed = encodeProgram({ program: { ...PROGRAM, ...program }, maps: [{ ...MAP, ...map }] });
    const base = encodeProgram(BASE);
    assert.equal(changed.id === base.id, same === true);
    assert.equal(Buffer.from(changed.form).equals(base.form), same === true, 'equal ids are equal bytes');
    assert.deepEqual(encodeProgram(decodeProgram(changed.form)), changed, 'read and written again it is the same');
  });
}

test('what is written is read', () => {
  const { program, maps } = decodeProgram(encodeProgram(BASE).form);
  assert.deepEqual(maps, BASE.maps);
  assert.deepEqual(program, {
    ...PROGRAM,
    name: '',
    functions: [{ ...OWN, name: '' }, OTHER],
  });
  const zeroes = { ...MAP, entries: [{ key: new Uint8Array(4), value: new Uint8Array(1 << 20) }], valueSize: 1 << 20 };
  const { form } = encodeProgram({ program: PROGRAM, maps: [zeroes] });
  assert.ok(form.length < 1000, `${form.length} bytes for a .bss`);
  assert.deepEqual(decodeProgram(form).maps, [zeroes]);
});

test('a form of another version is refused', () => {
  const form = new TextEncoder().encode(
    JSON.stringify([2, ...(JSON.parse(new TextDecoder().decode(encodeProgram(BASE).form)) as unknown[]).slice(1)]),
  );
  assert.throws(() => decodeProgram(form), /version 2/);
});

/** The id of the first program of a description. */
function idOf(
  description: RunDescription,
  change: (program: ProgramRequest) => ProgramRequest = (same) => same,
): string {
  const { programs, maps } = runSpec(description);
  return storedProgram(change(programs[0]!), maps).id;
}

test('an id does not depend on what of a request the instructions do not refer to', () => {
  const text = 'r1 = b ll\nr2 = a ll\nr0 = 1\nexit';
  const base = idOf({ programs: { p: text }, maps: { a: {}, b: { maxEntries: 2 } } });
  assert.equal(idOf({ programs: { q: text }, maps: { b: { maxEntries: 2 }, unused: {}, a: {} } }), base);
  assert.notEqual(idOf({ programs: { p: text }, maps: { a: { maxEntries: 2 }, b: {} } }), base);
  const insns =
    (bytes: string) =>
    (program: ProgramRequest): ProgramRequest => ({
      ...program,
      source: { kind: 'insns', bytes: new Uint8Array(Buffer.from(bytes, 'hex')) },
    });
  const lddw = (map: number) => `181100000${map}0000000000000000000000b7000000010000009500000000000000`;
  const maps = { a: {}, b: { maxEntries: 2 } };
  const first = idOf({ programs: { p: '' }, maps }, insns(lddw(1)));
  assert.equal(idOf({ programs: { p: '' }, maps: { b: { maxEntries: 2 } } }, insns(lddw(0))), first);
});

test('the same object gives the same ids, and constants of another object do not matter to those that have none', () => {
  const ids = (name: string) => storedObject(objectBytes(name)).map(({ id }) => id);
  assert.deepEqual(ids('slots.o'), ids('slots.o'));
  assert.equal(new Set(ids('linear-chain.o')).size, ids('linear-chain.o').length);
  assert.notDeepEqual(ids('data.o'), ids('data.clang-16.o'));
});
