import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { analyseDominance } from '../../src/cfg/dominators.ts';
import { type FlowGraph, OUTSIDE } from '../../src/cfg/graph.ts';

/** Two ways out of each block at most, as of BPF instructions; sometimes outside. */
function graphOf(ways: readonly (readonly number[])[]): FlowGraph {
  const successors = ways.map((list) => list.map((way) => (way % (ways.length + 1)) - 1));
  const predecessors: number[][] = ways.map(() => []);
  successors.forEach((list, block) => {
    for (const successor of new Set(list)) if (successor !== OUTSIDE) predecessors[successor]!.push(block);
  });
  return {
    blocks: successors.map((list, block) => ({ first: block, end: block + 1, successors: list })),
    predecessors,
  };
}

/** Blocks that control can come to from block 0 without passing `removed`. */
function reached(graph: FlowGraph, removed: number): Set<number> {
  const found = new Set<number>();
  const pending = [0];
  for (let block = pending.pop(); block !== undefined; block = pending.pop()) {
    if (block === removed || block === OUTSIDE || found.has(block)) continue;
    found.add(block);
    pending.push(...graph.blocks[block]!.successors);
  }
  return found;
}

const graphs = fc.array(fc.array(fc.nat(), { maxLength: 2 }), { minLength: 1, maxLength: 14 }).map(graphOf);

test('a block dominates what cannot be reached without it', () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const { immediateDominator, order } = analyseDominance(graph);
      const all = reached(graph, OUTSIDE);
      assert.deepEqual(new Set(order), all);
      for (const [block, dominator] of immediateDominator.entries()) {
        if (!all.has(block)) assert.equal(dominator, -1);
        else if (block === 0) assert.equal(dominator, 0);
        else {
          const strict = [...all].filter((one) => one !== block && !reached(graph, one).has(block));
          assert.ok(strict.includes(dominator), `${dominator} dominates ${block}`);
          // The immediate one is dominated by all the others.
          for (const one of strict) assert.ok(one === dominator || !reached(graph, one).has(dominator));
        }
      }
    }),
    { numRuns: 3000, seed: 20_261_125 },
  );
});

test('a graph is reducible when each of its cycles has a block that dominates all of it', () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const { reducible, loopHeaders, position } = analyseDominance(graph);
      const all = reached(graph, OUTSIDE);
      const backEdges = [...all].flatMap((from) =>
        graph.blocks[from]!.successors.filter((to) => to !== OUTSIDE && position[to]! <= position[from]!).map((to) => ({
          from,
          to,
        })),
      );
      const toDominators = backEdges.filter(({ from, to }) => from === to || !reached(graph, to).has(from));
      assert.equal(reducible, toDominators.length === backEdges.length);
      assert.deepEqual(loopHeaders, new Set(toDominators.map(({ to }) => to)));
    }),
    { numRuns: 2000, seed: 20_261_125 },
  );
});
