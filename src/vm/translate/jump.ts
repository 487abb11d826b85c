/** Conditions of jumps (RFC 9669 §4.3), and the fuel test that stands at every taken backward jump. */

import type { Instruction } from '../../isa/instruction.ts';
import type { Comparison, OpcodeRow } from '../../isa/opcodes.ts';
import type { PlainInstruction } from '../../wasm/code.ts';
import { type FunctionContext, pushRegister } from './context.ts';

type JumpRow = Extract<OpcodeRow, { kind: 'jump' }>;

/** jset is not a comparison of Wasm: it is `and`, and then "not zero". */
const COMPARE: Record<Exclude<Comparison, 'jset'>, readonly [PlainInstruction, PlainInstruction]> = {
  jeq: ['i32_eq', 'i64_eq'],
  jne: ['i32_ne', 'i64_ne'],
  jgt: ['i32_gt_u', 'i64_gt_u'],
  jge: ['i32_ge_u', 'i64_ge_u'],
  jlt: ['i32_lt_u', 'i64_lt_u'],
  jle: ['i32_le_u', 'i64_le_u'],
  jsgt: ['i32_gt_s', 'i64_gt_s'],
  jsge: ['i32_ge_s', 'i64_ge_s'],
  jslt: ['i32_lt_s', 'i64_lt_s'],
  jsle: ['i32_le_s', 'i64_le_s'],
};

/** Pushes 1 when the jump is taken, else 0 (i32). */
export function emitCondition(context: FunctionContext, row: JumpRow, instruction: Instruction): void {
  const { code } = context;
  const narrow = row.width === 32;
  const push = (register: number) => {
    pushRegister(context, register);
    if (narrow) code.op('i32_wrap_i64');
  };
  push(instruction.dst);
  if (row.operand === 'reg') push(instruction.src);
  else if (narrow) code.i32(instruction.imm);
  else code.i64(instruction.imm);
  if (row.comparison === 'jset') {
    if (narrow) code.op('i32_and').i32(0).op('i32_ne');
    else code.op('i64_and').i64(0).op('i64_ne');
  } else {
    code.op(COMPARE[row.comparison][narrow ? 0 : 1]);
  }
}

/** Pushes whether the slice is used up. */
export function emitFuelTest(context: FunctionContext): void {
  context.code.get(context.fuel).i32(0).op('i32_le_s');
}

/** A test point at which a returning call does no harm: in front of calls, and at backward jumps that close no loop. */
export function emitRefillInPlace(context: FunctionContext, pc: number): void {
  const { code, fuel } = context;
  emitFuelTest(context);
  code.if();
  code.i32(pc).get(fuel).call(context.imports.functions.refill).set(fuel);
  code.op('end');
}
