import type { Instruction } from './instruction.ts';
import { ATOMIC_OPERATIONS, CALL_SOURCE, LOAD_SOURCE, OPCODES, type OpcodeRow, ORDERED_ACCESS } from './opcodes.ts';
import {
  ALU_SYMBOLS,
  ATOMIC_SYMBOLS,
  COMPARISON_SYMBOLS,
  isPlainName,
  KFUNC_WORD,
  REFERENCE_WORDS,
  SIZE_BITS,
} from './syntax.ts';

/** Names that the text shows in place of numbers; undefined where there is none. */
export interface DisassemblyNames {
  /** Full name of a helper, as `bpf_tail_call`. */
  helper(id: number): string | undefined;
  /** Name of a map by its index in the program's maps. */
  map(index: number): string | undefined;
}

type RowOf<Kind extends OpcodeRow['kind']> = Extract<OpcodeRow, { kind: Kind }>;

/**
 * Text of one instruction as Linux's verifier log prints it, without the leading `5: (b7)` (kernel/bpf/disasm.c,
 * print_bpf_insn).
 *
 * Two things differ from Linux so that `assemble` reads the text back: lddw ends in ` ll` as in LLVM, and its maps and functions
 * appear by name (`r2 = chain ll`, `r1 = hits[0]+4 ll`) or number (`map#3`, `pc+2`) instead of as addresses. Fields that Linux
 * does not print (reserved ones above all) are not seen in the text.
 *
 * @returns never throws: what has no meaning is Linux's `BUG_xx`
 */
export function disassemble(instruction: Instruction, names: DisassemblyNames): string {
  const row = OPCODES[instruction.opcode];
  if (row === undefined) return withoutRow(instruction);
  switch (row.kind) {
    case 'alu':
      return arithmetic(row, instruction);
    case 'endian':
      return `r${instruction.dst} = ${row.operation === 'swap' ? 'bswap' : row.operation}${instruction.imm} r${instruction.dst}`;
    case 'goto':
      return row.long ? `gotol ${relative(instruction.imm)}` : `goto ${relative(instruction.offset)}`;
    case 'jump':
      return conditionalJump(row, instruction);
    case 'call':
      return call(instruction, names);
    case 'exit':
      return 'exit';
    case 'load':
      return `r${instruction.dst} = *(${row.signed ? 's' : 'u'}${row.size * 8} *)${address(instruction.src, instruction.offset)}`;
    case 'store': {
      const value = row.operand === 'reg' ? `r${instruction.src}` : `${instruction.imm}`;
      return `*(u${row.size * 8} *)${address(instruction.dst, instruction.offset)} = ${value}`;
    }
    case 'atomic':
      return atomic(row, instruction);
    case 'load_imm64':
      return `r${instruction.dst} = ${wideImmediate(instruction, names)} ll`;
    case 'load_packet': {
      const index = row.indirect ? `r${instruction.src} + ${instruction.imm}` : `${instruction.imm}`;
      return `r0 = *(u${row.size * 8} *)skb[${index}]`;
    }
  }
}

function signed(value: number): string {
  return value < 0 ? `${value}` : `+${value}`;
}

function relative(slots: number): string {
  return `pc${signed(slots)}`;
}

