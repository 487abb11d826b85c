/** What a store must hold by what was told before it was killed: for each thing the state that is certain, or one that may be. */

import { KINDS, type Kind, OPEN, type Write } from './subject.ts';

interface Entry {
  readonly kind: Kind;
  readonly id: string;
  /** Acknowledged, or seen after a kill. */
  certain: string | null;
  /** Begun and not acknowledged; undefined: nothing is. */
  possible: string | null | undefined;
}

export class Ledger {
  readonly #entries = new Map<string, Entry>();
  /** Acknowledged writes. */
  acknowledged = 0;

  /** A line of the writer. */
  note(line: string): void {
    const { kind, id, state } = JSON.parse(line.slice(1)) as Write;
    const entry = this.#entry(kind, id);
    if (line[0] === '+') {
      entry.possible = state;
      return;
    }
    entry.certain = state;
    entry.possible = undefined;
    this.acknowledged += 1;
  }

  /** Compares what was seen; it is certain from now on. Throws when an acknowledged write is lost. */
  see(kind: Kind, id: string, seen: string | null): void {
    const entry = this.#entry(kind, id);
    const { certain, possible } = entry;
    if (seen !== certain && (possible === undefined || seen !== possible)) {
      throw new Error(`${kind} ${id} is ${seen}; acknowledged is ${certain}, begun is ${possible}`);
    }
    entry.certain = seen;
    entry.possible = undefined;
  }

  /** Everything that was ever written or begun. */
  *things(): Iterable<{ readonly kind: Kind; readonly id: string }> {
    for (const kind of KINDS) for (const entry of this.#entries.values()) if (entry.kind === kind) yield entry;
  }

  /** Ids of the runs that are certain to be open. */
  openRuns(): string[] {
    return [...this.#entries.values()].flatMap(({ kind, id, certain }) =>
      kind === 'run' && certain === OPEN ? [id] : [],
    );
  }

  #entry(kind: Kind, id: string): Entry {
    const key = `${kind} ${id}`;
    const entry = this.#entries.get(key) ?? { kind, id, certain: null, possible: undefined };
    this.#entries.set(key, entry);
    return entry;
  }
}
