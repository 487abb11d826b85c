/**
 * The form for an irreducible function: one loop around a br_table over all blocks. Slower than nested loops (+41 to +144 % on loops), and
 * V8's optimiser needs much more memory for it, hence its own, lower cap on instructions.
 *
 *   loop $again
 *     block $empty
 *       loop $dispatch
 *         block … block
 *           br_table on `next`
 *         end  block 0: … set next, br $dispatch
 *         end  block 1: …
 *       end
 *     end
 *     refill
 *     br $again
 *   end
 */

import type { Dominance } from '../../cfg/dominators.ts';
import { type FlowGraph, jumpTarget, OUTSIDE } from '../../cfg/graph.ts';
import { OPCODES } from '../../isa/opcodes.ts';
import type { FunctionContext } from './context.ts';
import type { BlockWriter } from './function.ts';
import { emitCondition, emitFuelTest } from './jump.ts';

export function emitDispatch(
  context: FunctionContext,
  graph: FlowGraph,
  dominance: Dominance,
  writer: BlockWriter,
): void {
  const { code, refillPc } = context;
  const { order } = dominance;
  const next = code.local('i32');

  /** Goes to a block; `depth` counts the labels that are open inside $dispatch. */
  const go = (block: number, successor: number, depth: number, taken: boolean) => {
    const instruction = writer.last(block);
    if (successor === OUTSIDE) {
      writer.runOut(instruction);
      return;
    }
    const target = jumpTarget(instruction);
    code.i32(dominance.position[successor]!).set(next);
    if (taken && target !== undefined && target <= instruction.pc) {
      emitFuelTest(context);
      code
        .if()
        .i32(instruction.pc)
        .set(refillPc)
        .br(depth + 2)
        .op('end');
    }
    code.br(depth);
  };

  code.loop().block().loop();
  for (let count = order.length; count > 0; count--) code.block();
  code.get(next).brTable([...order.keys(), order.length - 1]);
  order.forEach((block, position) => {
    code.op('end');
    const depth = order.length - 1 - position;
    writer.blockBody(block);
    writer.settle(block);
    const [taken, fallThrough] = graph.blocks[block]!.successors;
    if (taken === undefined) return;
    const instruction = writer.last(block);
    const row = OPCODES[instruction.opcode];
    if (fallThrough !== undefined && fallThrough !== taken && row?.kind === 'jump') {
      emitCondition(context, row, instruction);
      code.if();
      go(block, taken, depth + 1, true);
      code.op('end');
      go(block, fallThrough, depth, false);
    } else go(block, taken, depth, true);
  });
  code.op('end', 'end');
  writer.refillLoop();
  code.op('end');
}
