/** Blocks and edges of random instructions: jumps lead anywhere, also into the second slot of an lddw and out of the program. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { edgesOf } from '../../src/cfg/edges.ts';
import { findFunctions } from '../../src/cfg/functions.ts';
import { buildGraph, OUTSIDE } from '../../src/cfg/graph.ts';
import { type Instruction, slotCount } from '../../src/isa/instruction.ts';
import { OPCODES } from '../../src/isa/opcodes.ts';
import { PROGRAM } from '../isa/programs.ts';

/** Jumps and calls stay near, so that many of them hit. */
function near(instructions: readonly Instruction[]): Instruction[] {
  return instructions.map((one) => {
    const kind = OPCODES[one.opcode]?.kind;
    if (kind !== 'goto' && kind !== 'jump' && kind !== 'call') return one;
    return { ...one, offset: one.offset % 6, imm: one.imm % 6 };
  });
}

function wayOut(instruction: Instruction): { readonly kind: string; readonly pc: number }[] {
  const row = OPCODES[instruction.opcode];
  const next = instruction.pc + slotCount(instruction);
  if (row?.kind === 'exit') return [];
  if (row?.kind === 'goto') {
    return [{ kind: 'goto', pc: instruction.pc + 1 + (row.long ? instruction.imm : instruction.offset) }];
  }
  if (row?.kind === 'jump') {
    return [
      { kind: 'taken', pc: instruction.pc + 1 + instruction.offset },
      { kind: 'not_taken', pc: next },
    ];
  }
  return [{ kind: 'next', pc: next }];
}

test('each instruction is in one block, and edges join ends of blocks to starts', () => {
  fc.assert(
    fc.property(PROGRAM.map(near), (instructions) => {
      const ranges = findFunctions(instructions);
      assert.deepEqual([ranges[0]?.first, ranges.at(-1)?.end], [0, instructions.length]);
      for (const [index, { first, end }] of ranges.entries()) {
        assert.equal(end, ranges[index + 1]?.first ?? instructions.length);
        const own = instructions.slice(first, end);
        const graph = buildGraph(own);
        assert.deepEqual([graph.blocks[0]?.first, graph.blocks.at(-1)?.end], [0, own.length]);
        for (const [block, { end: behind }] of graph.blocks.entries()) {
          assert.equal(behind, graph.blocks[block + 1]?.first ?? own.length);
          const starts = new Map(graph.blocks.map((one, number) => [own[one.first]!.pc, number]));
          const expected = wayOut(own[behind - 1]!).map(({ kind, pc }) => ({ kind, to: starts.get(pc) ?? OUTSIDE }));
          assert.deepEqual(edgesOf(graph, block, own), expected);
        }
      }
    }),
    { numRuns: 1000, seed: 20_261_125 },
  );
});
