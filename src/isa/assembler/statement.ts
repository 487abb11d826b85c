import { CALL_SOURCE, OPCODE } from '../opcodes.ts';
import { KFUNC_WORD } from '../syntax.ts';
import { parseAssignment } from './assignment.ts';
import type { Cursor } from './cursor.ts';
import { type Draft, draft } from './draft.ts';
import { JUMP_FORMS } from './forms.ts';
import type { ListingColumns } from './listing.ts';
import { parseLock, parseStore, parseStoreRelease } from './memory.ts';
import { atNumber, expectImmediate, expectRegister, expectTarget, reference, registerOf } from './operands.ts';

const CALL_REGISTER = 0x8d;

/**
 * Reads one instruction and nothing after it.
 *
 * @param columns what a listing says beside the text
 * @throws AssemblyError with what was expected
 */
export function parseStatement(cursor: Cursor, columns: ListingColumns | undefined): Draft {
  const parsed = parseInstruction(cursor, columns);
  if (!cursor.atEnd()) cursor.fail('the end of the instruction');
  return parsed;
}

function parseInstruction(cursor: Cursor, columns: ListingColumns | undefined): Draft {
  const token = cursor.peek();
  if (registerOf(token) !== undefined) return parseAssignment(cursor, columns);
  switch (token.text) {
    case '*':
      return parseStore(cursor);
    case 'lock':
      return parseLock(cursor);
    case 'store_release':
      return parseStoreRelease(cursor);
    case 'if':
      return parseConditionalJump(cursor);
    case 'goto':
      return parseGoto(cursor, 'offset');
    case 'gotol':
      return parseGoto(cursor, 'imm');
    case 'call':
      return parseCall(cursor, columns);
    case 'callx':
      cursor.take();
      return draft(CALL_REGISTER, { dst: expectRegister(cursor, 64).number });
    case 'exit':
      cursor.take();
      return draft(OPCODE.EXIT);
    case 'may_goto':
      throw cursor.error(token, 'may_goto is not supported');
    default:
      if (token.text.startsWith('.')) throw cursor.error(token, `the directive '${token.text}' is not supported`);
      return cursor.fail('an instruction');
  }
}

function parseGoto(cursor: Cursor, field: 'offset' | 'imm'): Draft {
  cursor.take();
  const target = expectTarget(cursor, field);
  const opcode = field === 'offset' ? OPCODE.GOTO : OPCODE.GOTO_LONG;
  return draft(opcode, { [field]: target.slots, reference: target.reference });
}

/** `if r1 != 0x0 goto pc+2`. */
function parseConditionalJump(cursor: Cursor): Draft {
  cursor.expect('if');
  const dst = expectRegister(cursor);
  const comparison = cursor.peek().text;
  const immediate = JUMP_FORMS.get(`${comparison} ${dst.width} imm`);
  const register = JUMP_FORMS.get(`${comparison} ${dst.width} reg`);
  if (immediate === undefined || register === undefined) return cursor.fail("a comparison such as '==' or 's>'");
  cursor.take();
  const right = registerOf(cursor.peek());
  if (right === undefined && !atNumber(cursor)) return cursor.fail('a register or a number');
  const fields =
    right === undefined ? { imm: expectImmediate(cursor) } : { src: expectRegister(cursor, dst.width).number };
  cursor.expect('goto');
  const target = expectTarget(cursor, 'offset');
  return draft(right === undefined ? immediate : register, {
    ...fields,
    dst: dst.number,
    offset: target.slots,
    reference: target.reference,
  });
}

/** `call 12`, `call bpf_tail_call#12`, `call tail_call`, `call f`, `call pc+3`, `call kfunc#7`. */
function parseCall(cursor: Cursor, columns: ListingColumns | undefined): Draft {
  cursor.expect('call');
  if (cursor.is('pc') && (cursor.is('+', 1) || cursor.is('-', 1))) {
    const { slots } = expectTarget(cursor, 'imm');
    // bpftool adds the function's name.
    if (cursor.accept('#')) cursor.expectName("the function's name");
    return draft(OPCODE.CALL, { src: CALL_SOURCE.FUNCTION, imm: slots });
  }
  if (atNumber(cursor)) {
    // llvm-objdump writes both kinds of call the same way; only its raw bytes tell them apart.
    const src = columns?.src === CALL_SOURCE.FUNCTION ? CALL_SOURCE.FUNCTION : CALL_SOURCE.HELPER;
    return draft(OPCODE.CALL, { src, imm: expectImmediate(cursor) });
  }
  const token = cursor.expectName('a function, a helper or a number');
  if (!cursor.accept('#')) return draft(OPCODE.CALL, { reference: reference(cursor, token, 'call') });
  const imm = expectImmediate(cursor);
  if (token.text === KFUNC_WORD) return draft(OPCODE.CALL, { src: CALL_SOURCE.KFUNC, imm });
  return draft(OPCODE.CALL, { imm, reference: reference(cursor, token, 'helper') });
}
