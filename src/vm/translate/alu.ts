/** Arithmetic, moves and byte swaps (RFC 9669 §4.1, §4.2). Registers are i64; a 32-bit result is zero-extended. */

import type { Instruction } from '../../isa/instruction.ts';
import type { AluOperation, OpcodeRow } from '../../isa/opcodes.ts';
import type { PlainInstruction } from '../../wasm/code.ts';
import { type FunctionContext, popRegister, pushRegister } from './context.ts';

type AluRow = Extract<OpcodeRow, { kind: 'alu' }>;
type EndianRow = Extract<OpcodeRow, { kind: 'endian' }>;

/** Operations that Wasm has as one instruction with the same meaning; Wasm masks shift counts as eBPF does. */
const DIRECT: Partial<Record<AluOperation, readonly [PlainInstruction, PlainInstruction]>> = {
  add: ['i32_add', 'i64_add'],
  sub: ['i32_sub', 'i64_sub'],
  mul: ['i32_mul', 'i64_mul'],
  or: ['i32_or', 'i64_or'],
  and: ['i32_and', 'i64_and'],
  xor: ['i32_xor', 'i64_xor'],
  lsh: ['i32_shl', 'i64_shl'],
  rsh: ['i32_shr_u', 'i64_shr_u'],
  arsh: ['i32_shr_s', 'i64_shr_s'],
};

/** Pushes a register, cut to the operation's width. */
function pushOperand(context: FunctionContext, register: number, width: 32 | 64): void {
  pushRegister(context, register);
  if (width === 32) context.code.op('i32_wrap_i64');
}

function pushConstant(context: FunctionContext, value: number, width: 32 | 64): void {
  if (width === 32) context.code.i32(value);
  else context.code.i64(value);
}

function pushSource(context: FunctionContext, row: AluRow, instruction: Instruction): void {
  if (row.operand === 'imm') pushConstant(context, instruction.imm, row.width);
  else pushOperand(context, instruction.src, row.width);
}

function popResult(context: FunctionContext, register: number, width: 32 | 64): void {
  if (width === 32) context.code.op('i64_extend_i32_u');
  popRegister(context, register);
}

export function emitAlu(context: FunctionContext, row: AluRow, instruction: Instruction): void {
  const { code } = context;
  const { dst } = instruction;
  const direct = DIRECT[row.operation];
  if (direct !== undefined) {
    pushOperand(context, dst, row.width);
    pushSource(context, row, instruction);
    code.op(direct[row.width === 32 ? 0 : 1]);
  } else if (row.operation === 'neg') {
    pushConstant(context, 0, row.width);
    pushOperand(context, dst, row.width);
    code.op(row.width === 32 ? 'i32_sub' : 'i64_sub');
  } else if (row.operation === 'mov') {
    emitMove(context, row, instruction);
  } else {
    emitDivision(context, row, instruction);
  }
  popResult(context, dst, row.width);
}

/** mov and movsx: `offset` is the number of bits to extend from, 0 for a plain move. */
function emitMove(context: FunctionContext, row: AluRow, instruction: Instruction): void {
  pushSource(context, row, instruction);
  const { offset } = instruction;
  if (offset === 0) return;
  if (row.width === 32) context.code.op(offset === 8 ? 'i32_extend8_s' : 'i32_extend16_s');
  else context.code.op(offset === 8 ? 'i64_extend8_s' : offset === 16 ? 'i64_extend16_s' : 'i64_extend32_s');
}

/**
 * div, mod, sdiv, smod (RFC 9669 §4.1): x / 0 = 0, x % 0 = x, and the lowest number / -1 is itself, where Wasm would trap.
 */
function emitDivision(context: FunctionContext, row: AluRow, instruction: Instruction): void {
  const { code } = context;
  const wide = row.width === 64;
  const signed = instruction.offset === 1;
  const type = wide ? 'i64' : 'i32';
  const divide = row.operation === 'div';
  const operation = `${type}_${divide ? 'div' : 'rem'}_${signed ? 's' : 'u'}` as PlainInstruction;
  const pushDividend = () => pushOperand(context, instruction.dst, row.width);
  const pushDivisor = () => pushSource(context, row, instruction);

  if (row.operand === 'imm') {
    if (instruction.imm === 0) {
      // The verifier refuses a constant division by zero; without it the rule for registers holds.
      if (divide) pushConstant(context, 0, row.width);
      else pushDividend();
    } else if (signed && divide && instruction.imm === -1) {
      pushConstant(context, 0, row.width);
      pushDividend();
      code.op(wide ? 'i64_sub' : 'i32_sub');
    } else {
      pushDividend();
      pushDivisor();
      code.op(operation);
    }
    return;
  }
  pushDivisor();
  code.op(wide ? 'i64_eqz' : 'i32_eqz').if(type);
  if (divide) pushConstant(context, 0, row.width);
  else pushDividend();
  code.op('else');
  if (signed && divide) {
    pushDivisor();
    pushConstant(context, -1, row.width);
    code.op(wide ? 'i64_eq' : 'i32_eq').if(type);
    pushConstant(context, 0, row.width);
    pushDividend();
    code.op(wide ? 'i64_sub' : 'i32_sub', 'else');
  }
  pushDividend();
  pushDivisor();
  code.op(operation);
  if (signed && divide) code.op('end');
  code.op('end');
}

/** Byte swaps. The guest is little-endian: `le` only cuts, `be` and `swap` reverse the bytes of the lower `imm` bits. */
export function emitEndian(context: FunctionContext, row: EndianRow, instruction: Instruction): void {
  const { code } = context;
  const { dst, imm } = instruction;
  pushRegister(context, dst);
  if (row.operation === 'le') {
    if (imm === 16) code.i64(0xffff).op('i64_and');
    else if (imm === 32) code.op('i32_wrap_i64', 'i64_extend_i32_u');
  } else if (imm === 64) {
    emitSwap64(context);
  } else {
    code.op('i32_wrap_i64');
    emitSwap32(context);
    if (imm === 16) code.i32(16).op('i32_shr_u');
    code.op('i64_extend_i32_u');
  }
  popRegister(context, dst);
}

/** i32 on the stack: bytes a b c d become d c b a, by two rotations of alternate bytes. */
function emitSwap32(context: FunctionContext): void {
  const { code, scratch32 } = context;
  code.tee(scratch32).i32(8).op('i32_rotl').i32(0x00ff_00ff).op('i32_and');
  code.get(scratch32).i32(24).op('i32_rotl').i32(0xff00_ff00).op('i32_and', 'i32_or');
}

/** i64 on the stack: swap neighbouring bytes, then neighbouring 16-bit words, then the halves. */
function emitSwap64(context: FunctionContext): void {
  const { code, scratch64 } = context;
  for (const [mask, bits] of [
    [0x00ff_00ff_00ff_00ffn, 8],
    [0x0000_ffff_0000_ffffn, 16],
  ] as const) {
    code.tee(scratch64).i64(bits).op('i64_shr_u').i64(mask).op('i64_and');
    code.get(scratch64).i64(mask).op('i64_and').i64(bits).op('i64_shl', 'i64_or');
  }
  code.i64(32).op('i64_rotl');
}
