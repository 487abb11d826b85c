import { AssemblyError } from './assembler/error.ts';
import type { AssemblyNames } from './assembler/link.ts';
import { isListingHeader, readColumns, readSymbolLine } from './assembler/listing.ts';
import { type Assembly, assembleProgram, type Dialect } from './assembler/program.ts';
import { parseStatement } from './assembler/statement.ts';

export type { AssemblyNames } from './assembler/link.ts';
export { type Assembly, MAX_ASSEMBLY_BYTES } from './assembler/program.ts';
export { AssemblyError };

const PSEUDO_C: Dialect = {
  parseStatement,
  readColumns,
  readSymbolLine,
  isHeading: isListingHeader,
  impliedLabels: () => new Map(),
};

/**
 * Assembles the pseudo-C text of one program: what `disassemble` writes, and the texts of Linux's verifier log, bpftool, llvm-mc
 * and llvm-objdump, with or without the columns that these print before an instruction.
 *
 * Encodings are llvm-mc's, but for three things: `call NAME` takes a helper where the program has no label NAME, `NAME ll` takes
 * a map, and a number that does not fit its field is an error instead of being cut.
 *
 * @throws AssemblyError with line and column, for the first thing that cannot be read; names are looked up after all lines are read
 */
export function assemble(text: string, names: AssemblyNames): Assembly {
  return assembleProgram(text, names, PSEUDO_C);
}
