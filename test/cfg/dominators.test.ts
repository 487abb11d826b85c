import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { analyseDominance } from '../../src/cfg/dominators.ts';
import type { FlowGraph } from '../../src/cfg/graph.ts';

/** Successors by block; -1 leaves the function. */
function graphOf(successors: readonly (readonly number[])[]): FlowGraph {
  const predecessors: number[][] = successors.map(() => []);
  successors.forEach((targets, block) => {
    for (const target of new Set(targets)) predecessors[target]?.push(block);
  });
  return { blocks: successors.map((targets, first) => ({ first, end: first + 1, successors: targets })), predecessors };
}

/** Blocks that can be reached from the entry when one block is taken away. */
function reachableWithout(successors: readonly (readonly number[])[], removed: number): Set<number> {
  const seen = new Set<number>();
  const waiting = removed === 0 ? [] : [0];
  for (let block = waiting.pop(); block !== undefined; block = waiting.pop()) {
    if (block < 0 || block === removed || seen.has(block)) continue;
    seen.add(block);
    waiting.push(...successors[block]!);
  }
  return seen;
}

/** By definition: a dominates b when b cannot be reached without a. */
function dominatorsByDefinition(successors: readonly (readonly number[])[]): {
  reached: Set<number>;
  dominates: (a: number, b: number) => boolean;
} {
  const reached = reachableWithout(successors, -2);
  const without = successors.map((_, block) => reachableWithout(successors, block));
  return { reached, dominates: (a, b) => a === b || !without[a]!.has(b) };
}

/** Reducible: taking away the back edges (to a dominator) leaves no cycle. */
function reducibleByDefinition(successors: readonly (readonly number[])[]): boolean {
  const { reached, dominates } = dominatorsByDefinition(successors);
  const forward = successors.map((targets, from) => targets.filter((to) => to >= 0 && !dominates(to, from)));
  const state = new Map<number, 'open' | 'done'>();
  const hasCycle = (block: number): boolean => {
    if (state.get(block) === 'open') return true;
    if (state.get(block) === 'done') return false;
    state.set(block, 'open');
    const found = forward[block]!.some(hasCycle);
    state.set(block, 'done');
    return found;
  };
  return ![...reached].some(hasCycle);
}

const graphs = fc.integer({ min: 1, max: 14 }).chain((count) =>
  fc.array(fc.array(fc.integer({ min: -1, max: count - 1 }), { minLength: 1, maxLength: 2, size: 'max' }), {
    minLength: count,
    maxLength: count,
  }),
);

test('immediate dominators, loop headers, merges and reducibility, against their definitions', () => {
  const forms = { reducible: 0, irreducible: 0 };
  fc.assert(
    fc.property(graphs, (successors) => {
      const result = analyseDominance(graphOf(successors));
      const { reached, dominates } = dominatorsByDefinition(successors);
      assert.deepEqual(new Set(result.order), reached);
      assert.equal(result.order[0], 0);
      for (const block of successors.keys()) {
        if (!reached.has(block)) {
          assert.deepEqual([result.position[block], result.immediateDominator[block]], [-1, -1]);
          continue;
        }
        assert.equal(result.order[result.position[block]!], block);
        // The closest strict dominator is the one that all others dominate.
        const strict = [...reached].filter((other) => other !== block && dominates(other, block));
        const closest = strict.find((one) => strict.every((other) => dominates(other, one))) ?? 0;
        assert.equal(result.immediateDominator[block], closest);
        assert.equal(result.children[closest]!.includes(block), block !== 0);
        const sources = [...reached].filter((from) => successors[from]!.includes(block));
        assert.equal(
          result.loopHeaders.has(block),
          sources.some((from) => dominates(block, from)),
        );
        const forward = sources.filter((from) => result.position[from]! < result.position[block]!);
        assert.equal(result.mergeBlocks.has(block), forward.length >= 2);
      }
      const reducible = reducibleByDefinition(successors);
      forms[reducible ? 'reducible' : 'irreducible']++;
      assert.equal(result.reducible, reducible);
    }),
    { numRuns: 2000 },
  );
  assert.ok(forms.reducible > 100 && forms.irreducible > 100, JSON.stringify(forms));
});

test('a graph of 20,000 blocks in a row needs no stack', () => {
  const count = 20_000;
  const successors = Array.from({ length: count }, (_, block) => [block + 1 < count ? block + 1 : -1]);
  const { order, reducible } = analyseDominance(graphOf(successors));
  assert.deepEqual([order.length, reducible], [count, true]);
});
