/** Natural loops of a flow graph, and how they nest. */

import type { Dominance } from './dominators.ts';
import { type FlowGraph, OUTSIDE } from './graph.ts';

export interface Loop {
  /** The block that every way into the loop goes through. */
  readonly header: number;
  /** Blocks that jump back to the header, ascending. */
  readonly backEdges: readonly number[];
  /** Index of the smallest loop around this one; null: none. */
  readonly parent: number | null;
  /** 1 for an outermost loop. */
  readonly depth: number;
}

export interface LoopForest {
  /** By ascending header. */
  readonly loops: readonly Loop[];
  /** Of each block: index of the smallest loop that it is in, or null. */
  readonly loopOf: readonly (number | null)[];
}

/**
 * Loops whose header dominates a block that jumps back to it. Two of them lie apart or one in the other, also in a graph that is not
 * reducible; the cycles that make it irreducible have no header and are not among them.
 *
 * Inner loops come first (a header comes behind those of the loops around it in reverse postorder), and a loop that is done stands for its
 * blocks from then on, as in Tarjan, "Testing flow graph reducibility" (1974): so the work is nearly linear, whatever a hostile graph nests.
 */
export function findLoops(graph: FlowGraph, dominance: Dominance): LoopForest {
  const { order, position, loopHeaders } = dominance;
  const count = graph.blocks.length;
  /** The header of the largest loop found so far that a block is in, by steps; a block that is in none: itself. */
  const outermost = Int32Array.from({ length: count }, (_, block) => block);
  const find = (block: number): number => {
    let root = block;
    while (outermost[root] !== root) root = outermost[root]!;
    for (let at = block; outermost[at] !== root; ) {
      const next = outermost[at]!;
      outermost[at] = root;
      at = next;
    }
    return root;
  };
  /** Header of the smallest loop. */
  const innermost = new Int32Array(count).fill(OUTSIDE);
  /** Of a header: that of the smallest loop around its own. */
  const around = new Map<number, number>();
  const backEdges = backEdgesOf(graph, dominance);
  for (const header of order.toReversed()) {
    const sources = backEdges.get(header);
    if (sources === undefined) continue;
    innermost[header] = header;
    const pending = sources.map(find);
    for (let block = pending.pop(); block !== undefined; block = pending.pop()) {
      if (block === header || outermost[block] === header) continue;
      outermost[block] = header;
      if (innermost[block] === OUTSIDE) innermost[block] = header;
      else around.set(block, header);
      for (const predecessor of graph.predecessors[block]!) {
        if (position[predecessor] !== -1) pending.push(find(predecessor));
      }
    }
  }

  const headers = [...loopHeaders].sort((left, right) => left - right);
  const indexOf = new Map(headers.map((header, index) => [header, index]));
  const depths = new Map<number, number>();
  for (const header of order) {
    if (!loopHeaders.has(header)) continue;
    const outer = around.get(header);
    depths.set(header, outer === undefined ? 1 : depths.get(outer)! + 1);
  }
  return {
    loops: headers.map((header) => {
      const outer = around.get(header);
      return {
        header,
        backEdges: backEdges.get(header)!,
        parent: outer === undefined ? null : indexOf.get(outer)!,
        depth: depths.get(header)!,
      };
    }),
    loopOf: Array.from(innermost, (header) => (header === OUTSIDE ? null : indexOf.get(header)!)),
  };
}

/** By header. In `predecessors` each block stands once, however many of its ways lead there. */
function backEdgesOf(
  graph: FlowGraph,
  { position, loopHeaders, dominates }: Dominance,
): Map<number, readonly number[]> {
  const isBackEdge = (from: number, header: number): boolean => position[from] !== -1 && dominates(header, from);
  return new Map(
    [...loopHeaders].map((header) => [header, graph.predecessors[header]!.filter((from) => isBackEdge(from, header))]),
  );
}
