/**
 * kysely's SqliteDialect over node:sqlite. The dialect wants `reader`, which tells a statement that answers rows; it is asked of the
 * statement itself, since a guess from its first word loses the rows of RETURNING.
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely';

/** Compiled statements that are kept; the store's own queries are fewer, apart from lists of different lengths. */
export const MAX_KEPT_STATEMENTS = 256;

type Bindable = null | number | bigint | string | Uint8Array;

/** A dialect for one open database, which stays the caller's to close. */
export function sqliteDialect(database: DatabaseSync): SqliteDialect {
  const kept = new Map<string, SqliteStatement>();
  const prepare = (sql: string): SqliteStatement => {
    const known = kept.get(sql);
    if (known !== undefined) return known;
    const statement = shim(database.prepare(sql));
    if (kept.size >= MAX_KEPT_STATEMENTS) kept.clear();
    kept.set(sql, statement);
    return statement;
  };
  const shimmed: SqliteDatabase = { prepare, close: () => kept.clear() };
  return new SqliteDialect({ database: shimmed });
}

function shim(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...(parameters as Bindable[])),
    run: (parameters) => statement.run(...(parameters as Bindable[])),
    iterate: (parameters) => statement.iterate(...(parameters as Bindable[])),
  };
}
