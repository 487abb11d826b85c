/**
 * A program as the kernel's verifier sees it: 8-byte slots, each with its own fields. The second slot of lddw is a slot with opcode 0, so
 * that jumps, calls and function borders that hit it can be judged.
 */

import { SLOT_BYTES } from '../isa/instruction.ts';
import { LOAD_SOURCE, OPCODE } from '../isa/opcodes.ts';

export interface Slot {
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  /** Signed 16 bits. */
  readonly offset: number;
  /** Signed 32 bits. */
  readonly imm: number;
}

/** Instruction classes: the low three bits of an opcode. */
export const CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, JMP32: 6, ALU64: 7 } as const;

/** The register that holds the frame pointer. */
export const FRAME_POINTER = 10;
/** MAX_BPF_REG: registers from here on do not exist. */
export const REGISTERS = 11;

/** The may_goto instruction (BPF_JMP | BPF_JCOND), which the instruction table does not have. */
export const MAY_GOTO = 0xe5;
/** Atomic operations on 2 bytes and 1 byte: Linux has the opcodes for load-acquire and store-release only. */
export const NARROW_ATOMICS: readonly number[] = [0xcb, 0xd3];

/** Splits bytes into slots; a rest of less than 8 bytes is left out. */
export function readSlots(code: Uint8Array): Slot[] {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const slots: Slot[] = [];
  for (let at = 0; at + SLOT_BYTES <= code.length; at += SLOT_BYTES) {
    const registers = view.getUint8(at + 1);
    slots.push({
      opcode: view.getUint8(at),
      dst: registers & 0x0f,
      src: registers >> 4,
      offset: view.getInt16(at + 2, true),
      imm: view.getInt32(at + 4, true),
    });
  }
  return slots;
}

export function classOf(slot: Slot): number {
  return slot.opcode & 0x07;
}

export function isLoadImm64(slot: Slot): boolean {
  return slot.opcode === OPCODE.LOAD_IMM64;
}

export function isJumpClass(slot: Slot): boolean {
  const kind = classOf(slot);
  return kind === CLASS.JMP || kind === CLASS.JMP32;
}

/** An unconditional jump, `goto` or `gotol`. */
export function isGoto(slot: Slot): boolean {
  return slot.opcode === OPCODE.GOTO || slot.opcode === OPCODE.GOTO_LONG;
}

/** A conditional jump, may_goto included. */
export function isConditional(slot: Slot): boolean {
  return isJumpClass(slot) && !isGoto(slot) && (slot.opcode & 0xf0) !== 0x80 && (slot.opcode & 0xf0) !== 0x90;
}

/** The slot a jump goes to. */
export function jumpTarget(slot: Slot, pc: number): number {
  return pc + 1 + (slot.opcode === OPCODE.GOTO_LONG ? slot.imm : slot.offset);
}

/** A call of a function of the same program (BPF_PSEUDO_CALL). */
export function isFunctionCall(slot: Slot): boolean {
  return slot.opcode === OPCODE.CALL && slot.src === 1;
}

/** lddw of the address of a function of the same program (BPF_PSEUDO_FUNC). */
export function isFunctionAddress(slot: Slot): boolean {
  return isLoadImm64(slot) && slot.src === LOAD_SOURCE.FUNCTION;
}

/** A call of bpf_tail_call. */
export function isTailCall(slot: Slot): boolean {
  return slot.opcode === OPCODE.CALL && slot.src === 0 && slot.imm === 12;
}

/** LD_ABS or LD_IND. */
export function isPacketLoad(slot: Slot): boolean {
  const mode = slot.opcode & 0xe0;
  return classOf(slot) === CLASS.LD && (mode === 0x20 || mode === 0x40);
}
