/** The instructions of a stored program for people: as JSON rows, and as a text that the assembler reads back. */

import type { Disassembly } from '../contract/program.ts';
import type { EngineLimits } from '../contract/task.ts';
import { disassemble } from '../isa/disassemble.ts';
import { SLOT_BYTES, slotCount } from '../isa/instruction.ts';
import type { MapSpec, ProgramSpec, SourceLine } from '../spec/object.ts';
import type { KnownPrograms } from './known-programs.ts';
import { LimitedText } from './limited-text.ts';
import { disassemblyNames } from './names.ts';

type Row = Disassembly['insns'][number] & { readonly opcode: number };

/** One row an instruction; a source line stands where another one begins. */
function* rowsOf(
  { code, functions, lines }: ProgramSpec,
  maps: readonly MapSpec[],
  known: KnownPrograms,
): Generator<Row> {
  const names = disassemblyNames(maps);
  const functionAt = new Map(functions.map(({ pc, name }) => [pc, name]));
  let next = 0;
  let shown: SourceLine | undefined;
  for (const instruction of known.decode(code)) {
    const { pc, opcode } = instruction;
    let line: SourceLine | undefined;
    while (lines[next] !== undefined && lines[next]!.pc <= pc) line = lines[next++];
    const isNew = line !== undefined && (line.line !== shown?.line || line.file !== shown.file);
    if (line !== undefined) shown = line;
    const name = functionAt.get(pc);
    yield {
      opcode,
      pc,
      hex: hexOf(code.subarray(pc * SLOT_BYTES, (pc + slotCount(instruction)) * SLOT_BYTES)),
      insn: disassemble(instruction, names),
      ...(name === undefined ? {} : { function: name }),
      ...(isNew ? { source: { file: line!.file, line: line!.line, text: line!.text } } : {}),
    };
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/**
 * JSON, as contract/program.ts describes it.
 * @throws ProblemFound limit_exceeded
 */
export function disassemblyJson(
  id: string,
  program: ProgramSpec,
  maps: readonly MapSpec[],
  known: KnownPrograms,
  limits: EngineLimits,
): Uint8Array {
  const text = new LimitedText(limits);
  text.add(`{"id":${JSON.stringify(id)},"insns":[`);
  let separator = '';
  for (const { opcode: _, ...row } of rowsOf(program, maps, known)) {
    text.add(separator + JSON.stringify(row));
    separator = ',';
  }
  text.add(']}');
  return text.bytes();
}

/** Whatever would break a line of text. */
const CONTROL_CHARACTERS = /\p{Cc}|\u2028|\u2029/gu;

export function oneLine(text: string): string {
  return text.replace(CONTROL_CHARACTERS, ' ');
}

/**
 * Lines as bpftool prints them, functions and source lines as comments.
 * @throws ProblemFound limit_exceeded
 */
export function listing(
  program: ProgramSpec,
  maps: readonly MapSpec[],
  known: KnownPrograms,
  limits: EngineLimits,
): Uint8Array {
  const text = new LimitedText(limits);
  for (const { pc, opcode, insn, function: name, source } of rowsOf(program, maps, known)) {
    if (name !== undefined) text.add(`; ${oneLine(name)}:\n`);
    if (source !== undefined) text.add(`; ${oneLine(`${source.file}:${source.line} ${source.text.trim()}`)}\n`);
    text.add(`${String(pc).padStart(4)}: (${opcode.toString(16).padStart(2, '0')}) ${insn}\n`);
  }
  return text.bytes();
}
