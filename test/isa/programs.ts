import fc from 'fast-check';
import type { Instruction } from '../../src/isa/instruction.ts';
import { ATOMIC_OPERATIONS, CALL_SOURCE, LOAD_SOURCE, OPCODES, type OpcodeRow } from '../../src/isa/opcodes.ts';

/** Arbitrary instructions whose reserved fields are zero: all that a text can show. */

type Fields = Omit<Instruction, 'pc'>;

const REGISTER = fc.nat({ max: 10 });
const OFFSET = fc.integer({ min: -0x8000, max: 0x7fff });
const IMM = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const ZERO = fc.constant(0);

function fields(
  opcode: number,
  used: Partial<Record<'dst' | 'src' | 'offset' | 'imm', fc.Arbitrary<number>>>,
): fc.Arbitrary<Fields> {
  return fc.record({
    opcode: fc.constant(opcode),
    dst: used.dst ?? ZERO,
    src: used.src ?? ZERO,
    offset: used.offset ?? ZERO,
    imm: used.imm ?? ZERO,
    nextImm: fc.constant(undefined),
  });
}

function wide(src: number, nextImm: fc.Arbitrary<number>, imm = IMM): fc.Arbitrary<Fields> {
  return fc.record({
    opcode: fc.constant(0x18),
    dst: REGISTER,
    src: fc.constant(src),
    offset: ZERO,
    imm,
    nextImm,
  });
}

function instructionOf(row: OpcodeRow): fc.Arbitrary<Fields> {
  switch (row.kind) {
    case 'alu':
      return fields(row.opcode, {
        dst: REGISTER,
        offset: fc.constantFrom(0, ...row.signedOffsets),
        ...(row.operation === 'neg' ? {} : row.operand === 'reg' ? { src: REGISTER } : { imm: IMM }),
      });
    case 'endian':
      return fields(row.opcode, { dst: REGISTER, imm: fc.constantFrom(16, 32, 64) });
    case 'goto':
      return fields(row.opcode, row.long ? { imm: IMM } : { offset: OFFSET });
    case 'jump':
      return fields(row.opcode, {
        dst: REGISTER,
        offset: OFFSET,
        ...(row.operand === 'reg' ? { src: REGISTER } : { imm: IMM }),
      });
    case 'call':
      return fields(row.opcode, { src: fc.constantFrom(...Object.values(CALL_SOURCE)), imm: IMM });
    case 'exit':
      return fields(row.opcode, {});
    case 'load':
      return fields(row.opcode, { dst: REGISTER, src: REGISTER, offset: OFFSET });
    case 'store':
      return fields(row.opcode, {
        dst: REGISTER,
        offset: OFFSET,
        ...(row.operand === 'reg' ? { src: REGISTER } : { imm: IMM }),
      });
    case 'atomic':
      return fields(row.opcode, {
        dst: REGISTER,
        src: REGISTER,
        offset: OFFSET,
        imm: fc.constantFrom(...ATOMIC_OPERATIONS.map(({ imm }) => imm)),
      });
    case 'load_imm64':
      return fc.oneof(
        wide(LOAD_SOURCE.IMMEDIATE, IMM),
        wide(LOAD_SOURCE.MAP, ZERO, fc.nat({ max: 5 })),
        wide(LOAD_SOURCE.MAP_VALUE, IMM, fc.nat({ max: 5 })),
        wide(LOAD_SOURCE.VARIABLE, ZERO),
        wide(LOAD_SOURCE.FUNCTION, ZERO),
        wide(LOAD_SOURCE.MAP_INDEX, ZERO),
        wide(LOAD_SOURCE.MAP_VALUE_INDEX, IMM),
      );
    case 'load_packet':
      return fields(row.opcode, row.indirect ? { src: REGISTER, imm: IMM } : { imm: IMM });
  }
}

/** Every opcode of the table with the same weight. */
export const INSTRUCTION: fc.Arbitrary<Fields> = fc.oneof(
  ...OPCODES.flatMap((row) => (row === undefined ? [] : [instructionOf(row)])),
);

/** One to forty instructions with their pc. */
export const PROGRAM: fc.Arbitrary<Instruction[]> = fc
  .array(INSTRUCTION, { minLength: 1, maxLength: 40 })
  .map((all) => {
    let pc = 0;
    return all.map((instruction) => {
      const placed = { pc, ...instruction };
      pc += instruction.nextImm === undefined ? 1 : 2;
      return placed;
    });
  });
