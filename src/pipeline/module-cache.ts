/** Compiled modules by what determines them, least recently used out first. */

import type { Instruction } from '../isa/instruction.ts';
import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import type { MapShape, TranslateOptions } from '../vm/translate/context.ts';
import { type TranslateLimits, translateProgram } from '../vm/translate/program.ts';
import { ProblemFound } from './refused.ts';

/** Modules that one thread keeps. */
const MAX_MODULES = 512;
/** Bytes of their WebAssembly together; V8's machine code for a byte takes five to ten. */
const MAX_MODULE_BYTES_TOTAL = 16 * 1024 * 1024;

/** What code is known by: its hash, and the numbers of the maps it refers to. */
export interface ProgramIdentity {
  readonly hash: string;
  readonly maps: readonly number[];
}

export interface CompiledProgram {
  readonly module: WebAssembly.Module;
  /** Bytes of each function's frame, by its first slot. */
  readonly frameBytes: ReadonlyMap<number, number>;
}

export class ModuleCache {
  readonly #modules = new Map<string, CompiledProgram & { readonly bytes: number }>();
  #bytes = 0;

  /**
   * The module of a program: known, or translated and compiled now.
   * @returns also whether it was known
   * @throws ProblemFound when the program passes a limit of the translator
   */
  get(
    program: ProgramSpec,
    identity: ProgramIdentity,
    instructions: readonly Instruction[],
    maps: readonly MapSpec[],
    options: TranslateOptions,
    limits: TranslateLimits,
  ): CompiledProgram & { readonly hit: boolean } {
    const key = moduleKey(identity, maps, options);
    const known = this.#modules.get(key);
    if (known !== undefined) {
      this.#modules.delete(key);
      this.#modules.set(key, known);
      return { ...known, hit: true };
    }
    const translation = translateProgram(instructions, maps, options, limits);
    if (translation.kind === 'limit') {
      const detail = `program '${program.name}': ${translation.message}`;
      throw new ProblemFound('limit_exceeded', '', detail, { limit: translation.limit });
    }
    const compiled = {
      module: new WebAssembly.Module(translation.bytes),
      frameBytes: translation.frameBytes,
      bytes: translation.bytes.length,
    };
    this.#modules.set(key, compiled);
    this.#bytes += compiled.bytes;
    this.#shrink();
    return { ...compiled, hit: false };
  }

  /** Forgets what was not asked for longest. */
  #shrink(): void {
    for (const [key, { bytes }] of this.#modules) {
      if (this.#modules.size <= MAX_MODULES && this.#bytes <= MAX_MODULE_BYTES_TOTAL) return;
      this.#modules.delete(key);
      this.#bytes -= bytes;
    }
  }
}

/** Code, shapes of the maps it refers to, and the translator's options; names do not matter. */
function moduleKey(identity: ProgramIdentity, maps: readonly MapShape[], options: TranslateOptions): string {
  const shapes = identity.maps.map((index) => {
    const map = maps[index];
    return [index, map?.type, map?.keySize, map?.valueSize];
  });
  return `${identity.hash} ${JSON.stringify([options, shapes])}`;
}
