/** Natural loops against their definition, on random graphs. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { analyseDominance } from '../../src/cfg/dominators.ts';
import { type FlowGraph, OUTSIDE } from '../../src/cfg/graph.ts';
import { findLoops } from '../../src/cfg/loops.ts';
import { graphOf, graphs, reached } from './graphs.ts';

/** Header, blocks of each loop: what reaches a back edge of the header without going through the header. */
function naiveLoops(graph: FlowGraph): Map<number, Set<number>> {
  const all = reached(graph, OUTSIDE);
  const loops = new Map<number, Set<number>>();
  for (const from of all) {
    for (const header of graph.blocks[from]!.successors) {
      if (header === OUTSIDE || (header !== from && reached(graph, header).has(from))) continue;
      const blocks = loops.get(header) ?? new Set([header]);
      const pending = [from];
      for (let block = pending.pop(); block !== undefined; block = pending.pop()) {
        if (blocks.has(block)) continue;
        blocks.add(block);
        pending.push(...graph.predecessors[block]!.filter((one) => all.has(one)));
      }
      loops.set(header, blocks);
    }
  }
  return loops;
}

function check(graph: FlowGraph): void {
  const { loops, loopOf } = findLoops(graph, analyseDominance(graph));
  const naive = naiveLoops(graph);
  assert.deepEqual(
    loops.map(({ header }) => header),
    [...naive.keys()].sort((left, right) => left - right),
  );
  const around = (inside: number): number[] =>
    loops.flatMap(({ header }, index) => (naive.get(header)!.has(inside) ? [index] : []));
  const smallest = (indexes: readonly number[]): number | null =>
    indexes.toSorted(
      (left, right) => naive.get(loops[left]!.header)!.size - naive.get(loops[right]!.header)!.size,
    )[0] ?? null;
  for (const block of graph.blocks.keys()) assert.equal(loopOf[block], smallest(around(block)), `block ${block}`);
  for (const [index, { header, backEdges, parent, depth }] of loops.entries()) {
    const outer = around(header).filter((one) => one !== index);
    assert.equal(parent, smallest(outer));
    assert.equal(depth, outer.length + 1);
    const blocks = naive.get(header)!;
    assert.deepEqual(
      backEdges,
      graph.predecessors[header]!.filter((from) => blocks.has(from)),
    );
  }
}

test('loops are what their definition says, and nest', () => {
  fc.assert(fc.property(graphs(14), check), { numRuns: 4000, seed: 20_261_125 });
});

test('ten thousand loops in each other take no time that grows with their square', () => {
  const count = 20_000;
  // Block n goes to n + 1 and back to count - 1 - n where that lies before it: loops in loops.
  const ways = Array.from({ length: count }, (_, block) => [
    block + 2 <= count ? block + 2 : 0,
    ...(block > count - 1 - block ? [count - block] : []),
  ]);
  const graph = graphOf(ways);
  const { loops, loopOf } = findLoops(graph, analyseDominance(graph));
  assert.equal(loops.length, count / 2);
  assert.equal(loops.at(-1)!.depth, count / 2);
  assert.equal(loopOf[0], 0);
});
