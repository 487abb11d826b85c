/**
 * Turns a flow graph into nested blocks and loops: Norman Ramsey, "Beyond Relooper: Recursive Translation of Unstructured Control Flow to
 * Structured Control Flow" (ICFP 2022). The recursion of the paper is a list of steps here, since a hostile function nests thousands deep.
 *
 * Around each loop stands the refill of its fuel, so that the loop itself holds no call that returns into it:
 *
 *   loop $again
 *     block $empty
 *       loop $header … br_if $empty when the slice is empty … br $header … end
 *     end
 *     refill
 *     br $again
 *   end
 */

import type { Dominance } from '../../cfg/dominators.ts';
import { type FlowGraph, OUTSIDE } from '../../cfg/graph.ts';

/** How a jump reaches its target. */
export type Destination =
  | { readonly kind: 'branch'; readonly depth: number }
  /** The target is the header of an enclosing loop; `empty` leaves to that loop's refill. */
  | { readonly kind: 'loop'; readonly depth: number; readonly empty: number }
  | { readonly kind: 'inline' }
  | { readonly kind: 'outside' };

export interface StructureEmitter {
  openBlock(): void;
  openLoop(): void;
  close(): void;
  /** Behind the innermost loop: refill and start it again (depth of $again is 0). */
  refillLoop(): void;
  /** All instructions of a block but a jump at its end. */
  blockBody(block: number): void;
  /**
   * One way out of a block: its jump, when taken, else what follows it. With an inline destination the target's code comes at once.
   */
  jump(block: number, destination: Destination, taken: boolean): void;
  /**
   * Opens the decision at the end of a block. For branches it writes the conditional branch itself. Answers how the code goes on: `arms`:
   * an `if` was opened, the steps fill both arms; `next`: only the fall-through way is left to do; `taken`: only the taken way is left.
   */
  decide(block: number, taken: Destination, next: Destination): 'arms' | 'next' | 'taken';
  openElse(): void;
}

type Label = { readonly kind: 'block' | 'loop' | 'empty'; readonly block: number } | { readonly kind: 'plain' };
type Step = () => void;

/** Walks a reducible graph and drives `emitter`. */
export function emitStructured(graph: FlowGraph, dominance: Dominance, emitter: StructureEmitter): void {
  const labels: Label[] = [];
  const steps: Step[] = [];
  const schedule = (next: readonly Step[]) => {
    for (let index = next.length - 1; index >= 0; index--) steps.push(next[index]!);
  };
  /** By kind and block, how many labels were open below its own. */
  const openedAt = {
    block: new Map<number, number>(),
    loop: new Map<number, number>(),
    empty: new Map<number, number>(),
  };
  const depthOf = (kind: keyof typeof openedAt, block: number): number => {
    const below = openedAt[kind].get(block);
    if (below === undefined) throw new Error(`no enclosing ${kind} for block ${block}`);
    return labels.length - 1 - below;
  };
  const destination = (from: number, to: number): Destination => {
    if (to === OUTSIDE) return { kind: 'outside' };
    if (dominance.position[to]! <= dominance.position[from]!) {
      return { kind: 'loop', depth: depthOf('loop', to), empty: depthOf('empty', to) };
    }
    if (dominance.mergeBlocks.has(to)) return { kind: 'branch', depth: depthOf('block', to) };
    return { kind: 'inline' };
  };
  const open = (label: Label, isLoop: boolean) => {
    if (isLoop) emitter.openLoop();
    else emitter.openBlock();
    if (label.kind !== 'plain') openedAt[label.kind].set(label.block, labels.length);
    labels.push(label);
  };
  const close = () => {
    emitter.close();
    const label = labels.pop();
    if (label !== undefined && label.kind !== 'plain') openedAt[label.kind].delete(label.block);
  };

  const tree = (block: number): void => {
    const isHeader = dominance.loopHeaders.has(block);
    const merges = dominance.children[block]!.filter((child) => dominance.mergeBlocks.has(child));
    const list: Step[] = [];
    if (isHeader) {
      list.push(() => {
        open({ kind: 'plain' }, true);
        open({ kind: 'empty', block }, false);
        open({ kind: 'loop', block }, true);
      });
    }
    for (let index = merges.length - 1; index >= 0; index--) {
      const merge = merges[index]!;
      list.push(() => open({ kind: 'block', block: merge }, false));
    }
    list.push(
      () => emitter.blockBody(block),
      () => leave(block),
    );
    for (const merge of merges) list.push(close, () => tree(merge));
    if (isHeader) {
      list.push(close, close, () => emitter.refillLoop(), close);
    }
    schedule(list);
  };

  /** The way out of a block. */
  const leave = (block: number): void => {
    const successors = graph.blocks[block]!.successors;
    const [taken, next] = successors;
    if (taken === undefined) return;
    if (next === undefined || next === taken) {
      way(block, taken, true);
      return;
    }
    const form = emitter.decide(block, destination(block, taken), destination(block, next));
    if (form === 'next') way(block, next, false);
    else if (form === 'taken') way(block, taken, true);
    else {
      labels.push({ kind: 'plain' });
      schedule([() => way(block, taken, true), () => emitter.openElse(), () => way(block, next, false), close]);
    }
  };
  const way = (block: number, to: number, taken: boolean): void => {
    const where = destination(block, to);
    emitter.jump(block, where, taken);
    if (where.kind === 'inline') tree(to);
  };

  tree(0);
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) step();
}
