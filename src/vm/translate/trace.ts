/**
 * Step records: what the trace flag adds to translated code. A record's head is written before its instruction runs, so that a step which
 * faults has one too; what it wrote follows behind it. Layout: TRACE in contract/memory.ts.
 */

import { CELL, TRACE } from '../../contract/memory.ts';
import type { Instruction } from '../../isa/instruction.ts';
import type { FunctionContext, TraceLocals } from './context.ts';
import { pushProgram, pushRegister } from './context.ts';

/** At a function's start. */
export function emitTraceEnter(context: FunctionContext): void {
  const { code, frame, tracing, imports } = context;
  if (tracing === undefined || imports.trace === undefined) return;
  emitTraceReload(context);
  pushProgram(context);
  code.op('i64_extend_i32_u').i64(TRACE.PROGRAM_SHIFT).op('i64_shl');
  code.i32(0).memory('i64_load32_u', CELL.TRACE_DEPTH).i64(TRACE.DEPTH_SHIFT).op('i64_shl', 'i64_or').set(tracing.head);
  if (frame.bytes > 0) code.get(context.frameBase).i32(frame.bytes).call(imports.trace.trace_frame);
}

/** Behind a call: the callee has moved on. */
export function emitTraceReload(context: FunctionContext): void {
  const { code, tracing } = context;
  if (tracing !== undefined) code.i32(0).memory('i32_load', CELL.TRACE_RECORD).set(tracing.record);
}

/** In front of an instruction: room for its record, and the record's head. */
export function emitTraceHead(context: FunctionContext, instruction: Instruction): void {
  const { code, tracing, imports } = context;
  if (tracing === undefined || imports.trace === undefined) return;
  code.get(tracing.record).i32(0).memory('i32_load', CELL.TRACE_END).op('i32_eq').if();
  pushProgram(context);
  code.i32(instruction.pc).call(imports.trace.trace_full).set(tracing.record).op('end');
  code.get(tracing.record).get(tracing.head).i64(instruction.pc).op('i64_or').memory('i64_store', TRACE.HEAD);
  code.i32(0).get(tracing.record).i32(TRACE.RECORD_BYTES).op('i32_add').tee(tracing.record);
  code.memory('i32_store', CELL.TRACE_RECORD);
}

/** Pushes the address of the record whose head was written last. */
function pushRecord(context: FunctionContext, tracing: TraceLocals): void {
  context.code.get(tracing.record).i32(TRACE.RECORD_BYTES).op('i32_sub');
}

/** The instruction has written this register. */
export function emitTraceRegister(context: FunctionContext, register: number): void {
  const { code, tracing } = context;
  if (tracing === undefined) return;
  pushRecord(context, tracing);
  pushRegister(context, register);
  code.memory('i64_store', TRACE.VALUE);
}

/** Where a call leads: of a tail call the table index (0: it found none), of a call of a function the callee's r10. */
export function emitTraceTarget(context: FunctionContext, pushTarget: () => void): void {
  const { code, tracing } = context;
  if (tracing === undefined) return;
  pushRecord(context, tracing);
  pushTarget();
  code.op('i64_extend_i32_u').memory('i64_store', TRACE.VALUE);
}

/** The instruction has written memory here; `pushStored` pushes the bytes that are there now (i64). */
export function emitTraceStore(context: FunctionContext, pushAddress: () => void, pushStored: () => void): void {
  const { code, tracing } = context;
  if (tracing === undefined) return;
  pushRecord(context, tracing);
  pushAddress();
  code.memory('i32_store', TRACE.ADDRESS);
  pushRecord(context, tracing);
  pushStored();
  code.memory('i64_store', TRACE.STORED);
}

/** Frames of calls go up and down around a call of a function. */
export function emitTraceDepth(context: FunctionContext, change: 1 | -1): void {
  const { code, tracing } = context;
  if (tracing === undefined) return;
  code
    .i32(0)
    .i32(0)
    .memory('i32_load', CELL.TRACE_DEPTH)
    .i32(change)
    .op('i32_add')
    .memory('i32_store', CELL.TRACE_DEPTH);
}
