import { CALL_SOURCE, LOAD_SOURCE, OPCODE } from '../opcodes.ts';
import type { Cursor } from './cursor.ts';
import { type Draft, draft } from './draft.ts';
import type { AssemblyNames } from './link.ts';
import {
  type Address,
  atNumber,
  expectImmediate,
  expectNumber,
  expectOffset,
  expectRegister,
  expectTarget,
  reference,
} from './operands.ts';
import { type Assembly, assembleProgram, type Dialect } from './program.ts';
import { UBPF_FORMS, UBPF_LOCK_FORMS, type UbpfForm } from './ubpf-forms.ts';

/** `call %r2`: an instruction that RFC 9669 does not define; it assembles, and the verifier refuses it by its opcode. */
const CALL_REGISTER = 0x8d;

/** A jump to this name goes to the label, or where none is defined to the first exit instruction. */
const EXIT_LABEL = 'exit';

const UBPF: Dialect = {
  parseStatement,
  readColumns: () => undefined,
  readSymbolLine: () => undefined,
  isHeading: () => false,
  impliedLabels: (drafts) => {
    const exit = drafts.find((one) => one.draft.opcode === OPCODE.EXIT);
    return new Map(exit === undefined ? [] : [[EXIT_LABEL, exit.pc]]);
  },
};

/**
 * Assembles the dialect of uBPF and of the conformance suite bpf_conformance: `mov32 %r0, 1`, `ldxdw %r0, [%r10-8]`,
 * `jeq %r1, 3, label`, `lock fetch add [%r10-8], %r1`, `call 5`, `call local f`, `lddw %r1, 0x1122334455667788`.
 *
 * Beyond that dialect, as the pseudo-C has them: `call NAME` takes a function or a helper, `lddw %r1, NAME` a map,
 * `lddw %r1, NAME[0]+4` a map's value, `ldabsw 4` and `ldindw %r1, 4` read the packet.
 *
 * @throws AssemblyError with line and column, for the first thing that cannot be read; names are looked up after all lines are read
 */
export function assembleUbpf(text: string, names: AssemblyNames): Assembly {
  return assembleProgram(text, names, UBPF);
}

function parseStatement(cursor: Cursor): Draft {
  const form = UBPF_FORMS.get(cursor.peek().text);
  if (form === undefined) return cursor.fail('an instruction');
  cursor.take();
  const parsed = parseOperands(cursor, form);
  if (!cursor.atEnd()) cursor.fail('the end of the instruction');
  return parsed;
}

function parseOperands(cursor: Cursor, form: UbpfForm): Draft {
  switch (form.shape) {
    case 'binary':
      return parseBinary(cursor, form);
    case 'unary':
      return draft(form.opcode, { dst: expectUbpfRegister(cursor), imm: form.imm });
    case 'jump':
      return parseJump(cursor, form);
    case 'goto': {
      const target = expectTarget(cursor, form.field);
      return draft(form.opcode, { [form.field]: target.slots, reference: target.reference });
    }
    case 'load': {
      const dst = expectUbpfRegister(cursor);
      cursor.expect(',');
      const { base, offset } = expectUbpfMemory(cursor);
      return draft(form.opcode, { dst, src: base, offset });
    }
    case 'store_imm': {
      const { base, offset } = expectUbpfMemory(cursor);
      cursor.expect(',');
      return draft(form.opcode, { dst: base, offset, imm: expectImmediate(cursor) });
    }
    case 'store_reg': {
      const { base, offset } = expectUbpfMemory(cursor);
      cursor.expect(',');
      return draft(form.opcode, { dst: base, offset, src: expectUbpfRegister(cursor) });
    }
    case 'load_packet': {
      if (!form.indirect) return draft(form.opcode, { imm: expectImmediate(cursor) });
      const src = expectUbpfRegister(cursor);
      cursor.expect(',');
      return draft(form.opcode, { src, imm: expectImmediate(cursor) });
    }
    case 'lddw':
      return parseLoadImm64(cursor);
    case 'call':
      return parseCall(cursor);
    case 'lock':
      return parseLock(cursor);
    case 'exit':
      return draft(OPCODE.EXIT);
  }
}

function expectUbpfRegister(cursor: Cursor): number {
  cursor.expect('%');
  return expectRegister(cursor, 64).number;
}

/** `[%r1]`, `[%r1+4]`, `[%r1-4]`. */
function expectUbpfMemory(cursor: Cursor): Address {
  cursor.expect('[');
  const base = expectUbpfRegister(cursor);
  const offset = cursor.is(']') ? 0 : expectSignedOffset(cursor);
  cursor.expect(']');
  return { base, offset };
}

