/** Random flow graphs, and what can be reached in them. */

import fc from 'fast-check';
import { type FlowGraph, OUTSIDE } from '../../src/cfg/graph.ts';

/** Two ways out of each block at most, as of BPF instructions; sometimes outside. */
export function graphOf(ways: readonly (readonly number[])[]): FlowGraph {
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
export function reached(graph: FlowGraph, removed: number): Set<number> {
  const found = new Set<number>();
  const pending = [0];
  for (let block = pending.pop(); block !== undefined; block = pending.pop()) {
    if (block === removed || block === OUTSIDE || found.has(block)) continue;
    found.add(block);
    pending.push(...graph.blocks[block]!.successors);
  }
  return found;
}

/** Graphs of up to so many blocks. */
export function graphs(maxLength: number): fc.Arbitrary<FlowGraph> {
  return fc.array(fc.array(fc.nat(), { maxLength: 2 }), { minLength: 1, maxLength }).map(graphOf);
}
