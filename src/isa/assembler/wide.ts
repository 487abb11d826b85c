import { LOAD_SOURCE, OPCODE } from '../opcodes.ts';
import { REFERENCE_WORDS } from '../syntax.ts';
import type { Cursor } from './cursor.ts';
import { type Draft, draft } from './draft.ts';
import { expectNumber, expectTarget, type Register, reference } from './operands.ts';

/** The 64-bit immediate load (lddw) of something that is no plain number: what stands after `r2 =`. */

/** Whether the next tokens are a name and what makes it a reference: `chain ll`, `hits[0]+4 ll`, `map#3 ll`, `pc+2 ll`. */
export function atWideReference(cursor: Cursor): boolean {
  if (cursor.peek().kind !== 'name') return false;
  if (cursor.is('pc') && (cursor.is('+', 1) || cursor.is('-', 1))) return true;
  return cursor.is('ll', 1) || cursor.is('[', 1) || cursor.is('#', 1);
}

export function parseWideReference(cursor: Cursor, dst: Register): Draft {
  const start = cursor.peek();
  const load = parseLoadedValue(cursor);
  cursor.expect('ll');
  if (dst.width === 32) throw cursor.error(start, `a 64-bit load needs the register r${dst.number}`);
  return { ...load, dst: dst.number };
}

function parseLoadedValue(cursor: Cursor): Draft {
  if (cursor.is('pc') && !cursor.is('ll', 1)) {
    return wide(LOAD_SOURCE.FUNCTION, expectTarget(cursor, 'imm').slots);
  }
  const token = cursor.expectName('a map');
  if (!cursor.accept('#')) {
    const offset = acceptValueOffset(cursor);
    return offset === undefined
      ? { ...wide(LOAD_SOURCE.MAP, 0), reference: reference(cursor, token, 'load') }
      : { ...wide(LOAD_SOURCE.MAP_VALUE, 0, offset), reference: reference(cursor, token, 'value') };
  }
  const number = Number(expectNumber(cursor, -0x8000_0000n, 0x7fff_ffffn));
  switch (token.text) {
    case REFERENCE_WORDS.variable:
      return wide(LOAD_SOURCE.VARIABLE, number);
    case REFERENCE_WORDS.map: {
      const offset = acceptValueOffset(cursor);
      return offset === undefined ? wide(LOAD_SOURCE.MAP, number) : wide(LOAD_SOURCE.MAP_VALUE, number, offset);
    }
    case REFERENCE_WORDS.mapIndex: {
      const offset = acceptValueOffset(cursor);
      return offset === undefined
        ? wide(LOAD_SOURCE.MAP_INDEX, number)
        : wide(LOAD_SOURCE.MAP_VALUE_INDEX, number, offset);
    }
    default:
      throw cursor.error(
        token,
        `expected one of ${Object.values(REFERENCE_WORDS).join(', ')} before '#', found '${token.text}'`,
      );
  }
}

function wide(src: number, imm: number, nextImm = 0): Draft {
  return draft(OPCODE.LOAD_IMM64, { src, imm, nextImm });
}

/** `[0]+4`: bytes into the value of element 0. Undefined, and nothing taken, where no `[` stands. */
function acceptValueOffset(cursor: Cursor): number | undefined {
  if (!cursor.accept('[')) return undefined;
  expectNumber(cursor, 0n, 0n);
  cursor.expect(']');
  return cursor.accept('+') ? Number(BigInt.asIntN(32, expectNumber(cursor, 0n, 0xffff_ffffn))) : 0;
}
