/**
 * What a thread remembers of programs that it has read before: their decoded instructions, and the verifier's report when it accepted. Both
 * are functions of the program's bytes and description alone. Least recently used out first.
 */

import { createHash, hash } from 'node:crypto';
import { findFunctions } from '../cfg/functions.ts';
import { decode } from '../isa/decode.ts';
import type { Instruction } from '../isa/instruction.ts';
import { LOAD_SOURCE, OPCODE } from '../isa/opcodes.ts';
import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import type { VerifierReport } from '../verifier/result.ts';
import { verifyRunnable, verifyStructure } from '../verifier/verify.ts';

/** Programs that are remembered. */
const MAX_KNOWN_PROGRAMS = 512;
/** Instructions of all of them together; a decoded one takes some 80 bytes. */
const MAX_KNOWN_INSTRUCTIONS = 200_000;

interface KnownProgram {
  /** SHA-256 of the code. */
  readonly hash: string;
  readonly instructions: readonly Instruction[];
  /** First slots of its functions, ascending. */
  readonly functions: readonly number[];
  /** Numbers of the maps that the code refers to, ascending. */
  readonly maps: readonly number[];
  /** Reports that hold no rejection, by what else they depend on. */
  readonly reports: Map<string, VerifierReport>;
}

/** Reports of one program: it may come with other maps, and in both modes. */
const MAX_REPORTS = 4;

export class KnownPrograms {
  readonly #programs = new Map<string, KnownProgram>();
  /** The same program comes by several times in a run: its bytes are hashed once. */
  readonly #byBytes = new WeakMap<Uint8Array, KnownProgram>();
  #instructions = 0;

  /**
   * The instructions of a program.
   * @throws DecodeError
   */
  decode(code: Uint8Array): readonly Instruction[] {
    return this.#program(code).instructions;
  }

  /**
   * First slots of the program's functions.
   * @throws DecodeError
   */
  functions(code: Uint8Array): readonly number[] {
    return this.#program(code).functions;
  }

  /** Hash of the code, and the numbers of the maps it refers to: what a compiled module is known by. */
  identity(code: Uint8Array): Pick<KnownProgram, 'hash' | 'maps'> {
    return this.#program(code);
  }

  /** What the verifier says, at level `structure` or only about what can be run. */
  verify(program: ProgramSpec, maps: readonly MapSpec[], level: 'structure' | 'runnable'): VerifierReport {
    const judge = level === 'structure' ? verifyStructure : verifyRunnable;
    const { reports } = this.#program(program.code);
    const key = reportKey(program, maps, level);
    const known = reports.get(key);
    if (known !== undefined) return known;
    const report = judge(program, maps);
    // A rejection carries a log, and nobody sends the same wrong program often.
    if (report.rejection === null && reports.size < MAX_REPORTS) reports.set(key, report);
    return report;
  }

  #program(code: Uint8Array): KnownProgram {
    const seen = this.#byBytes.get(code);
    if (seen !== undefined) return seen;
    const program = this.#find(code);
    this.#byBytes.set(code, program);
    return program;
  }

  #find(code: Uint8Array): KnownProgram {
    const key = hash('sha256', code, 'base64');
    const known = this.#programs.get(key);
    if (known !== undefined) {
      this.#programs.delete(key);
      this.#programs.set(key, known);
      return known;
    }
    const instructions = decode(code);
    const functions = findFunctions(instructions).map(({ pc }) => pc);
    const program = {
      hash: key,
      instructions,
      functions,
      maps: mapsOf(instructions),
      reports: new Map<string, VerifierReport>(),
    };
    this.#programs.set(key, program);
    this.#instructions += program.instructions.length;
    this.#shrink();
    return program;
  }

  /** The program that was asked for last stays, whatever its size. */
  #shrink(): void {
    for (const [key, { instructions }] of this.#programs) {
      const full = this.#programs.size > MAX_KNOWN_PROGRAMS || this.#instructions > MAX_KNOWN_INSTRUCTIONS;
      if (!full || this.#programs.size === 1) return;
      this.#programs.delete(key);
      this.#instructions -= instructions.length;
    }
  }
}

function mapsOf(instructions: readonly Instruction[]): number[] {
  const used = new Set<number>();
  for (const { opcode, src, imm } of instructions) {
    if (opcode === OPCODE.LOAD_IMM64 && (src === LOAD_SOURCE.MAP || src === LOAD_SOURCE.MAP_VALUE)) used.add(imm);
  }
  return [...used].sort((left, right) => left - right);
}

/** All of a program and its maps that the verifier may look at: the contents of a map only where programs see them as constants. */
function reportKey(program: ProgramSpec, maps: readonly MapSpec[], level: string): string {
  const digest = createHash('sha256');
  digest.update(JSON.stringify([level, { ...program, code: null, lines: null }]));
  for (const map of maps) {
    digest.update(JSON.stringify({ ...map, slots: null, entries: map.frozen ? map.entries.length : null }));
    if (map.frozen) for (const { key, value } of map.entries) digest.update(key).update(value);
  }
  return digest.digest('base64');
}
