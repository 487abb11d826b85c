import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findFunctions } from '../../src/cfg/functions.ts';
import { buildGraph, jumpTarget } from '../../src/cfg/graph.ts';
import { assemble } from '../../src/isa/assemble.ts';
import { decode } from '../../src/isa/decode.ts';
import type { Instruction } from '../../src/isa/instruction.ts';

function instructionsOf(text: string): Instruction[] {
  return decode(assemble(text, { helper: () => undefined, map: () => undefined }).code);
}

/** Blocks as [first, end, successors]; one line of assembly is one instruction. */
const GRAPHS: readonly {
  readonly name: string;
  readonly text: string;
  readonly blocks: readonly (readonly [number, number, readonly number[]])[];
}[] = [
  { name: 'straight', text: 'r0 = 1\nr0 += 1\nexit', blocks: [[0, 3, []]] },
  { name: 'without an exit', text: 'r0 = 1', blocks: [[0, 1, [-1]]] },
  { name: 'goto itself', text: 'a:\ngoto a', blocks: [[0, 1, [0]]] },
  {
    name: 'taken way first',
    text: 'r0 = 1\nif r0 == 0 goto a\nr0 = 2\na:\nexit',
    blocks: [
      [0, 2, [2, 1]],
      [2, 3, [2]],
      [3, 4, []],
    ],
  },
  {
    name: 'a jump to the next instruction has two equal ways',
    text: 'if r1 == 0 goto +0\nexit',
    blocks: [
      [0, 1, [1, 1]],
      [1, 2, []],
    ],
  },
  {
    name: 'jump over a wide instruction',
    text: 'if r1 == 0 goto a\nr2 = 0x100000000 ll\na:\nexit',
    blocks: [
      [0, 1, [2, 1]],
      [1, 2, [2]],
      [2, 3, []],
    ],
  },
  {
    name: 'jump into a wide instruction leaves',
    text: 'if r1 == 0 goto +1\nr2 = 0x100000000 ll\nexit',
    blocks: [
      [0, 1, [-1, 1]],
      [1, 3, []],
    ],
  },
  {
    name: 'jump outside',
    text: 'if r1 == 0 goto +9\ngoto -9',
    blocks: [
      [0, 1, [-1, 1]],
      [1, 2, [-1]],
    ],
  },
  {
    name: 'gotol',
    text: 'gotol a\nr0 = 1\na:\nexit',
    blocks: [
      [0, 1, [2]],
      [1, 2, [2]],
      [2, 3, []],
    ],
  },
];

for (const { name, text, blocks } of GRAPHS) {
  test(`graph: ${name}`, () => {
    const graph = buildGraph(instructionsOf(text));
    assert.deepEqual(
      graph.blocks.map(({ first, end, successors }) => [first, end, [...successors]]),
      blocks,
    );
    graph.predecessors.forEach((sources, block) => {
      const expected = graph.blocks.flatMap(({ successors }, from) => (successors.includes(block) ? [from] : []));
      assert.deepEqual(sources, expected);
    });
  });
}

test('targets of jumps in slots', () => {
  const targets = instructionsOf(
    'goto +2\nif r1 == 0 goto -1\nif w1 s> 3 goto +0\ngotol +70000\nr0 = 1\ncall +1\nexit',
  ).map(jumpTarget);
  assert.deepEqual(targets, [3, 1, 3, 70_004, undefined, undefined, undefined]);
});

const FUNCTIONS: readonly {
  readonly name: string;
  readonly text: string;
  readonly ranges: readonly (readonly [number, number, number])[];
}[] = [
  { name: 'one', text: 'exit', ranges: [[0, 0, 1]] },
  {
    name: 'two, with a wide instruction in front',
    text: 'r1 = 0x100000000 ll\ncall f\nexit\nf:\nr0 = 0\nexit',
    ranges: [
      [0, 0, 3],
      [4, 3, 5],
    ],
  },
  {
    name: 'called twice, and calling back',
    text: 'call f\ncall f\nexit\nf:\ncall g\nexit\ng:\nexit',
    ranges: [
      [0, 0, 3],
      [3, 3, 5],
      [5, 5, 6],
    ],
  },
  { name: 'a call of the start', text: 'r0 = 0\ncall -2\nexit', ranges: [[0, 0, 3]] },
  { name: 'a call to nowhere', text: 'call +9\nexit', ranges: [[0, 0, 2]] },
];

for (const { name, text, ranges } of FUNCTIONS) {
  test(`functions: ${name}`, () => {
    assert.deepEqual(
      findFunctions(instructionsOf(text)).map(({ pc, first, end }) => [pc, first, end]),
      ranges,
    );
  });
}
