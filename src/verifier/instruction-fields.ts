/** Register numbers and reserved fields of one instruction, in the order in which Linux's do_check comes to them. */

import { ATOMIC_OPERATIONS, OPCODE, OPCODES, ORDERED_ACCESS } from '../isa/opcodes.ts';
import { hasPacketLoads, type ProgramType } from '../spec/programs.ts';
import { type Refusal, unsupported } from './rules.ts';
import {
  CLASS,
  classOf,
  FRAME_POINTER,
  isGoto,
  isPacketLoad,
  MAY_GOTO,
  NARROW_ATOMICS,
  REGISTERS,
  type Slot,
} from './slots.ts';

/** What can be told without the program's other instructions. */
export interface FieldRules {
  readonly type: ProgramType;
  /** False: division by a constant 0 and wild shift amounts are let through, since they have a meaning at run time (RFC 9669 §4.1). */
  readonly constants: boolean;
}

const ADDRESS_SPACE_CAST = 1;

/** Checks of one instruction; null if there is nothing to say. Opcodes are known to exist. */
export function checkFields(slot: Slot, pc: number, rules: FieldRules): Refusal | null {
  switch (classOf(slot)) {
    case CLASS.ALU:
    case CLASS.ALU64:
      return checkArithmetic(slot, pc, rules);
    case CLASS.LDX:
      return readable(slot.src, pc) ?? writable(slot.dst, pc);
    case CLASS.STX:
      return (slot.opcode & 0xe0) === 0xc0 ? checkAtomic(slot, pc) : checkStore(slot, pc);
    case CLASS.ST:
      return slot.src !== 0 ? reserved(pc, 'BPF_ST') : readable(slot.dst, pc);
    case CLASS.LD:
      return isPacketLoad(slot) ? checkPacketLoad(slot, pc, rules.type) : checkLoadImm64(slot, pc);
    default:
      return checkJump(slot, pc);
  }
}

function reserved(pc: number, what: string): Refusal {
  return { rule: 'reserved_fields', pc, message: `${what} uses reserved fields` };
}

/** check_reg_arg with SRC_OP, as far as numbers go. */
function readable(register: number, pc: number): Refusal | null {
  return register < REGISTERS ? null : { rule: 'register', pc, message: `R${register} is invalid` };
}

/** check_reg_arg with DST_OP. */
function writable(register: number, pc: number): Refusal | null {
  if (register === FRAME_POINTER) return { rule: 'frame_pointer', pc, message: 'frame pointer is read only' };
  return readable(register, pc);
}

function checkArithmetic(slot: Slot, pc: number, rules: FieldRules): Refusal | null {
  const row = OPCODES[slot.opcode];
  if (row?.kind === 'endian') {
    const width = slot.imm === 16 || slot.imm === 32 || slot.imm === 64;
    if (slot.src !== 0 || slot.offset !== 0 || !width) return reserved(pc, 'BPF_END');
    return writable(slot.dst, pc);
  }
  if (row?.kind !== 'alu') throw new Error(`insn ${pc}: opcode ${slot.opcode} is no arithmetic`);
  if (row.operation === 'neg') {
    if (slot.src !== 0 || slot.offset !== 0 || slot.imm !== 0) return reserved(pc, 'BPF_NEG');
    return writable(slot.dst, pc);
  }
  const byRegister = row.operand === 'reg';
  const offsetAllowed = slot.offset === 0 || row.signedOffsets.includes(slot.offset);
  if (row.operation === 'mov') {
    if (byRegister && row.width === 64 && slot.offset === ADDRESS_SPACE_CAST) {
      const message = 'addr_space_cast insn can only be used in a program that has an associated arena';
      return { rule: 'arena', pc, message };
    }
    if (!offsetAllowed || (byRegister ? slot.imm : slot.src) !== 0) return reserved(pc, 'BPF_MOV');
    return (byRegister ? readable(slot.src, pc) : null) ?? writable(slot.dst, pc);
  }
  if (!offsetAllowed || (byRegister ? slot.imm : slot.src) !== 0) return reserved(pc, 'BPF_ALU');
  const operands = (byRegister ? readable(slot.src, pc) : null) ?? readable(slot.dst, pc);
  if (operands !== null) return operands;
  if (rules.constants && !byRegister) {
    if ((row.operation === 'div' || row.operation === 'mod') && slot.imm === 0) {
      return { rule: 'division', pc, message: 'div by zero' };
    }
    const shifts = row.operation === 'lsh' || row.operation === 'rsh' || row.operation === 'arsh';
    if (shifts && (slot.imm < 0 || slot.imm >= row.width)) {
      return { rule: 'shift', pc, message: `invalid shift ${slot.imm}` };
    }
  }
  return writable(slot.dst, pc);
}

