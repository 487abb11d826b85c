/** What constants say of the tail calls of a program. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assemble } from '../../src/isa/assemble.ts';
import { helperId } from '../../src/spec/helpers.ts';
import type { ProgramSpec } from '../../src/spec/object.ts';
import { findTailCallSites } from '../../src/verifier/tail-call-sites.ts';
import { map, program } from './build.ts';

const MAP_NAMES = ['chain', 'other'];
const MAPS = MAP_NAMES.map((name) => map('prog_array', { name, maxEntries: 4 }));

function programOf(text: string, globals: readonly string[] = []): ProgramSpec {
  const { code, functions } = assemble(text, {
    helper: helperId,
    map: (name) => (MAP_NAMES.includes(name) ? MAP_NAMES.indexOf(name) : undefined),
  });
  return program(code, {
    functions: functions.map(({ name, pc }) => ({
      name,
      pc,
      linkage: globals.includes(name) ? 'global' : 'static',
      returns: 'int',
    })),
  });
}

interface Row {
  readonly name: string;
  readonly text: string;
  readonly globals?: readonly string[];
  /** [pc, map, index] */
  readonly sites: readonly (readonly [number, number | null, number | null])[];
}

const CALL = 'call bpf_tail_call\nr0 = 1\nexit';
const ROWS: readonly Row[] = [
  { name: 'none', text: 'r0 = 1\nexit', sites: [] },
  { name: 'both known', text: `r2 = other ll\nr3 = 2\n${CALL}`, sites: [[3, 1, 2]] },
  { name: 'the index is a u32', text: `r2 = chain ll\nr3 = -1\n${CALL}`, sites: [[3, 0, 0xffff_ffff]] },
  { name: 'a wide constant', text: `r2 = chain ll\nr3 = 0x100000003 ll\n${CALL}`, sites: [[4, 0, 3]] },
  { name: 'the index from the context', text: `r3 = *(u32 *)(r1 + 12)\nr2 = chain ll\n${CALL}`, sites: [[3, 0, null]] },
  {
    name: 'one of two maps',
    text: `r3 = *(u32 *)(r1 + 12)\nr2 = chain ll\nif r3 == 0 goto a\nr2 = other ll\na:\nr3 = 1\n${CALL}`,
    sites: [[7, null, 1]],
  },
  {
    name: 'the same index on both ways',
    text: `r4 = *(u32 *)(r1 + 12)\nr3 = 1\nif r4 == 0 goto a\nr3 = 1\na:\nr2 = chain ll\n${CALL}`,
    sites: [[6, 0, 1]],
  },
  {
    name: 'a second call behind the first, where r2 and r3 hold nothing any more',
    text: `r2 = chain ll\nr3 = 0\ncall bpf_tail_call\n${CALL}`,
    sites: [
      [3, 0, 0],
      [4, null, null],
    ],
  },
  {
    name: 'behind a branch that constants decide',
    text: `r2 = 1\nif r2 == 1 goto a\n${CALL}\na:\nr0 = 1\nexit`,
    sites: [],
  },
  {
    name: 'in a function, as its callers agree',
    text: `r2 = chain ll\nr3 = 3\ncall f\nexit\nf:\n${CALL}`,
    sites: [[5, 0, 3]],
  },
  {
    name: 'in a global function, whatever its callers pass',
    text: `r2 = chain ll\nr3 = 3\ncall f\nexit\nf:\n${CALL}`,
    globals: ['f'],
    sites: [[5, null, null]],
  },
  {
    name: 'in a loop that counts the index',
    text: `r6 = r1\nr7 = 0\nl:\nr1 = r6\nr2 = chain ll\nr3 = r7\ncall bpf_tail_call\nr7 += 1\nif r7 < 4 goto l\nr0 = 1\nexit`,
    sites: [[6, 0, null]],
  },
];

for (const { name, text, globals, sites } of ROWS) {
  test(`tail calls: ${name}`, () => {
    const found = findTailCallSites(programOf(text, globals), MAPS);
    assert.deepEqual(
      found.map(({ pc, map, index }) => [pc, map, index]),
      sites,
    );
  });
}
