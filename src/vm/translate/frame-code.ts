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
  emitOpenFrame(context, PERMISSION.READ_WRITE);
}

/**
 * Opens or closes the frame's bytes in the shadow, when not all accesses to them are known ones. The frame of an entry program lies at
 * STACK.BASE, where MAX_BYTES stay open for the whole run; only frames deeper in the region change.
 */
export function emitOpenFrame(context: FunctionContext, permission: number): void {
  const { code, frame, frameBase, framePointer } = context;
  if (!frame.open || frame.bytes === 0) return;
  if (context.isProgram) code.get(framePointer).i32(STACK.BASE).op('i32_ne').if();
  code.get(frameBase).i32(SHADOW_OFFSET).op('i32_add').i32(permission).i32(frame.bytes).fill();
  if (context.isProgram) code.op('end');
}
