/** Removes what has expired, some rows a transaction, so that nobody waits long behind it. */

import { countDeleted } from './sql-quota.ts';
import { runOwner } from './sql-runs.ts';
import { sandboxOwner } from './sql-sandboxes.ts';
import { releaseOwners, type Session, type Transact } from './sql-session.ts';
import { shareOwner } from './sql-shares.ts';

/** Rows that one transaction removes at most. */
export const SWEEP_ROWS = 200;

/** How many rows left. */
export async function sweepExpired(transact: Transact): Promise<number> {
  let swept = 0;
  for (const work of [sweepShares, sweepRuns, sweepSandboxes, sweepClaims]) {
    for (;;) {
      const rows = await transact(work);
      swept += rows;
      if (rows < SWEEP_ROWS) break;
    }
  }
  return swept;
}

async function sweepShares(session: Session): Promise<number> {
  const expired = session.db.selectFrom('shares').select('id').where('expires_at', '<=', session.now).limit(SWEEP_ROWS);
  const rows = await session.db
    .deleteFrom('shares')
    .where('id', 'in', expired)
    .returning(['id', 'tenant', 'size'])
    .execute();
  return afterSweep(session, rows, shareOwner);
}

async function sweepRuns(session: Session): Promise<number> {
  const expired = session.db.selectFrom('runs').select('id').where('expires_at', '<=', session.now).limit(SWEEP_ROWS);
  const rows = await session.db
    .deleteFrom('runs')
    .where('id', 'in', expired)
    .returning(['id', 'tenant', 'size'])
    .execute();
  return afterSweep(session, rows, runOwner);
}

async function afterSweep(
  session: Session,
  rows: readonly { readonly id: string; readonly tenant: string; readonly size: number }[],
  ownerOf: (id: string) => string,
): Promise<number> {
  if (rows.length === 0) return 0;
  await releaseOwners(
    session,
    rows.map(({ id }) => ownerOf(id)),
  );
  await countDeleted(session, rows);
  return rows.length;
}

async function sweepSandboxes(session: Session): Promise<number> {
  const { db, now } = session;
  const expired = db.selectFrom('sandboxes').select('id').where('expires_at', '<=', now).limit(SWEEP_ROWS);
  const rows = await db.deleteFrom('sandboxes').where('id', 'in', expired).returning('id').execute();
  if (rows.length > 0) {
    await releaseOwners(
      session,
      rows.map(({ id }) => sandboxOwner(id)),
    );
  }
  return rows.length;
}

async function sweepClaims({ db, now }: Session): Promise<number> {
  const expired = db.selectFrom('claims').select('run_id').where('expires_at', '<=', now).limit(SWEEP_ROWS);
  const { numDeletedRows } = await db.deleteFrom('claims').where('run_id', 'in', expired).executeTakeFirst();
  return Number(numDeletedRows);
}
