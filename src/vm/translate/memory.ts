/**
 * Loads, stores and atomics with their checks.
 *
 * A guest address is an offset in linear memory. The check reads the shadow: one permission byte per guest byte, so it is exact for every
 * size and alignment. A base register of SHADOW_OFFSET or more (this includes any with a high half) fails before the shadow is read; around
 * the guest's addresses lie as many closed bytes as an offset reaches (address-bounds.ts).
 * Each failed check calls `fault` in place. One fault label shared by a whole function once made V8's optimiser exhaust the memory of the
 * process: never do that.
 */

import { PERMISSION, SHADOW_OFFSET } from '../../contract/memory.ts';
import type { Instruction } from '../../isa/instruction.ts';
import { ATOMIC_OPERATIONS, type MemorySize, type OpcodeRow } from '../../isa/opcodes.ts';
import type { MemoryInstruction, PlainInstruction } from '../../wasm/code.ts';
import { knownOffset } from '../frame.ts';
import { isBounded, noteBounded } from './address-bounds.ts';
import { type BlockState, emitFault, type FunctionContext, popRegister, pushRegister } from './context.ts';
import { emitTraceStore } from './trace.ts';

type LoadRow = Extract<OpcodeRow, { kind: 'load' }>;
type StoreRow = Extract<OpcodeRow, { kind: 'store' }>;
type AtomicRow = Extract<OpcodeRow, { kind: 'atomic' }>;

const LOAD: Record<MemorySize, { unsigned: MemoryInstruction; signed: MemoryInstruction }> = {
  1: { unsigned: 'i64_load8_u', signed: 'i64_load8_s' },
  2: { unsigned: 'i64_load16_u', signed: 'i64_load16_s' },
  4: { unsigned: 'i64_load32_u', signed: 'i64_load32_s' },
  8: { unsigned: 'i64_load', signed: 'i64_load' },
};
const STORE: Record<MemorySize, MemoryInstruction> = {
  1: 'i64_store8',
  2: 'i64_store16',
  4: 'i64_store32',
  8: 'i64_store',
};
const SHADOW_LOAD = { 1: 'i32_load8_u', 2: 'i32_load16_u', 4: 'i32_load' } as const;
/** One permission bit repeated over the bytes of an access. */
const REPEAT: Record<MemorySize, bigint> = { 1: 0x01n, 2: 0x0101n, 4: 0x0101_0101n, 8: 0x0101_0101_0101_0101n };

/** An address, ready to be used: a local with it (i64 or i32) and a constant to add. */
interface Place {
  readonly push: () => void;
  readonly offset: number;
}

/**
 * Makes sure that `size` bytes at register + offset may be accessed, and answers where they are. No check is written for r10 plus a constant
 * inside the function's own frame, which is open by construction.
 */
export function emitAccess(
  context: FunctionContext,
  state: BlockState,
  instruction: Instruction,
  register: number,
  offset: number,
  size: MemorySize,
  permission: number,
): Place {
  const { code, frame, base } = context;
  const inFrame = knownOffset(state.stack, register);
  if (inFrame !== undefined && inFrame + offset >= -frame.bytes && inFrame + offset + size <= 0) {
    return { push: () => code.get(context.frameBase), offset: frame.bytes + inFrame + offset };
  }
  pushRegister(context, register);
  code.op('i32_wrap_i64').set(base);
  if (context.options.checks) {
    const bounded = isBounded(state.bounds, register);
    code.block();
    if (!bounded) {
      code.block();
      pushRegister(context, register);
      code.i64(SHADOW_OFFSET).op('i64_ge_u').brIf(0);
    }
    emitShadowTest(context, offset, size, permission);
    code.brIf(bounded ? 0 : 1);
    if (!bounded) code.op('end');
    emitFault(context, state, 'memory', instruction, () => {
      // What is bounded is its lower half; this way the register itself need not be kept for a fault.
      if (bounded) code.get(base).op('i64_extend_i32_u');
      else pushRegister(context, register);
      code.i64(offset).op('i64_add');
    });
    code.op('end');
    noteBounded(state.bounds, register);
  }
  if (offset >= 0) return { push: () => code.get(base), offset };
  return { push: () => code.get(base).i32(offset).op('i32_add'), offset: 0 };
}

