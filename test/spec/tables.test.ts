import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTEXTS } from '../../src/spec/contexts.ts';
import { HELPER } from '../../src/spec/helper-numbers.ts';
import { helperAvailable } from '../../src/spec/helper-types.ts';
import { HELPERS, helperId, helperLabel, isGplCompatible } from '../../src/spec/helpers.ts';
import { isImplementedMapType, isMapType, MAP_TYPES } from '../../src/spec/maps.ts';
import {
  actionName,
  isImplementedProgramType,
  isProgramType,
  PROGRAM_TYPE_RULES,
  PROGRAM_TYPES,
} from '../../src/spec/programs.ts';

test('the implemented program types are those with rules, and have a context or none', () => {
  for (const [type, { implemented }] of Object.entries(PROGRAM_TYPES)) {
    assert.ok(isProgramType(type));
    assert.equal(isImplementedProgramType(type), implemented, type);
    if (isImplementedProgramType(type)) assert.equal(CONTEXTS[type] === null, !PROGRAM_TYPE_RULES[type].onLinux);
  }
  assert.equal(isProgramType('toString'), false);
});

test('numbers of program types and map types are given once', () => {
  for (const table of [PROGRAM_TYPES, MAP_TYPES]) {
    const numbers = Object.values(table).map(({ number }) => number);
    assert.equal(new Set(numbers).size, numbers.length);
  }
});

test('map types: what is implemented, what is only known', () => {
  for (const [type, { implemented }] of Object.entries(MAP_TYPES)) {
    assert.ok(isMapType(type));
    assert.equal(isImplementedMapType(type), implemented, type);
  }
  assert.equal(isMapType('constructor'), false);
});

test('actions by return value', () => {
  const rows = [
    ['xdp', 2, 'XDP_PASS'],
    ['xdp', 5, null],
    ['sched_cls', 0xffffffff, 'TC_ACT_UNSPEC'],
    ['sched_cls', 2, 'TC_ACT_SHOT'],
    ['socket_filter', 0, null],
    ['raw', 0, null],
  ] as const;
  for (const [type, value, name] of rows) assert.equal(actionName(type, value), name);
});

test('fields of a context do not overlap and stay inside', () => {
  for (const layout of Object.values(CONTEXTS)) {
    if (layout === null) continue;
    const used = new Set<number>();
    for (const { name, offset, size } of layout.fields) {
      for (let byte = offset; byte < offset + size; byte++) {
        assert.ok(byte < layout.size && !used.has(byte), `${layout.name}.${name}`);
        used.add(byte);
      }
    }
  }
});

test('the helpers that are implemented have a prototype', () => {
  assert.equal(HELPERS.length, 212);
  const implemented = HELPERS.filter((row) => row.implemented).map((row) => row.id);
  assert.deepEqual(implemented, [1, 2, 3, 5, 6, 7, 8, 12]);
  for (const row of HELPERS) assert.equal(row.prototype !== undefined, row.implemented);
});

test('helpers by name and number', () => {
  for (const [name, id] of Object.entries(HELPER)) {
    assert.equal(HELPERS[id]?.name, name);
    assert.equal(helperId(name), id);
    assert.equal(helperId(`bpf_${name}`), id);
  }
  assert.equal(helperId('bpf_nothing'), undefined);
  assert.equal(helperLabel(12), 'bpf_tail_call#12');
  assert.equal(helperLabel(212), 'unknown#212');
});

test('helpers that a type may call', () => {
  const rows = [
    ['raw', HELPER.tail_call, true],
    ['raw', 26, false],
    ['sched_cls', 9, true],
    ['xdp', 9, false],
    ['raw_tracepoint', 4, true],
    ['socket_filter', 212, false],
  ] as const;
  for (const [type, id, expected] of rows) assert.equal(helperAvailable(type, id), expected, `${type} ${id}`);
});

test('licenses are compared letter by letter', () => {
  for (const license of ['GPL', 'GPL v2', 'Dual MIT/GPL']) assert.equal(isGplCompatible(license), true);
  for (const license of ['gpl', 'GPLv2', 'MIT', '']) assert.equal(isGplCompatible(license), false);
});
