/**
 * What a thread remembers of programs that it has read before: their decoded instructions, and the verifier's report when it accepted. Both
 * are functions of the program's bytes and description alone. Each tenant finds only what it has brought itself: how long a run takes must
 * not tell whose programs the thread knows. Least recently used out first, whoever's it is.
 */

import { createHash, hash } from 'node:crypto';
import { findFunctions } from '../cfg/functions.ts';
import { decode } from '../isa/decode.ts';
import type { Instruction } from '../isa/instruction.ts';
import { LOAD_SOURCE, OPCODE } from '../isa/opcodes.ts';
import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import type { VerifierReport } from '../verifier/result.ts';
import { verifyRunnable, verifyStructure } from '../verifier/verify.ts';
import { type ReadForm, StoredForms } from './stored-forms.ts';

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

/** What all tenants share: the room. */
class ProgramMemory {
  readonly programs = new Map<string, KnownProgram>();
  /** The same program comes by several times in a run: its bytes are hashed once. Bytes belong to one run, and so to one tenant. */
  readonly byBytes = new WeakMap<Uint8Array, KnownProgram>();
  instructions = 0;
  readonly forms = new StoredForms();
}

/** The memory as one tenant sees it. */
export class KnownPrograms {
  readonly #memory: ProgramMemory;
  readonly tenant: string;

  /** What marks the tenant's modules; of one length for every tenant. */
  readonly salt: string;

  constructor(tenant = '', memory = new ProgramMemory()) {
    this.tenant = tenant;
    this.#memory = memory;
    this.salt = hash('sha256', tenant, 'base64');
  }

  /** The same memory as another tenant sees it. */
  of(tenant: string): KnownPrograms {
    return new KnownPrograms(tenant, this.#memory);
  }

  /** A stored program, by its id and the form that the id is the hash of. */
  stored(id: string, form: Uint8Array): ReadForm {
    return this.#memory.forms.get(this.tenant, id, form);
  }

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
    const { byBytes } = this.#memory;
    const seen = byBytes.get(code);
    if (seen !== undefined) return seen;
    const program = this.#find(code);
    byBytes.set(code, program);
    return program;
  }

  #find(code: Uint8Array): KnownProgram {
    const { programs } = this.#memory;
    const codeHash = hash('sha256', code, 'base64');
    // A hash has one length, so that no tenant's name can run into it.
    const key = codeHash + this.tenant;
    const known = programs.get(key);
    if (known !== undefined) {
      programs.delete(key);
      programs.set(key, known);
      return known;
    }
    const instructions = decode(code);
    const functions = findFunctions(instructions).map(({ pc }) => pc);
    const program = {
      hash: codeHash,
      instructions,
      functions,
      maps: mapsOf(instructions),
      reports: new Map<string, VerifierReport>(),
    };
    programs.set(key, program);
    this.#memory.instructions += program.instructions.length;
    this.#shrink();
    return program;
  }

  /** The program that was asked for last stays, whatever its size. */
  #shrink(): void {
    const memory = this.#memory;
    for (const [key, { instructions }] of memory.programs) {
      const full = memory.programs.size > MAX_KNOWN_PROGRAMS || memory.instructions > MAX_KNOWN_INSTRUCTIONS;
      if (!full || memory.programs.size === 1) return;
      memory.programs.delete(key);
      memory.instructions -= instructions.length;
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

/** Longest key that stands as it is; longer ones are hashed. */
const MAX_PLAIN_KEY = 2048;

/** All of a program and its maps that the verifier may look at: the contents of a map only where programs see them as constants. */
function reportKey(program: ProgramSpec, maps: readonly MapSpec[], level: string): string {
  const described = maps.map((map) => ({ ...map, slots: null, entries: map.frozen ? map.entries.length : null }));
  const text = JSON.stringify([level, { ...program, code: null, lines: null }, described]);
  const frozen = maps.filter((map) => map.frozen);
  if (frozen.length === 0 && text.length <= MAX_PLAIN_KEY) return text;
  const digest = createHash('sha256').update(text);
  for (const { entries } of frozen) for (const { key, value } of entries) digest.update(key).update(value);
  return digest.digest('base64');
}
