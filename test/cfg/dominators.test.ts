import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { analyseDominance } from '../../src/cfg/dominators.ts';
import { OUTSIDE } from '../../src/cfg/graph.ts';
import { graphs, reached } from './graphs.ts';

test('a block dominates what cannot be reached without it', () => {
  fc.assert(
    fc.property(graphs(14), (graph) => {
      const { immediateDominator, order, dominates } = analyseDominance(graph);
      const all = reached(graph, OUTSIDE);
      assert.deepEqual(new Set(order), all);
      for (const [block, dominator] of immediateDominator.entries()) {
        if (!all.has(block)) assert.equal(dominator, -1);
        else if (block === 0) assert.equal(dominator, 0);
        else {
          const strict = [...all].filter((one) => one !== block && !reached(graph, one).has(block));
          assert.ok(strict.includes(dominator), `${dominator} dominates ${block}`);
          for (const one of all) assert.equal(dominates(one, block), one === block || strict.includes(one));
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
    fc.property(graphs(14), (graph) => {
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