/** Pushes whether all bytes of the access at `base` + offset carry the permission. */
function emitShadowTest(context: FunctionContext, offset: number, size: MemorySize, permission: number): void {
  const { code, base } = context;
  const mask = REPEAT[size] * BigInt(permission);
  code.get(base);
  if (size === 8) {
    code
      .memory('i64_load', SHADOW_OFFSET + offset)
      .i64(mask)
      .op('i64_and')
      .i64(mask)
      .op('i64_eq');
  } else {
    code
      .memory(SHADOW_LOAD[size], SHADOW_OFFSET + offset)
      .i32(Number(mask))
      .op('i32_and');
    if (size !== 1) code.i32(Number(mask)).op('i32_eq');
  }
}

export function emitLoad(context: FunctionContext, state: BlockState, row: LoadRow, instruction: Instruction): void {
  const { dst, src, offset } = instruction;
  const place = emitAccess(context, state, instruction, src, offset, row.size, PERMISSION.READ);
  place.push();
  context.code.memory(LOAD[row.size][row.signed ? 'signed' : 'unsigned'], place.offset);
  popRegister(context, dst);
}

export function emitStore(context: FunctionContext, state: BlockState, row: StoreRow, instruction: Instruction): void {
  const { dst, src, offset, imm } = instruction;
  const place = emitAccess(context, state, instruction, dst, offset, row.size, PERMISSION.WRITE);
  place.push();
  if (row.operand === 'imm') context.code.i64(imm);
  else pushRegister(context, src);
  context.code.memory(STORE[row.size], place.offset);
  emitTraceWrite(context, place, row.size);
}

/** With the trace flag: the record of what now stands at a place that was written. */
function emitTraceWrite(context: FunctionContext, place: Place, size: MemorySize): void {
  const { code } = context;
  emitTraceStore(
    context,
    () => {
      place.push();
      if (place.offset !== 0) code.i32(place.offset).op('i32_add');
    },
    () => {
      place.push();
      code.memory(LOAD[size].unsigned, place.offset);
    },
  );
}

const COMBINE = { add: 'i64_add', or: 'i64_or', and: 'i64_and', xor: 'i64_xor' } as const satisfies Record<
  string,
  PlainInstruction
>;

/**
 * Atomic operations. A VM's guest bytes are touched by one thread only, so a load and a store are atomic enough, and unlike Wasm's own
 * atomics they take any alignment, as x86 does. Registers are written after the store: cmpxchg compares r0 before it receives the old value.
 */
export function emitAtomic(
  context: FunctionContext,
  state: BlockState,
  row: AtomicRow,
  instruction: Instruction,
): void {
  const { code, scratch64 } = context;
  const { dst, src, offset, imm } = instruction;
  const atomic = ATOMIC_OPERATIONS.find((one) => one.imm === imm);
  if (atomic === undefined) throw new Error(`insn ${instruction.pc}: the verifier let atomic operation ${imm} through`);
  const place = emitAccess(context, state, instruction, dst, offset, row.size, PERMISSION.READ_WRITE);
  place.push();
  code.memory(LOAD[row.size].unsigned, place.offset).set(scratch64);
  const { operation } = atomic;
  if (operation === 'cmpxchg') {
    code.get(scratch64);
    pushRegister(context, 0);
    if (row.size === 4) code.op('i32_wrap_i64', 'i64_extend_i32_u');
    code.op('i64_eq').if();
    place.push();
    pushRegister(context, src);
    code.memory(STORE[row.size], place.offset).op('end');
  } else {
    place.push();
    if (operation !== 'xchg') code.get(scratch64);
    pushRegister(context, src);
    if (operation !== 'xchg') code.op(COMBINE[operation]);
    code.memory(STORE[row.size], place.offset);
  }
  emitTraceWrite(context, place, row.size);
  if (atomic.fetch) {
    code.get(scratch64);
    popRegister(context, operation === 'cmpxchg' ? 0 : src);
  }
}
