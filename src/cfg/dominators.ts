/** Reverse postorder, dominator tree, loop headers and reducibility of a flow graph. */

import { type FlowGraph, OUTSIDE } from './graph.ts';

export interface Dominance {
  /** Reachable blocks in reverse postorder. */
  readonly order: readonly number[];
  /** Position of each block in `order`; -1 when unreachable. */
  readonly position: Int32Array;
  /** Immediate dominator of each block; the entry's is itself, an unreachable block's is -1. */
  readonly immediateDominator: Int32Array;
  /** Blocks that each block immediately dominates, by ascending position. */
  readonly children: readonly (readonly number[])[];
  /** Blocks that a back edge (an edge to a dominator) goes to. */
  readonly loopHeaders: ReadonlySet<number>;
  /** Blocks with two or more forward edges into them. */
  readonly mergeBlocks: ReadonlySet<number>;
  /** False when some cycle can be entered at two places: then it has no nested loop form. */
  readonly reducible: boolean;
}

function reversePostorder(graph: FlowGraph): number[] {
  const visited = new Uint8Array(graph.blocks.length);
  const postorder: number[] = [];
  const stack: { block: number; next: number }[] = [{ block: 0, next: 0 }];
  visited[0] = 1;
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    const successor = graph.blocks[top.block]?.successors[top.next++];
    if (successor === undefined) {
      postorder.push(top.block);
      stack.pop();
    } else if (successor !== OUTSIDE && visited[successor] === 0) {
      visited[successor] = 1;
      stack.push({ block: successor, next: 0 });
    }
  }
  return postorder.reverse();
}

/** Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm" (2001). */
function immediateDominators(graph: FlowGraph, order: readonly number[], position: Int32Array): Int32Array {
  const dominator = new Int32Array(graph.blocks.length).fill(-1);
  dominator[0] = 0;
  const intersect = (left: number, right: number): number => {
    let a = left;
    let b = right;
    while (a !== b) {
      while (position[a]! > position[b]!) a = dominator[a]!;
      while (position[b]! > position[a]!) b = dominator[b]!;
    }
    return a;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of order) {
      if (block === 0) continue;
      let candidate = -1;
      for (const predecessor of graph.predecessors[block]!) {
        if (dominator[predecessor] === -1) continue;
        candidate = candidate === -1 ? predecessor : intersect(candidate, predecessor);
      }
      if (dominator[block] !== candidate) {
        dominator[block] = candidate;
        changed = true;
      }
    }
  }
  return dominator;
}

/** Preorder and postorder numbers of the dominator tree answer "does a dominate b" in constant time. */
function treeIntervals(children: readonly (readonly number[])[]): { enter: Int32Array; leave: Int32Array } {
  const enter = new Int32Array(children.length).fill(-1);
  const leave = new Int32Array(children.length).fill(-1);
  let clock = 0;
  const stack = [{ block: 0, next: 0 }];
  enter[0] = clock++;
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    const child = children[top.block]![top.next++];
    if (child === undefined) {
      leave[top.block] = clock++;
      stack.pop();
    } else {
      enter[child] = clock++;
      stack.push({ block: child, next: 0 });
    }
  }
  return { enter, leave };
}

/** Analyses the part of the graph that can be reached from block 0. */
export function analyseDominance(graph: FlowGraph): Dominance {
  const order = reversePostorder(graph);
  const position = new Int32Array(graph.blocks.length).fill(-1);
  order.forEach((block, index) => {
    position[block] = index;
  });
  const immediateDominator = immediateDominators(graph, order, position);
  const children: number[][] = graph.blocks.map(() => []);
  for (const block of order) if (block !== 0) children[immediateDominator[block]!]!.push(block);
  const { enter, leave } = treeIntervals(children);
  const dominates = (a: number, b: number) => enter[a]! <= enter[b]! && leave[b]! <= leave[a]!;

  const loopHeaders = new Set<number>();
  const mergeBlocks = new Set<number>();
  let reducible = true;
  for (const block of order) {
    let forward = 0;
    for (const predecessor of graph.predecessors[block]!) {
      if (position[predecessor] === -1) continue;
      if (position[predecessor]! < position[block]!) forward++;
      else if (dominates(block, predecessor)) loopHeaders.add(block);
      else reducible = false;
    }
    if (forward >= 2) mergeBlocks.add(block);
  }
  return { order, position, immediateDominator, children, loopHeaders, mergeBlocks, reducible };
}
