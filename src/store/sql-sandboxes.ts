/** Sandboxes in SQL. */

import { checkKeys, checkPage, checkValues } from './bounds.ts';
import { getCell, putCell, releaseOwners, type Transact } from './sql-session.ts';
import type { SandboxStore } from './store.ts';

/** Owner of a sandbox's blobs. */
export const sandboxOwner = (id: string): string => `sandbox\n${id}`;

export function sqlSandboxes(transact: Transact): SandboxStore {
  return {
    put: async ({ id, tenant, kind, facts, snapshot, expiresAt }) => {
      checkKeys(id, tenant);
      checkValues(facts, snapshot);
      return transact(async (session) => {
        await releaseOwners(session, [sandboxOwner(id)]);
        const cell = await putCell(session, sandboxOwner(id), snapshot);
        const values = { tenant, kind, facts, snapshot: cell, expires_at: expiresAt };
        await session.db
          .insertInto('sandboxes')
          .values({ id, ...values })
          .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
          .execute();
      });
    },
    get: (tenant, id) =>
      transact(async (session) => {
        const row = await session.db
          .selectFrom('sandboxes')
          .select(['kind', 'facts', 'snapshot', 'expires_at'])
          .where('id', '=', id)
          .where('tenant', '=', tenant)
          .where('expires_at', '>', session.now)
          .executeTakeFirst();
        if (row === undefined) return null;
        const { kind, facts, expires_at } = row;
        return { id, tenant, kind, facts, expiresAt: expires_at, snapshot: await getCell(session, row.snapshot) };
      }),
    list: async (after, most) => {
      checkPage(most);
      return transact(async ({ db, now }) => {
        const rows = await db
          .selectFrom('sandboxes')
          .select(['id', 'tenant', 'kind', 'facts', 'expires_at'])
          .where('id', '>', after ?? '')
          .where('expires_at', '>', now)
          .orderBy('id')
          .limit(most)
          .execute();
        return rows.map(({ expires_at, ...row }) => ({ ...row, expiresAt: expires_at }));
      });
    },
    setExpiry: (tenant, id, expiresAt) =>
      transact(async ({ db, now }) => {
        const { numUpdatedRows } = await db
          .updateTable('sandboxes')
          .set({ expires_at: expiresAt })
          .where('id', '=', id)
          .where('tenant', '=', tenant)
          .where('expires_at', '>', now)
          .executeTakeFirst();
        return numUpdatedRows > 0n;
      }),
    delete: (tenant, id) =>
      transact(async (session) => {
        const { numDeletedRows } = await session.db
          .deleteFrom('sandboxes')
          .where('id', '=', id)
          .where('tenant', '=', tenant)
          .where('expires_at', '>', session.now)
          .executeTakeFirst();
        if (numDeletedRows === 0n) return false;
        await releaseOwners(session, [sandboxOwner(id)]);
        return true;
      }),
  };
}
