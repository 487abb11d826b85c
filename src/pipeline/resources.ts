/** What a thread keeps from run to run: its memories and compiled modules. No guest's state is among it. */

import { driverModule } from '../vm/driver.ts';
import type { GuestMemory } from '../vm/guest-memory.ts';
import { MemorySet } from '../vm/memory-set.ts';
import { KnownPrograms } from './known-programs.ts';
import type { ReadRun } from './load.ts';
import { type CompiledProgram, ModuleCache } from './module-cache.ts';

export class Resources {
  readonly memories = new MemorySet();
  readonly driver = new WebAssembly.Module(driverModule());
  /** Of the tenant that was asked for last: one run after the other is often the same one's. */
  #known = new KnownPrograms();
  readonly #modules = new ModuleCache();
  /** Memories that the API thread knows, by the number that it knows them by. */
  readonly #posted = new Map<GuestMemory, number>();

  /** The number of a memory, and whether nobody has been told it yet. */
  memoryId(memory: GuestMemory): { readonly id: number; readonly isNew: boolean } {
    const known = this.#posted.get(memory);
    if (known !== undefined) return { id: known, isNew: false };
    const id = this.#posted.size;
    this.#posted.set(memory, id);
    return { id, isNew: true };
  }

  /** What the thread remembers of this tenant's programs. */
  known(tenant: string): KnownPrograms {
    if (this.#known.tenant !== tenant) this.#known = this.#known.of(tenant);
    return this.#known;
  }

  /**
   * Compiles all programs of a run, or finds them.
   * @param known of the tenant that the run belongs to
   * @param dead slots of each program that are not translated
   * @throws ProblemFound when a program passes a limit of the translator
   */
  compile(
    known: KnownPrograms,
    run: Pick<ReadRun, 'programs' | 'instructions' | 'maps' | 'limits'>,
    dead: readonly (readonly number[])[],
    trace: boolean,
  ): { programs: readonly CompiledProgram[]; allKnown: boolean } {
    const found = run.programs.map((program, number) => {
      const { salt } = known;
      const options = { checks: true, raw: program.type === 'raw', trace, dead: dead[number] ?? [], salt };
      const identity = known.identity(program.code);
      return this.#modules.get(program, identity, run.instructions[number] ?? [], run.maps, options, run.limits);
    });
    return { programs: found, allKnown: found.every((one) => one.hit) };
  }
}
