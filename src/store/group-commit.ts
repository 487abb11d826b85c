/**
 * Many small transactions as one: whatever is asked for while the disk is busy with a commit goes into the next one, so that one fsync
 * acknowledges all of it. Each piece of work has a savepoint, and fails alone.
 */

import type { ControlledTransaction, Kysely } from 'kysely';
import type { BlobFolder } from './blob-folder.ts';
import type { Session, Transact } from './sql-session.ts';
import type { Tables } from './sql-tables.ts';
import type { Quota } from './store.ts';

/** Pieces of work that one commit acknowledges at most. */
export const MAX_GROUP = 512;

/** A piece of work that waits. */
interface Piece {
  readonly work: (session: Session) => Promise<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** How a piece ended, told when the group is committed. */
type Ending = { readonly piece: Piece } & ({ readonly answer: unknown } | { readonly error: unknown });

export interface GroupCommitOptions {
  readonly db: Kysely<Tables>;
  readonly blobs: BlobFolder;
  readonly quota: Quota;
  /** ms since 1970. */
  readonly now: () => number;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #waiting: Piece[] = [];
  #running: Promise<void> | null = null;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  readonly transact: Transact = <Answer>(work: (session: Session) => Promise<Answer>): Promise<Answer> => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#waiting.push({ work, resolve: resolve as (answer: unknown) => void, reject });
    this.#running ??= this.#run();
    return promise;
  };

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Messages that have arrived are let in first, so that they share this commit.
      await new Promise((resolve) => setImmediate(resolve));
      await this.#commit(this.#waiting.splice(0, MAX_GROUP));
    }
    this.#running = null;
  }

  async #commit(group: readonly Piece[]): Promise<void> {
    const { db, blobs } = this.#options;
    /** Blobs to be looked at after the transaction: released by it, or written for what was undone. */
    const released = new Set<string>();
    const written = new Set<string>();
    let endings: readonly Ending[];
    let transaction: ControlledTransaction<Tables> | null = null;
    try {
      transaction = await db.startTransaction().execute();
      const session = this.#session(transaction, released, written);
      const done: Ending[] = [];
      for (const piece of group) done.push(await attempt(transaction, session, piece));
      if (written.size > 0) blobs.sync();
      await transaction.commit().execute();
      endings = done;
    } catch (error) {
      await transaction
        ?.rollback()
        .execute()
        .catch(() => undefined);
      endings = group.map((piece) => ({ piece, error }));
    }
    await this.#removeUnused([...released, ...written]);
    for (const ending of endings) {
      if ('error' in ending) ending.piece.reject(ending.error);
      else ending.piece.resolve(ending.answer);
    }
  }

  #session(db: ControlledTransaction<Tables>, released: Set<string>, written: Set<string>): Session {
    const { blobs, quota, now } = this.#options;
    return {
      db,
      quota,
      now: now(),
      blobs: {
        put: async (hash, bytes) => {
          written.add(hash);
          blobs.put(hash, bytes);
        },
        get: async (hash) => blobs.get(hash),
        release: (hash) => void released.add(hash),
      },
    };
  }

  /** Nothing else runs meanwhile, so what is unused now stays so until it is removed. A failure leaves files for the sweep of the next start. */
  async #removeUnused(hashes: readonly string[]): Promise<void> {
    const { db, blobs } = this.#options;
    try {
      for (const hash of hashes) {
        const use = await db
          .selectFrom('blob_uses')
          .select('owner')
          .where('hash', '=', hash)
          .limit(1)
          .executeTakeFirst();
        if (use === undefined) blobs.delete(hash);
      }
    } catch {
      // The work itself is done, and its answer is what counts.
    }
  }
}

/** A piece inside a savepoint of its own, so that what fails undoes only itself. */
async function attempt(transaction: ControlledTransaction<Tables>, session: Session, piece: Piece): Promise<Ending> {
  const inside = await transaction.savepoint('piece').execute();
  let ending: Ending;
  try {
    ending = { piece, answer: await piece.work(session) };
  } catch (error) {
    // SQLite ends the whole transaction when the disk is full, and the savepoint with it.
    const undone = await inside
      .rollbackToSavepoint('piece')
      .execute()
      .catch(() => null);
    if (undone === null) throw error;
    ending = { piece, error };
  }
  await inside.releaseSavepoint('piece').execute();
  return ending;
}
