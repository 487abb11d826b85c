/** Programs in SQL. */

import { checkKeys, checkValues, sizeOf } from './bounds.ts';
import { countDeleted, takeQuota } from './sql-quota.ts';
import { getCell, putCell, releaseOwners, type Transact } from './sql-session.ts';
import type { ProgramStore } from './store.ts';

const ownerOf = (tenant: string, id: string): string => `program\n${tenant}\n${id}`;

export function sqlPrograms(transact: Transact): ProgramStore {
  return {
    put: async (program) => {
      const { tenant, id, form, facts } = program;
      checkKeys(tenant, id);
      checkValues(form, facts);
      return transact(async (session) => {
        const known = await session.db
          .selectFrom('programs')
          .select('id')
          .where('tenant', '=', tenant)
          .where('id', '=', id)
          .executeTakeFirst();
        if (known !== undefined) return { kind: 'known' };
        const size = sizeOf(form, facts);
        const full = await takeQuota(session, tenant, size);
        if (full !== null) return full;
        await session.db
          .insertInto('programs')
          .values({
            tenant,
            id,
            form: await putCell(session, ownerOf(tenant, id), form),
            facts,
            stored_at: program.storedAt,
            size,
          })
          .execute();
        return { kind: 'new' };
      });
    },
    get: (tenant, id) =>
      transact(async (session) => {
        const row = await session.db
          .selectFrom('programs')
          .select(['form', 'facts', 'stored_at'])
          .where('tenant', '=', tenant)
          .where('id', '=', id)
          .executeTakeFirst();
        if (row === undefined) return null;
        return { tenant, id, form: await getCell(session, row.form), facts: row.facts, storedAt: row.stored_at };
      }),
    delete: (tenant, id) =>
      transact(async (session) => {
        const rows = await session.db
          .deleteFrom('programs')
          .where('tenant', '=', tenant)
          .where('id', '=', id)
          .returning(['tenant', 'size'])
          .execute();
        await releaseOwners(session, [ownerOf(tenant, id)]);
        await countDeleted(session, rows);
        return rows.length > 0;
      }),
  };
}
