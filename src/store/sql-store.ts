/** The store in SQL that SQLite and Postgres both understand; a driver brings transactions, blobs and migrations. */

import { sqlPrograms } from './sql-programs.ts';
import { usageOf } from './sql-quota.ts';
import { sqlRuns } from './sql-runs.ts';
import { sqlSandboxes } from './sql-sandboxes.ts';
import type { Transact } from './sql-session.ts';
import { sqlShares } from './sql-shares.ts';
import { sweepExpired } from './sql-sweep.ts';
import type { Store } from './store.ts';

export function sqlStore(transact: Transact, close: () => Promise<void>): Store {
  return {
    programs: sqlPrograms(transact),
    runs: sqlRuns(transact),
    sandboxes: sqlSandboxes(transact),
    shares: sqlShares(transact),
    usage: (tenant) => transact((session) => usageOf(session, tenant)),
    sweep: () => sweepExpired(transact),
    close,
  };
}
