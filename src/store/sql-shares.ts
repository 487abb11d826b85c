/** Shares in SQL. */

import { checkKeys, checkValues, sizeOf } from './bounds.ts';
import { countDeleted, takeQuota } from './sql-quota.ts';
import { getText, putCell, releaseOwners, type Transact } from './sql-session.ts';
import type { ShareStore } from './store.ts';

/** Owner of a share's blobs. */
export const shareOwner = (id: string): string => `share\n${id}`;

export function sqlShares(transact: Transact): ShareStore {
  return {
    put: async (share) => {
      const { id, tenant, body, deleteTokenHash, createdAt, expiresAt } = share;
      checkKeys(id, tenant, deleteTokenHash);
      checkValues(body);
      return transact(async (session) => {
        const size = sizeOf(body);
        const full = await takeQuota(session, tenant, size);
        if (full !== null) return full;
        const cell = await putCell(session, shareOwner(id), body);
        const times = { created_at: createdAt, expires_at: expiresAt };
        await session.db
          .insertInto('shares')
          .values({ id, tenant, body: cell, delete_token_hash: deleteTokenHash, ...times, size })
          .execute();
        return { kind: 'stored' };
      });
    },
    get: (id) =>
      transact(async (session) => {
        const row = await session.db
          .selectFrom('shares')
          .select(['tenant', 'body', 'delete_token_hash', 'created_at', 'expires_at'])
          .where('id', '=', id)
          .where('expires_at', '>', session.now)
          .executeTakeFirst();
        if (row === undefined) return null;
        return {
          id,
          tenant: row.tenant,
          body: await getText(session, row.body),
          deleteTokenHash: row.delete_token_hash,
          createdAt: row.created_at,
          expiresAt: row.expires_at,
        };
      }),
    delete: (id) =>
      transact(async (session) => {
        const rows = await session.db
          .deleteFrom('shares')
          .where('id', '=', id)
          .where('expires_at', '>', session.now)
          .returning(['tenant', 'size'])
          .execute();
        if (rows.length === 0) return false;
        await releaseOwners(session, [shareOwner(id)]);
        await countDeleted(session, rows);
        return true;
      }),
  };
}
