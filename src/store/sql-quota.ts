/** What each tenant has stored, counted in the transactions that store and remove it. */

import type { Session } from './sql-session.ts';
import type { Full, Usage } from './store.ts';

/** Counts one more item, unless the quota has no room for it; then nothing is changed. */
export async function takeQuota(session: Session, tenant: string, size: number): Promise<Full | null> {
  if (await tryTake(session, tenant, size)) return null;
  // Nothing was counted: there is no row yet, or no room.
  await session.db
    .insertInto('usage')
    .values({ tenant, items: 0, bytes: 0 })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  if (await tryTake(session, tenant, size)) return null;
  const { items } = await usageOf(session, tenant);
  return { kind: 'full', limit: items >= session.quota.maxStoredItems ? 'maxStoredItems' : 'maxStoredBytes' };
}

async function tryTake({ db, quota }: Session, tenant: string, size: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('usage')
    .set((row) => ({ items: row('items', '+', 1), bytes: row('bytes', '+', size) }))
    .where('tenant', '=', tenant)
    .where('items', '<', quota.maxStoredItems)
    .where('bytes', '<=', quota.maxStoredBytes - size)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Counts what is refused to nobody: growth of a run that was accepted, or rows that leave (negative numbers). */
export async function count({ db }: Session, tenant: string, items: number, bytes: number): Promise<void> {
  await db
    .updateTable('usage')
    .set((row) => ({ items: row('items', '+', items), bytes: row('bytes', '+', bytes) }))
    .where('tenant', '=', tenant)
    .execute();
}

/** Counts down what each tenant loses with deleted rows. */
export async function countDeleted(
  session: Session,
  rows: readonly { readonly tenant: string; readonly size: number }[],
): Promise<void> {
  for (const [tenant, own] of Map.groupBy(rows, (row) => row.tenant)) {
    await count(session, tenant, -own.length, -own.reduce((sum, { size }) => sum + size, 0));
  }
}

export async function usageOf({ db }: Session, tenant: string): Promise<Usage> {
  const row = await db.selectFrom('usage').select(['items', 'bytes']).where('tenant', '=', tenant).executeTakeFirst();
  return row ?? { items: 0, bytes: 0 };
}