function checkStore(slot: Slot, pc: number): Refusal | null {
  if (slot.imm !== 0) return reserved(pc, 'BPF_STX');
  return readable(slot.src, pc) ?? readable(slot.dst, pc);
}

function checkAtomic(slot: Slot, pc: number): Refusal | null {
  if (slot.imm === ORDERED_ACCESS.LOAD_ACQUIRE) return unsupported(pc, 'a load-acquire (BPF_LOAD_ACQ)');
  if (slot.imm === ORDERED_ACCESS.STORE_RELEASE) return unsupported(pc, 'a store-release (BPF_STORE_REL)');
  const row = ATOMIC_OPERATIONS.find((candidate) => candidate.imm === slot.imm);
  if (row === undefined) {
    const printed = (slot.imm >>> 0).toString(16).padStart(2, '0');
    return { rule: 'atomic', pc, message: `BPF_ATOMIC uses invalid atomic opcode ${printed}` };
  }
  if (NARROW_ATOMICS.includes(slot.opcode)) return { rule: 'atomic', pc, message: 'invalid atomic operand size' };
  const operands = readable(slot.src, pc) ?? readable(slot.dst, pc);
  if (operands !== null || !row.fetch) return operands;
  return row.operation === 'cmpxchg' ? null : writable(slot.src, pc);
}

function checkPacketLoad(slot: Slot, pc: number, type: ProgramType): Refusal | null {
  if (!hasPacketLoads(type)) {
    const message = 'BPF_LD_[ABS|IND] instructions not allowed for this program type';
    return { rule: 'packet_load', pc, message };
  }
  const indirect = (slot.opcode & 0xe0) === 0x40;
  if (slot.dst !== 0 || slot.offset !== 0 || (!indirect && slot.src !== 0)) return reserved(pc, 'BPF_LD_[ABS|IND]');
  return indirect ? readable(slot.src, pc) : null;
}

function checkLoadImm64(slot: Slot, pc: number): Refusal | null {
  return slot.offset !== 0 ? reserved(pc, 'BPF_LD_IMM64') : writable(slot.dst, pc);
}

function checkJump(slot: Slot, pc: number): Refusal | null {
  if (slot.opcode === OPCODE.CALL) {
    return slot.offset !== 0 || slot.dst !== 0 || slot.src > 2 ? reserved(pc, 'BPF_CALL') : null;
  }
  if (slot.opcode === OPCODE.EXIT) {
    return slot.imm !== 0 || slot.src !== 0 || slot.dst !== 0 ? reserved(pc, 'BPF_EXIT') : null;
  }
  if (isGoto(slot)) {
    const other = slot.opcode === OPCODE.GOTO_LONG ? slot.offset : slot.imm;
    return slot.src !== 0 || slot.dst !== 0 || other !== 0 ? reserved(pc, 'BPF_JA') : null;
  }
  if (slot.opcode === MAY_GOTO) {
    if (slot.src !== 0 || slot.dst !== 0 || slot.imm !== 0) {
      return { rule: 'reserved_fields', pc, message: `invalid may_goto imm ${slot.imm}` };
    }
    return unsupported(pc, 'may_goto');
  }
  const left = readable(slot.dst, pc);
  if (left !== null) return left;
  const byRegister = (slot.opcode & 0x08) !== 0;
  if ((byRegister ? slot.imm : slot.src) !== 0) return reserved(pc, 'BPF_JMP/JMP32');
  return byRegister ? readable(slot.src, pc) : null;
}
