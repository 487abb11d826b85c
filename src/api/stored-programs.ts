/** Stored programs by tenant and id, for runs: the ones that were asked for last stay in memory, since nothing of them can change. */

import type { ProgramRequest, RunSpec } from '../contract/run-spec.ts';
import type { ProgramStore } from '../store/store.ts';
import { ProblemError } from './problem-error.ts';

/** Forms of programs that stay in memory, bytes. */
export const MAX_RESOLVED_BYTES = 64 * 1024 * 1024;
/** Counted for each beside its bytes. */
export const RESOLVED_OVERHEAD_BYTES = 512;

/** What the API thread has of a stored program. */
export interface Resolved {
  readonly form: Uint8Array;
  readonly facts: string;
}

type Programs = readonly ProgramRequest[];

export class StoredPrograms {
  readonly #store: ProgramStore;
  /** By id and tenant, least recently used first. */
  readonly #resolved = new Map<string, Resolved>();
  #bytes = 0;

  constructor(store: ProgramStore) {
    this.#store = store;
  }

  /** A program of the tenant; null: it has none with this id. At once when it is in memory. */
  get(tenant: string, id: string): Resolved | null | Promise<Resolved | null> {
    const key = id + tenant;
    const known = this.#resolved.get(key);
    if (known === undefined) return this.#load(tenant, id, key);
    this.#resolved.delete(key);
    this.#resolved.set(key, known);
    return known;
  }

  /**
   * A run with its stored programs looked up. At once when all of them are in memory, or it names none.
   * @throws ProblemError bad_reference for an id that the tenant has no program with
   */
  resolve(spec: RunSpec): RunSpec | Promise<RunSpec> {
    const programs = this.resolvePrograms(spec.tenant, spec.programs);
    if (programs === spec.programs) return spec;
    return programs instanceof Promise ? programs.then((all) => ({ ...spec, programs: all })) : { ...spec, programs };
  }

  /** The same for the programs of a sandbox. */
  resolvePrograms(tenant: string, programs: Programs): Programs | Promise<Programs> {
    if (!programs.some(({ source }) => source.kind === 'stored')) return programs;
    const found = programs.map(({ source }) => (source.kind === 'stored' ? this.get(tenant, source.id) : null));
    if (found.some((one) => one instanceof Promise)) return withLoaded(programs, found);
    return withForms(programs, found as (Resolved | null)[]);
  }

  async #load(tenant: string, id: string, key: string): Promise<Resolved | null> {
    const stored = await this.#store.get(tenant, id);
    if (stored === null) return null;
    // In a buffer of its own: with a view the whole buffer behind it would go to the thread of each run.
    const resolved = { form: new Uint8Array(stored.form), facts: stored.facts };
    if (!this.#resolved.has(key)) {
      this.#resolved.set(key, resolved);
      this.#bytes += sizeOf(resolved);
      this.#shrink();
    }
    return resolved;
  }

  #shrink(): void {
    for (const [key, resolved] of this.#resolved) {
      if (this.#bytes <= MAX_RESOLVED_BYTES) return;
      this.#resolved.delete(key);
      this.#bytes -= sizeOf(resolved);
    }
  }
}

function sizeOf({ form, facts }: Resolved): number {
  return form.length + 2 * facts.length + RESOLVED_OVERHEAD_BYTES;
}

async function withLoaded(programs: Programs, found: readonly (Resolved | null | Promise<Resolved | null>)[]) {
  return withForms(programs, await Promise.all(found.map(async (one) => one)));
}

function withForms(programs: Programs, found: readonly (Resolved | null)[]): Programs {
  const errors = programs.flatMap(({ source, pointer }, index) => {
    if (source.kind !== 'stored' || found[index] !== null) return [];
    return [{ pointer: `${pointer}/id`, detail: 'there is no program with this id; store it with POST /v1/programs' }];
  });
  const [first] = errors;
  if (first !== undefined) {
    throw new ProblemError({ code: 'bad_reference', detail: `${first.pointer}: ${first.detail}`, errors });
  }
  return programs.map((program, index) => {
    const { source } = program;
    return source.kind === 'stored' ? { ...program, source: { ...source, form: found[index]!.form } } : program;
  });
}
