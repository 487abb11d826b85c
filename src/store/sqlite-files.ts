/** The embedded store in the thread that calls it: SQLite and blobs in a data folder, for this process alone. */

import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { BlobFolder } from './blob-folder.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { DataFolderError } from './data-folder-error.ts';
import { isDiskError } from './disk-error.ts';
import { GroupCommit } from './group-commit.ts';
import { sqlStore } from './sql-store.ts';
import type { Tables } from './sql-tables.ts';
import { sqliteDialect } from './sqlite-dialect.ts';
import { migrate } from './sqlite-migrations.ts';
import type { Store, StoreOptions } from './store.ts';

/** A reader of another process (a backup) may hold a lock this long, ms. */
const BUSY_TIMEOUT_MS = 5_000;
/** The journal is cut back to this size when it has been copied into the database, bytes. */
const JOURNAL_BYTES = 64 * 1024 * 1024;

/** FULL: a commit is on the disk before it is answered. */
const SETTINGS = `
  PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS};
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA journal_size_limit = ${JOURNAL_BYTES};
`;

/** @throws DataFolderError when the folder cannot be used */
export function openSqliteFiles(path: string, options: StoreOptions): Store {
  const folder = openDataFolder(path);
  try {
    return openLocked(folder, options);
  } catch (error) {
    folder.unlock();
    if (error instanceof DataFolderError)
      throw new DataFolderError(`${folder.database}: ${error.message}`, { cause: error });
    if (!isDiskError(error)) throw error;
    throw new DataFolderError(
      `${folder.database} cannot be opened (${(error as Error).message}): repair it, bring back a backup, or name another folder`,
      { cause: error },
    );
  }
}

function openLocked(folder: DataFolder, { quota, now = Date.now }: StoreOptions): Store {
  // SQLite would let others of the machine read it; the files beside it get the mode of this one.
  closeSync(openSync(folder.database, 'a', 0o600));
  const database = new DatabaseSync(folder.database);
  try {
    database.exec(SETTINGS);
    migrate(database);
    const blobs = new BlobFolder(folder.blobs);
    const use = database.prepare('SELECT 1 FROM blob_uses WHERE hash = ?');
    blobs.sweep((hash) => use.get(hash) !== undefined);
    const db = new Kysely<Tables>({ dialect: sqliteDialect(database) });
    const commits = new GroupCommit({ db, blobs, quota, now });
    return sqlStore(commits.transact, async () => {
      await commits.settled();
      await db.destroy();
      database.close();
      folder.unlock();
    });
  } catch (error) {
    database.close();
    throw error;
  }
}
