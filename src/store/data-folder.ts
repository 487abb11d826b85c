/**
 * The data folder of one process:
 *
 *   waggle.db      the tables (SQLite in WAL mode: waggle.db-wal and waggle.db-shm beside it)
 *   blobs/<hash>   large values
 *   lock           held while a process has the folder
 */

import { accessSync, constants, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { syncFolder } from './blob-folder.ts';
import { DataFolderError } from './data-folder-error.ts';

/** SQLite's result codes (sqlite.org/rescode.html), low byte. */
const SQLITE_BUSY = 5;

export interface DataFolder {
  readonly database: string;
  readonly blobs: string;
  /** Lets go of the lock. */
  readonly unlock: () => void;
}

/**
 * Makes the folder if it is missing, and locks it.
 * @throws DataFolderError when it cannot be written, or another process has it
 */
export function openDataFolder(path: string): DataFolder {
  const folder = resolve(path);
  try {
    // Not for other users of the machine: it holds what tenants have sent.
    if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) syncFolder(dirname(folder));
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new DataFolderError(
      `${folder} cannot be written (${(error as NodeJS.ErrnoException).code}): give this user the right to, or name another folder`,
      { cause: error },
    );
  }
  return { database: join(folder, 'waggle.db'), blobs: join(folder, 'blobs'), unlock: lock(folder) };
}

/**
 * An SQLite database as the lock, since Node has no file locks of its own: the system lets go of it however the process ends. waggle.db
 * itself stays open to readers, for backups.
 */
function lock(folder: string): () => void {
  let holder: DatabaseSync | null = null;
  try {
    holder = new DatabaseSync(join(folder, 'lock'));
    holder.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    holder?.close();
    const code = (error as { errcode?: number }).errcode ?? 0;
    const reason =
      (code & 0xff) === SQLITE_BUSY
        ? 'is in use by another Waggle: end that one, or name another folder'
        : `cannot be locked (${(error as Error).message}): it must be on a disk of this machine and writable for this user`;
    throw new DataFolderError(`${folder} ${reason}`, { cause: error });
  }
  return () => holder.close();
}
