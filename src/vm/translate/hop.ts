/**
 * The module's own function for a tail call: limits, the seqlock read of the slot, the chain row. Order of the checks as on Linux
 * (tail-calls.md §1.4, dynamic index): index, limit, slot; only a taken call counts.
 */

import { CELL, CHAIN, MAP_DESCRIPTOR, MISS } from '../../contract/memory.ts';
import { Code } from '../../wasm/code.ts';
import type { FunctionType, ModuleBuilder } from '../../wasm/module.ts';
import type { ImportIndexes } from './imports.ts';

/** (map descriptor, index, pc, fuel) -> table index of the target, 0 when the call failed. */
export const TAIL_CALL_TYPE: FunctionType = { parameters: ['i32', 'i32', 'i32', 'i32'], results: ['i32'] };

const MAP = 0;
const INDEX = 1;
const PC = 2;
const FUEL = 3;

/** Tries of the seqlock before the hop waits outside. */
const SEQLOCK_TRIES = 1000;

/** Adds the function and answers its index. */
export function addTailCallFunction(module: ModuleBuilder, imports: ImportIndexes): number {
  const code = new Code(TAIL_CALL_TYPE.parameters.length);
  const row = addChainRowFunction(module, imports);
  const generation = code.local('i32');
  const slot = code.local('i32');
  const tries = code.local('i32');
  const loadCell = (cell: number) => code.i32(0).memory('i32_load', cell);
  const increment = (cell: number) => {
    code.i32(0);
    loadCell(cell);
    code.i32(1).op('i32_add').memory('i32_store', cell);
  };
  const writeRow = (miss: number) => {
    code.get(MAP).get(INDEX).get(PC).get(FUEL).get(generation).get(slot).i32(miss).call(row);
  };
  const fail = (cell: number, miss: number) => {
    code.if();
    increment(cell);
    writeRow(miss);
    code.i32(0).op('return', 'end');
  };

  code.get(MAP).atomicLoad(MAP_DESCRIPTOR.GENERATION).set(generation);
  code.get(INDEX).get(MAP).memory('i32_load', MAP_DESCRIPTOR.MAX_ENTRIES).op('i32_ge_u');
  fail(CELL.MISS_INDEX, MISS.index);
  loadCell(CELL.TAIL_CALLS);
  loadCell(CELL.TAIL_CALL_LIMIT);
  code.op('i32_ge_u');
  fail(CELL.MISS_LIMIT, MISS.limit);

  if (imports.trace !== undefined) code.get(MAP).call(imports.trace.trace_hop);
  // Seqlock: the slot counts only when one and the same even generation stands before and behind its read.
  code.block().loop();
  code.get(MAP).atomicLoad(MAP_DESCRIPTOR.GENERATION).tee(generation).i32(1).op('i32_and', 'i32_eqz').if();
  code
    .get(MAP)
    .memory('i32_load', MAP_DESCRIPTOR.DATA)
    .get(INDEX)
    .i32(2)
    .op('i32_shl', 'i32_add')
    .atomicLoad()
    .set(slot);
  code.get(MAP).atomicLoad(MAP_DESCRIPTOR.GENERATION).get(generation).op('i32_eq').brIf(2);
  code.op('end');
  code.get(tries).i32(1).op('i32_add').tee(tries).i32(SEQLOCK_TRIES).op('i32_gt_u').if();
  code.get(PC).get(FUEL).call(imports.functions.slot_wait).i32(0).set(tries).op('end');
  code.br(0).op('end', 'end');

  code.get(generation).get(MAP).memory('i32_load', MAP_DESCRIPTOR.GENERATION_SEEN).op('i32_ne').if();
  code.get(MAP).get(generation).memory('i32_store', MAP_DESCRIPTOR.GENERATION_SEEN);
  code.get(MAP).get(generation).get(INDEX).get(slot).call(imports.functions.slot_change).op('end');

  code.get(slot).op('i32_eqz');
  fail(CELL.MISS_EMPTY, MISS.empty);
  loadCell(CELL.TAIL_CALLS_TOTAL);
  loadCell(CELL.TAIL_CALL_BUDGET);
  code.op('i32_ge_u').if().get(PC).get(FUEL).call(imports.functions.tail_call_budget).op('unreachable', 'end');
  increment(CELL.TAIL_CALLS);
  increment(CELL.TAIL_CALLS_TOTAL);
  writeRow(MISS.taken);
  code.get(slot);
  return module.addFunction(TAIL_CALL_TYPE, code);
}

/** (map descriptor, index, pc, fuel, generation, slot, miss): one row of the chain (layout: contract/memory.ts). */
function addChainRowFunction(module: ModuleBuilder, imports: ImportIndexes): number {
  const type: FunctionType = { parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], results: [] };
  const [map, index, pc, fuel, generation, slot, miss] = [0, 1, 2, 3, 4, 5, 6];
  const code = new Code(type.parameters.length);
  const count = code.local('i32');
  const row = code.local('i32');
  code.i32(0).memory('i32_load', CELL.CHAIN_ROWS).set(count);
  code.i32(0).get(count).i32(1).op('i32_add').memory('i32_store', CELL.CHAIN_ROWS);
  // Row n of the first 2,048 lies at n; later ones go round in the second half.
  code
    .get(count)
    .i32(CHAIN.KEPT - 1)
    .op('i32_and')
    .get(count)
    .i32(CHAIN.KEPT)
    .op('i32_ge_u');
  code.i32(Math.log2(CHAIN.KEPT)).op('i32_shl', 'i32_or').i32(CHAIN.ROW_BYTES).op('i32_mul').set(row);
  const store = (offset: number, width: 'i32_store' | 'i32_store16' | 'i32_store8', push: () => void) => {
    code.get(row);
    push();
    code.memory(width, CHAIN.BASE + offset);
  };
  code
    .get(row)
    .i32(0)
    .memory('i64_load', CELL.HANDED)
    .get(fuel!)
    .op('i64_extend_i32_s', 'i64_sub')
    .i64(1)
    .op('i64_sub');
  code.memory('i64_store', CHAIN.BASE + CHAIN.STEP);
  store(CHAIN.PC, 'i32_store', () => code.get(pc!));
  store(CHAIN.INDEX, 'i32_store', () => code.get(index!));
  store(CHAIN.GENERATION, 'i32_store', () => code.get(generation!).i32(1).op('i32_shr_u'));
  store(CHAIN.FROM, 'i32_store16', () => code.globalGet(imports.programGlobal));
  store(CHAIN.TO, 'i32_store16', () => code.get(slot!));
  store(CHAIN.MAP, 'i32_store16', () =>
    code.get(map!).i32(MAP_DESCRIPTOR.BASE).op('i32_sub').i32(Math.log2(MAP_DESCRIPTOR.BYTES)).op('i32_shr_u'),
  );
  store(CHAIN.MISS, 'i32_store8', () => code.get(miss!));
  store(CHAIN.DEPTH, 'i32_store', () => code.i32(0).memory('i32_load', CELL.TAIL_CALLS));
  return module.addFunction(type, code);
}
