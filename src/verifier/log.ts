/** The log of a refusal in the kernel's manner: the instruction, the message, the statistics. */

import { decode } from '../isa/decode.ts';
import { disassemble } from '../isa/disassemble.ts';
import { HELPERS } from '../spec/helpers.ts';
import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import type { Refusal } from './rules.ts';

/** BPF_COMPLEXITY_LIMIT_INSNS, as the last line of a log names it. */
const COMPLEXITY_LIMIT = 1_000_000;

/** @param processed instructions that the walk looked at; 0: refused before it, when Linux prints no instruction */
export function writeLog(program: ProgramSpec, maps: readonly MapSpec[], refusal: Refusal, processed: number): string {
  const lines: string[] = [];
  if (processed > 0 && refusal.pc !== null) lines.push(instructionLine(program, maps, refusal.pc));
  if (refusal.message !== '') lines.push(refusal.message);
  lines.push(
    `processed ${processed} insns (limit ${COMPLEXITY_LIMIT}) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0`,
  );
  return `${lines.join('\n')}\n`;
}

function instructionLine(program: ProgramSpec, maps: readonly MapSpec[], pc: number): string {
  const instruction = decode(program.code).find((candidate) => candidate.pc === pc);
  if (instruction === undefined) throw new Error(`no instruction starts at slot ${pc}`);
  const text = disassemble(instruction, {
    helper: (id) => (HELPERS[id] === undefined ? undefined : `bpf_${HELPERS[id].name}`),
    map: (index) => maps[index]?.name,
  });
  return `${pc}: (${instruction.opcode.toString(16).padStart(2, '0')}) ${text}`;
}
