/** Which register an instruction gives a new value, beside those that a call leaves dead. */

import type { Instruction } from '../isa/instruction.ts';
import { ATOMIC_OPERATIONS, CALL_SOURCE, OPCODES } from '../isa/opcodes.ts';
import { HELPER } from '../spec/helper-numbers.ts';

/** undefined for what writes none at its own step: jumps, stores, exit, calls of functions (r0 comes with their exit), tail calls. */
export function writtenRegister(instruction: Instruction): number | undefined {
  const row = OPCODES[instruction.opcode];
  switch (row?.kind) {
    case 'alu':
    case 'endian':
    case 'load':
    case 'load_imm64':
      return instruction.dst;
    case 'load_packet':
      return 0;
    case 'call':
      return instruction.src === CALL_SOURCE.HELPER && instruction.imm !== HELPER.tail_call ? 0 : undefined;
    case 'atomic': {
      const atomic = ATOMIC_OPERATIONS.find((one) => one.imm === instruction.imm);
      if (atomic?.fetch !== true) return undefined;
      return atomic.operation === 'cmpxchg' ? 0 : instruction.src;
    }
    default:
      return undefined;
  }
}