function address(base: number, offset: number): string {
  return `(r${base} ${signed(offset)})`;
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

function arithmetic(row: RowOf<'alu'>, { dst, src, offset, imm }: Instruction): string {
  const letter = row.width === 64 ? 'r' : 'w';
  if (row.operation === 'neg') return `${letter}${dst} = -${letter}${dst}`;
  if (row.operation === 'mov' && row.operand === 'reg') {
    if (row.width === 64 && offset === 1) return `r${dst} = addr_space_cast(r${src}, ${imm >>> 16}, ${imm & 0xffff})`;
    const cast = offset === 8 || offset === 16 || offset === 32 ? `(s${offset})` : '';
    return `${letter}${dst} = ${cast}${letter}${src}`;
  }
  const sign = (row.operation === 'div' || row.operation === 'mod') && offset === 1 ? 's' : '';
  const value = row.operand === 'reg' ? `${letter}${src}` : `${imm}`;
  return `${letter}${dst} ${sign}${ALU_SYMBOLS[row.operation]} ${value}`;
}

function conditionalJump(row: RowOf<'jump'>, { dst, src, offset, imm }: Instruction): string {
  const letter = row.width === 64 ? 'r' : 'w';
  const value = row.operand === 'reg' ? `${letter}${src}` : hex(imm);
  return `if ${letter}${dst} ${COMPARISON_SYMBOLS[row.comparison]} ${value} goto ${relative(offset)}`;
}

function call({ src, imm }: Instruction, names: DisassemblyNames): string {
  if (src === CALL_SOURCE.FUNCTION) return `call ${relative(imm)}`;
  if (src === CALL_SOURCE.KFUNC) return `call ${KFUNC_WORD}#${imm}`;
  return `call ${(src === CALL_SOURCE.HELPER ? names.helper(imm) : undefined) ?? 'unknown'}#${imm}`;
}

function atomic(row: RowOf<'atomic'>, instruction: Instruction): string {
  const { dst, src, offset, imm } = instruction;
  const operation = ATOMIC_OPERATIONS.find((candidate) => candidate.imm === imm);
  if (operation === undefined) return orderedAccess(instruction) ?? unknownOpcode(instruction.opcode);
  const memory = `(u${row.size * 8} *)${address(dst, offset)}`;
  const prefix = row.size === 8 ? 'atomic64' : 'atomic';
  switch (operation.operation) {
    case 'xchg':
      return `r${src} = ${prefix}_xchg(${memory}, r${src})`;
    case 'cmpxchg':
      return `r0 = ${prefix}_cmpxchg(${memory}, r0, r${src})`;
    default:
      return operation.fetch
        ? `r${src} = ${prefix}_fetch_${operation.operation}(${memory}, r${src})`
        : `lock *${memory} ${ATOMIC_SYMBOLS[operation.operation]} r${src}`;
  }
}

const ATOMIC_OPCODE = 0xc3;

/** Text of load_acquire and store_release, which Linux knows in every size; undefined for anything else. */
function orderedAccess({ opcode, dst, src, offset, imm }: Instruction): string | undefined {
  const size = ([1, 2, 4, 8] as const).find((bytes) => opcode === (ATOMIC_OPCODE | SIZE_BITS[bytes]));
  if (size === undefined) return undefined;
  if (imm === ORDERED_ACCESS.LOAD_ACQUIRE) return `r${dst} = load_acquire((u${size * 8} *)${address(src, offset)})`;
  if (imm === ORDERED_ACCESS.STORE_RELEASE) return `store_release((u${size * 8} *)${address(dst, offset)}, r${src})`;
  return undefined;
}

function wideImmediate({ src, imm, nextImm = 0 }: Instruction, names: DisassemblyNames): string {
  switch (src) {
    case LOAD_SOURCE.MAP:
      return mapName(imm, names);
    case LOAD_SOURCE.MAP_VALUE:
      return `${mapName(imm, names)}[0]+${nextImm >>> 0}`;
    case LOAD_SOURCE.VARIABLE:
      return `${REFERENCE_WORDS.variable}#${imm}`;
    case LOAD_SOURCE.FUNCTION:
      return relative(imm);
    case LOAD_SOURCE.MAP_INDEX:
      return `${REFERENCE_WORDS.mapIndex}#${imm}`;
    case LOAD_SOURCE.MAP_VALUE_INDEX:
      return `${REFERENCE_WORDS.mapIndex}#${imm}[0]+${nextImm >>> 0}`;
    default:
      return nextImm === 0 ? hex(imm) : `0x${(nextImm >>> 0).toString(16)}${(imm >>> 0).toString(16).padStart(8, '0')}`;
  }
}

/** The map's name if the assembler could read it, else its number. */
function mapName(index: number, names: DisassemblyNames): string {
  const name = names.map(index);
  return name !== undefined && isPlainName(name) ? name : `${REFERENCE_WORDS.map}#${index}`;
}

/** Opcodes outside RFC 9669 that still have a text: Linux's extensions, and LLVM's callx, which Linux refuses. */
function withoutRow(instruction: Instruction): string {
  if (instruction.opcode === 0xe5) return `may_goto ${relative(instruction.offset)}`;
  if (instruction.opcode === 0x8d) return `callx r${instruction.dst}`;
  return orderedAccess(instruction) ?? unknownOpcode(instruction.opcode);
}

const BUG_CLASSES = ['ld_', 'ldx_', 'st_', '', '', '', '', ''] as const;

function unknownOpcode(opcode: number): string {
  return `BUG_${BUG_CLASSES[opcode & 7]}${opcode.toString(16).padStart(2, '0')}`;
}
