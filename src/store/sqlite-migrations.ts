/** The schema as numbered steps, applied once each and never undone. A step that has been released is never changed: add the next one. */

import type { DatabaseSync } from 'node:sqlite';
import { DataFolderError } from './data-folder-error.ts';

interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** Number n is the n-th row. Times are ms since 1970; what a `cell` is stands in sql-session.ts. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: 'programs, runs, sandboxes, shares',
    sql: `
      CREATE TABLE programs (
        tenant TEXT NOT NULL,
        id TEXT NOT NULL,
        form BLOB NOT NULL, -- cell
        facts TEXT NOT NULL,
        stored_at INTEGER NOT NULL,
        size INTEGER NOT NULL, -- bytes that count against the quota
        PRIMARY KEY (tenant, id)
      ) STRICT;

      CREATE TABLE runs (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, -- order of acceptance
        id TEXT NOT NULL UNIQUE,
        tenant TEXT NOT NULL,
        kind TEXT NOT NULL,
        bucket TEXT NOT NULL,
        request BLOB NOT NULL, -- cell
        accepted_at INTEGER NOT NULL,
        starts INTEGER NOT NULL, -- of the process, that found it unfinished
        result BLOB, -- cell; NULL: not finished, as the next columns
        replay BLOB, -- cell; NULL also: nothing to replay
        finished_at INTEGER,
        expires_at INTEGER,
        size INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX runs_unfinished ON runs (sequence) WHERE finished_at IS NULL;
      CREATE INDEX runs_by_expiry ON runs (expires_at) WHERE expires_at IS NOT NULL;

      CREATE TABLE claims ( -- idempotency keys
        tenant TEXT NOT NULL,
        key TEXT NOT NULL,
        request_key TEXT NOT NULL,
        run_id TEXT NOT NULL UNIQUE,
        expires_at INTEGER NOT NULL,
        PRIMARY KEY (tenant, key)
      ) STRICT;
      CREATE INDEX claims_by_expiry ON claims (expires_at);

      CREATE TABLE sandboxes (
        id TEXT NOT NULL PRIMARY KEY,
        tenant TEXT NOT NULL,
        kind TEXT NOT NULL,
        facts TEXT NOT NULL,
        snapshot BLOB NOT NULL, -- cell
        expires_at INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX sandboxes_by_expiry ON sandboxes (expires_at);

      CREATE TABLE shares (
        id TEXT NOT NULL PRIMARY KEY,
        tenant TEXT NOT NULL,
        body BLOB NOT NULL, -- cell
        delete_token_hash TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        size INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX shares_by_expiry ON shares (expires_at);

      CREATE TABLE usage (
        tenant TEXT NOT NULL PRIMARY KEY,
        items INTEGER NOT NULL,
        bytes INTEGER NOT NULL
      ) STRICT;

      CREATE TABLE blob_uses (
        owner TEXT NOT NULL, -- key of the row whose cell names the blob
        hash TEXT NOT NULL,
        PRIMARY KEY (owner, hash)
      ) STRICT;
      CREATE INDEX blob_uses_by_hash ON blob_uses (hash);
    `,
  },
];

/**
 * Brings a database to the newest schema.
 * @throws DataFolderError for a schema that is newer than this version knows: what it does not know it could only damage
 */
export function migrate(database: DatabaseSync, migrations: readonly Migration[] = MIGRATIONS): void {
  database.exec(
    'CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT',
  );
  const row = database.prepare('SELECT coalesce(max(number), 0) AS number FROM migrations').get();
  const current = Number(row?.number);
  if (current > migrations.length) {
    throw new DataFolderError(
      `its schema has version ${current} and this version of Waggle knows ${migrations.length}: a newer one has written it; start that one again, or use another folder`,
    );
  }
  for (const [index, { name, sql }] of migrations.entries()) {
    const number = index + 1;
    if (number <= current) continue;
    database.exec('BEGIN IMMEDIATE');
    try {
      database.exec(sql);
      database.prepare('INSERT INTO migrations VALUES (?, ?, ?)').run(number, name, Date.now());
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }
}
