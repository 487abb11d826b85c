/** Calls: helpers, functions of the same program, and the tail call. */

import { isLocalCall, localCallTarget } from '../../cfg/functions.ts';
import { CELL, MAP_DESCRIPTOR, PERMISSION, STACK } from '../../contract/memory.ts';
import type { Instruction } from '../../isa/instruction.ts';
import { HELPER } from '../../spec/helper-numbers.ts';
import {
  type BlockState,
  emitFault,
  type FunctionContext,
  killRegisters,
  popRegister,
  pushExactFuel,
  pushRegister,
} from './context.ts';
import { emitCloseFrame } from './frame-code.ts';
import { ASK_OUTSIDE } from './hash-lookup.ts';
import { emitRefillInPlace } from './jump.ts';
import { emitAccess } from './memory.ts';
import { emitTraceDepth, emitTraceReload, emitTraceTarget } from './trace.ts';

const ARGUMENT_REGISTERS = [1, 2, 3, 4, 5] as const;
const CALL_FRAMES_MASK = 0xff;
const CALL_BYTES_SHIFT = 8;
/** Frames that one program may have at a time (kernel: MAX_CALL_FRAMES). */
const MAX_CALL_FRAMES = 8;

/** A call in the middle of a block. The tail call falls through here when it fails. */
export function emitCall(context: FunctionContext, state: BlockState, instruction: Instruction): void {
  if (isLocalCall(instruction)) {
    emitLocalCall(context, state, instruction);
    killRegisters(context, 1);
  } else if (instruction.imm === HELPER.tail_call) {
    emitTailCall(context, state, instruction);
    killRegisters(context, 0);
  } else {
    countHelper(context, instruction.imm);
    const inline = INLINE_HELPERS[instruction.imm];
    if (inline === undefined || !inline(context, state, instruction)) emitHelper(context, instruction);
    killRegisters(context, 1);
  }
}

function countHelper(context: FunctionContext, helper: number): void {
  const cell = CELL.HELPER_CALLS + 4 * helper;
  context.code.i32(0).i32(0).memory('i32_load', cell).i32(1).op('i32_add').memory('i32_store', cell);
}

/** A helper outside: arguments and result pass through cells, so that no 64-bit value crosses into JavaScript. */
function emitHelper(context: FunctionContext, instruction: Instruction): void {
  const { code } = context;
  for (const register of ARGUMENT_REGISTERS) {
    code.i32(0);
    pushRegister(context, register);
    code.memory('i64_store', CELL.ARGUMENTS + 8 * (register - 1));
  }
  storeFuel(context);
  code.i32(instruction.imm).i32(instruction.pc).call(context.imports.functions.helper);
  emitTraceReload(context);
  code.i32(0).memory('i64_load', CELL.RESULT);
  popRegister(context, 0);
}

export function storeFuel(context: FunctionContext): void {
  context.code.i32(0).get(context.fuel).memory('i32_store', CELL.FUEL);
}

export function loadFuel(context: FunctionContext): void {
  context.code.i32(0).memory('i32_load', CELL.FUEL).set(context.fuel);
}

/** Writes a helper in place and answers true, or writes nothing and answers false. */
type InlineHelper = (context: FunctionContext, state: BlockState, instruction: Instruction) => boolean;

const INLINE_HELPERS: Readonly<Record<number, InlineHelper>> = {
  [HELPER.map_lookup_elem]: (context, state, instruction) =>
    inlineArrayLookup(context, state, instruction) || inlineHashLookup(context, state, instruction),
  [HELPER.ktime_get_ns]: (context) => {
    const { code } = context;
    code.i32(0).memory('i64_load', CELL.CLOCK_BASE).i32(0).memory('i64_load', CELL.HANDED).op('i64_add');
    code.get(context.fuel).op('i64_extend_i32_s', 'i64_sub');
    popRegister(context, 0);
    return true;
  },
  [HELPER.get_smp_processor_id]: (context) => {
    context.code.i32(0).memory('i64_load32_u', CELL.CPU);
    popRegister(context, 0);
    return true;
  },
};

/** Element address of an array whose handle is known here: index check, multiply, add. */
function inlineArrayLookup(context: FunctionContext, state: BlockState, instruction: Instruction): boolean {
  const { code, scratch32, scratch64 } = context;
  const map = state.maps[1];
  if (map === undefined || context.maps[map]?.type !== 'array') return false;
  const descriptor = MAP_DESCRIPTOR.BASE + map * MAP_DESCRIPTOR.BYTES;
  const key = emitAccess(context, state, instruction, 2, 0, 4, PERMISSION.READ);
  key.push();
  code.memory('i32_load', key.offset).tee(scratch32);
  code
    .i32(0)
    .memory('i32_load', descriptor + MAP_DESCRIPTOR.MAX_ENTRIES)
    .op('i32_lt_u')
    .if('i64');
  code
    .get(scratch32)
    .i32(0)
    .memory('i32_load', descriptor + MAP_DESCRIPTOR.STRIDE)
    .op('i32_mul');
  code
    .i32(0)
    .memory('i32_load', descriptor + MAP_DESCRIPTOR.DATA)
    .op('i32_add', 'i64_extend_i32_u');
  code.op('else').i64(0).op('end').set(scratch64);
  code.get(scratch64);
  popRegister(context, 0);
  return true;
}

