/**
 * The columns that disassemblers print before an instruction:
 *
 *   verifier log, bpftool      5: (b7) r0 = 1
 *   llvm-objdump                    5:	b7 00 00 00 01 00 00 00	r0 = 0x1
 *   llvm-objdump -d --no-show-raw-insn     5:	r0 = 0x1
 *   llvm-objdump, a symbol     0000000000000028 <f>:
 *
 * Where the text alone is ambiguous (`r0 = 0x1` is a mov or an lddw, `call 0x1` a helper or a function), these columns tell.
 */

export interface ListingColumns {
  /** Offset of the first character after the columns. */
  readonly end: number;
  /** The opcode byte, if the listing shows it. */
  readonly opcode?: number;
  /** The source register, if the listing shows the raw bytes. */
  readonly src?: number;
}

const ADDRESS = /^[ \t]*[0-9]+:[ \t]/;
const OPCODE = /^[ \t]*\(([0-9a-f]{2})\)[ \t]/;
const RAW_BYTES = /^[ \t]*([0-9a-f]{2}) ([0-9a-f])[0-9a-f](?: [0-9a-f]{2}){6}(?:(?: [0-9a-f]{2}){8})?[ \t]+/;
/** More than the columns ever take; a bound for what the expressions look at. */
const MAX_COLUMNS_CHARACTERS = 128;

/** Reads a listing's columns at the start of a line; undefined when the line has none. */
export function readColumns(source: string): ListingColumns | undefined {
  const head = source.slice(0, MAX_COLUMNS_CHARACTERS);
  const address = ADDRESS.exec(head);
  if (address === null) return undefined;
  const start = address[0].length;
  const rest = head.slice(start);
  const opcode = OPCODE.exec(rest);
  if (opcode !== null) return { end: start + opcode[0].length, opcode: Number.parseInt(opcode[1] ?? '', 16) };
  const raw = RAW_BYTES.exec(rest);
  if (raw === null) return { end: start };
  return {
    end: start + raw[0].length,
    opcode: Number.parseInt(raw[1] ?? '', 16),
    src: Number.parseInt(raw[2] ?? '', 16),
  };
}

const SYMBOL_LINE = /^[0-9a-f]{16} <([A-Za-z_.$][A-Za-z0-9_.$]*)>:[ \t\r]*$/;
const ADDRESS_DIGITS = 16;
const MAX_SYMBOL_LINE_CHARACTERS = 1_024;

/** Name in a symbol's line of llvm-objdump, which is a label here; undefined for any other line. */
export function readSymbolLine(source: string): string | undefined {
  // The cheap question first: nearly all lines are instructions.
  if (source[ADDRESS_DIGITS] !== ' ' || source.length > MAX_SYMBOL_LINE_CHARACTERS) return undefined;
  return SYMBOL_LINE.exec(source)?.[1];
}

const HEADER = /^(?:Disassembly of section [^ ]+:[ \t\r]*$|[^ \t]+:[ \t]+file format elf64-bpf)/;

/** Whether the line is one of the two headings of llvm-objdump, which say nothing of the program. */
export function isListingHeader(source: string): boolean {
  return HEADER.test(source.slice(0, MAX_SYMBOL_LINE_CHARACTERS));
}