function expectSignedOffset(cursor: Cursor): number {
  if (!cursor.is('+') && !cursor.is('-')) return cursor.fail("'+', '-' or ']'");
  return expectOffset(cursor);
}

/** A register's number, or an immediate. */
function expectSource(cursor: Cursor): { readonly src: number } | { readonly imm: number } {
  if (cursor.is('%')) return { src: expectUbpfRegister(cursor) };
  if (!atNumber(cursor)) return cursor.fail('a register or a number');
  return { imm: expectImmediate(cursor) };
}

function parseBinary(cursor: Cursor, form: Extract<UbpfForm, { shape: 'binary' }>): Draft {
  const dst = expectUbpfRegister(cursor);
  cursor.expect(',');
  if (form.imm === undefined && !cursor.is('%')) return cursor.fail('a register, %r0 to %r10');
  const source = expectSource(cursor);
  const opcode = 'src' in source ? form.reg : form.imm;
  if (opcode === undefined) throw new RangeError('a two-operand instruction has a register form');
  return draft(opcode, { dst, ...source, offset: form.offset });
}

function parseJump(cursor: Cursor, form: Extract<UbpfForm, { shape: 'jump' }>): Draft {
  const dst = expectUbpfRegister(cursor);
  cursor.expect(',');
  const source = expectSource(cursor);
  cursor.expect(',');
  const target = expectTarget(cursor, 'offset');
  const opcode = 'src' in source ? form.reg : form.imm;
  return draft(opcode, { dst, ...source, offset: target.slots, reference: target.reference });
}

/** `lddw %r1, 0x11`, `lddw %r1, chain`, `lddw %r1, hits[0]+4`. */
function parseLoadImm64(cursor: Cursor): Draft {
  const dst = expectUbpfRegister(cursor);
  cursor.expect(',');
  if (atNumber(cursor)) {
    const value = expectNumber(cursor, -0x8000_0000_0000_0000n, 0xffff_ffff_ffff_ffffn);
    const half = (bits: bigint) => Number(BigInt.asIntN(32, bits));
    return draft(OPCODE.LOAD_IMM64, { dst, imm: half(value), nextImm: half(value >> 32n) });
  }
  const token = cursor.expectName('a number or a map');
  if (!cursor.accept('[')) {
    const use = reference(cursor, token, 'load');
    return draft(OPCODE.LOAD_IMM64, { dst, src: LOAD_SOURCE.MAP, nextImm: 0, reference: use });
  }
  expectNumber(cursor, 0n, 0n);
  cursor.expect(']');
  const offset = cursor.accept('+') ? Number(BigInt.asIntN(32, expectNumber(cursor, 0n, 0xffff_ffffn))) : 0;
  const use = reference(cursor, token, 'value');
  return draft(OPCODE.LOAD_IMM64, { dst, src: LOAD_SOURCE.MAP_VALUE, nextImm: offset, reference: use });
}

/** `call 5`, `call trace_printk`, `call local f`, `call local +3`, `call %r2`. */
function parseCall(cursor: Cursor): Draft {
  if (cursor.is('%')) return draft(CALL_REGISTER, { dst: expectUbpfRegister(cursor) });
  if (cursor.accept('local')) {
    if (atNumber(cursor)) {
      return draft(OPCODE.CALL, { src: CALL_SOURCE.FUNCTION, imm: expectTarget(cursor, 'imm').slots });
    }
    const token = cursor.expectName("a function's label");
    return draft(OPCODE.CALL, { src: CALL_SOURCE.FUNCTION, reference: reference(cursor, token, 'function') });
  }
  if (atNumber(cursor)) return draft(OPCODE.CALL, { imm: expectImmediate(cursor) });
  const token = cursor.expectName('a number, a helper or a function');
  return draft(OPCODE.CALL, { reference: reference(cursor, token, 'call') });
}

/** `lock add [%r1], %r2`, `lock fetch add32 [%r1], %r2`, `lock cmpxchg [%r1], %r2`. */
function parseLock(cursor: Cursor): Draft {
  const fetch = cursor.accept('fetch') ? 'fetch ' : '';
  const form = UBPF_LOCK_FORMS.get(`${fetch}${cursor.peek().text}`);
  if (form === undefined) return cursor.fail('an atomic operation');
  cursor.take();
  const { base, offset } = expectUbpfMemory(cursor);
  cursor.expect(',');
  return draft(form.opcode, { dst: base, offset, src: expectUbpfRegister(cursor), imm: form.imm });
}
