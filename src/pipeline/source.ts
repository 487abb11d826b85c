/** The source line of an instruction. */

import type { ProgramSpec } from '../spec/object.ts';

/** Line info covers the instructions from its own up to the next row's (kernel: find_linfo). */
export function sourceAt(program: ProgramSpec, pc: number): { file: string; line: number; text: string } | undefined {
  const row = program.lines.findLast((line) => line.pc <= pc);
  return row === undefined ? undefined : { file: row.file, line: row.line, text: row.text };
}