/** The module's own lookup, and the helper outside for what it leaves. */
function inlineHashLookup(context: FunctionContext, state: BlockState, instruction: Instruction): boolean {
  const { code, scratch64 } = context;
  const map = state.maps[1];
  const shape = map === undefined ? undefined : context.maps[map];
  if (map === undefined || shape?.type !== 'hash') return false;
  const lookup = context.hashLookups.get(shape.keySize);
  if (lookup === undefined) return false;
  code.i32(MAP_DESCRIPTOR.BASE + map * MAP_DESCRIPTOR.BYTES);
  pushRegister(context, 2);
  code.call(lookup).tee(scratch64).i64(ASK_OUTSIDE).op('i64_eq').if();
  emitHelper(context, instruction);
  code.op('else').get(scratch64);
  popRegister(context, 0);
  code.op('end');
  return true;
}

/** bpf2bpf: r1 to r5 go down, r0 comes back, r6 to r9 stay since they are this function's locals. */
function emitLocalCall(context: FunctionContext, state: BlockState, instruction: Instruction): void {
  const { code, frame, callDepth, scratch32 } = context;
  const target = localCallTarget(instruction);
  const pushCalleeFrame = () =>
    code
      .get(context.framePointer)
      .i32(frame.bytes + STACK.RED_ZONE)
      .op('i32_sub');
  emitTraceTarget(context, pushCalleeFrame);
  emitRefillInPlace(context, instruction.pc);
  if (context.checkCalls) {
    if (callDepth === undefined) code.i32(1 + (context.depthAt(0) << CALL_BYTES_SHIFT));
    else code.get(callDepth);
    code
      .i32(1 + (context.depthAt(target) << CALL_BYTES_SHIFT))
      .op('i32_add')
      .tee(scratch32);
    code.i32(CALL_FRAMES_MASK).op('i32_and').i32(MAX_CALL_FRAMES).op('i32_gt_u').if();
    emitFault(context, state, 'call_depth', instruction);
    code.op('end').get(scratch32).i32(CALL_BYTES_SHIFT).op('i32_shr_u').i32(STACK.MAX_BYTES).op('i32_gt_u').if();
    emitFault(context, state, 'stack_overflow', instruction);
    code.op('end');
  }
  if (context.nestsPrograms) {
    code
      .get(context.framePointer)
      .i32(STACK.LIMIT + 2 * (STACK.MAX_BYTES + STACK.RED_ZONE))
      .op('i32_lt_u')
      .if();
    emitFault(context, state, 'stack_overflow', instruction);
    code.op('end');
  }
  storeFuel(context);
  for (const register of ARGUMENT_REGISTERS) pushRegister(context, register);
  pushCalleeFrame();
  if (context.checkCalls) code.get(scratch32);
  else code.i32(0);
  emitTraceDepth(context, 1);
  code.call(context.functionAt(target));
  popRegister(context, 0);
  emitTraceDepth(context, -1);
  emitTraceReload(context);
  loadFuel(context);
}

/**
 * The hop (semantics: tail calls replace only the current frame). r1 must be the context and r2 a prog array; both are checked here, since
 * no verifier of this level proves them. On success nothing below runs: the target starts with this function's r10 and the context.
 */
function emitTailCall(context: FunctionContext, state: BlockState, instruction: Instruction): void {
  const { code, scratch32 } = context;
  code.i32(0).memory('i64_load', CELL.CONTEXT);
  pushRegister(context, 1);
  code.op('i64_ne').if();
  emitFault(context, state, 'not_context', instruction, () => pushRegister(context, 1));
  code.op('end');

  const map = state.maps[2];
  if (map !== undefined && context.maps[map]?.type === 'prog_array') {
    code.i32(MAP_DESCRIPTOR.BASE + map * MAP_DESCRIPTOR.BYTES);
  } else {
    emitProgArrayTest(context, state, instruction);
    pushRegister(context, 2);
    code.op('i32_wrap_i64');
  }
  pushRegister(context, 3);
  code.op('i32_wrap_i64').i32(instruction.pc);
  pushExactFuel(context, state);
  code.call(context.tailCallFunction).set(scratch32);
  emitTraceTarget(context, () => code.get(scratch32));
  code.get(scratch32).if();
  emitRefillInPlace(context, instruction.pc);
  storeFuel(context);
  emitCloseFrame(context);
  code.i32(0).get(scratch32).memory('i32_store', CELL.TARGET);
  code.i32(0).memory('i32_load', CELL.CONTEXT).get(context.framePointer).get(scratch32);
  code.returnCallIndirect(context.typeIndexes.program);
  code.op('end');
}

const PROG_ARRAY_TYPE = 3;

/** r2 is the handle of some map of this VM, and that map is a prog array; else a fault. */
function emitProgArrayTest(context: FunctionContext, state: BlockState, instruction: Instruction): void {
  const { code } = context;
  const handleBits = MAP_DESCRIPTOR.BYTES - 1;
  code.block().block();
  pushRegister(context, 2);
  code
    .i64(MAP_DESCRIPTOR.BASE)
    .op('i64_sub')
    .i64(MAP_DESCRIPTOR.BYTES * MAP_DESCRIPTOR.COUNT)
    .op('i64_ge_u')
    .brIf(0);
  pushRegister(context, 2);
  code.i64(handleBits).op('i64_and').i64(0).op('i64_ne').brIf(0);
  pushRegister(context, 2);
  code.op('i32_wrap_i64').memory('i32_load', MAP_DESCRIPTOR.TYPE).i32(PROG_ARRAY_TYPE).op('i32_eq').brIf(1).op('end');
  emitFault(context, state, 'not_prog_array', instruction, () => pushRegister(context, 2));
  code.op('end');
}
