/** What a function does to its stack frame when it starts and when it ends. */

import { PERMISSION, SHADOW_OFFSET, STACK } from '../../contract/memory.ts';
import type { FunctionContext } from './context.ts';

/** Frames up to this size are cleared by single stores. */
const UNROLLED_BYTES = 128;

/** A frame is indeterminate on Linux; here a function clears its own, so that a run is the same every time and sees nothing of others. */
export function emitEnterFrame(context: FunctionContext): void {
  const { code, frame, framePointer, frameBase } = context;
  if (frame.bytes === 0) return;
  code.get(framePointer).i32(frame.bytes).op('i32_sub').set(frameBase);
  if (frame.bytes <= UNROLLED_BYTES) {
    for (let offset = 0; offset < frame.bytes; offset += 8) code.get(frameBase).i64(0).memory('i64_store', offset);
  } else {
    code.get(frameBase).i32(0).i32(frame.bytes).fill();
  }
  emitOpenFrame(context);
}

/** The lowest frame of an entry program starts here; what is above stays open for the whole run. */
const ALWAYS_OPEN = STACK.BASE - STACK.MAX_BYTES;

/** Opens the frame's bytes in the shadow, when not all accesses to them are known ones. */
function emitOpenFrame({ code, frame, frameBase, framePointer, isProgram }: FunctionContext): void {
  if (!frame.open) return;
  // The frame of an entry program is open.
  if (isProgram) code.get(framePointer).i32(STACK.BASE).op('i32_ne').if();
  code.get(frameBase).i32(SHADOW_OFFSET).op('i32_add').i32(PERMISSION.READ_WRITE).i32(frame.bytes).fill();
  if (isProgram) code.op('end');
}

/**
 * Closes what emitOpenFrame has opened. A function's frame may lie above ALWAYS_OPEN when its callers' are small; there nothing is closed,
 * since the next program of the chain has its own frame there.
 *
 *   frameBase    ALWAYS_OPEN               STACK.BASE
 *   |   frame of f    |       |  frame of p  |
 *   |---- closed -----|
 */
export function emitCloseFrame({ code, frame, frameBase }: FunctionContext): void {
  if (!frame.open || frame.bytes === 0) return;
  const pushBelow = () => code.i32(ALWAYS_OPEN).get(frameBase).op('i32_sub');
  code.get(frameBase).i32(ALWAYS_OPEN).op('i32_lt_u').if();
  code.get(frameBase).i32(SHADOW_OFFSET).op('i32_add').i32(PERMISSION.NONE);
  code.i32(frame.bytes);
  pushBelow();
  code.i32(frame.bytes);
  pushBelow();
  code.op('i32_lt_u', 'select').fill().op('end');
}
