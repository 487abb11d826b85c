/** The ways between basic blocks, and why control takes them. */

import type { Instruction } from '../isa/instruction.ts';
import type { FlowGraph } from './graph.ts';
import { jumpTarget } from './graph.ts';

/** `next`: no jump, another block begins behind this one. */
export type EdgeKind = 'taken' | 'not_taken' | 'goto' | 'next';

export interface Edge {
  readonly kind: EdgeKind;
  /** A block of the graph, or OUTSIDE. */
  readonly to: number;
}

const OF_CONDITIONAL_JUMP: readonly EdgeKind[] = ['taken', 'not_taken'];

/**
 * The ways out of a block, in the order of its successors. A conditional jump to the next instruction has two ways to one block.
 * @param instructions those of the function that the graph was built of
 */
export function edgesOf(graph: FlowGraph, block: number, instructions: readonly Instruction[]): Edge[] {
  const { end, successors } = graph.blocks[block]!;
  const last = instructions[end - 1];
  const jumps = last !== undefined && jumpTarget(last) !== undefined;
  return successors.map((to, way) => {
    if (successors.length === 2) return { kind: OF_CONDITIONAL_JUMP[way]!, to };
    return { kind: jumps ? 'goto' : 'next', to };
  });
}
