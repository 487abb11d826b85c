/** Accepted runs and their idempotency keys in SQL. */

import type { Selectable } from 'kysely';
import { checkKeys, checkPage, checkValues, sizeOf } from './bounds.ts';
import { count, takeQuota } from './sql-quota.ts';
import { getCell, getText, putCell, type Session, type Transact } from './sql-session.ts';
import type { Tables } from './sql-tables.ts';
import type { Acceptance, AcceptedRun, IdempotencyClaim, RunEnding, RunStore, StoredRun } from './store.ts';

/** Owner of a run's blobs. */
export const runOwner = (id: string): string => `run\n${id}`;

export function sqlRuns(transact: Transact): RunStore {
  return {
    accept: async (run, claim) => {
      checkKeys(run.id, run.tenant, run.bucket);
      if (claim !== null) checkKeys(claim.key, claim.requestKey);
      checkValues(run.request);
      return transact((session) => accept(session, run, claim));
    },
    finish: async (id, ending) => {
      checkValues(ending.result, ending.replay);
      return transact((session) => finish(session, id, ending));
    },
    get: (tenant, id) =>
      transact(async (session) => {
        const row = await session.db
          .selectFrom('runs')
          .selectAll()
          .where('id', '=', id)
          .where('tenant', '=', tenant)
          .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', session.now)]))
          .executeTakeFirst();
        return row === undefined ? null : storedRun(session, row);
      }),
    noteStart: () =>
      transact(async ({ db }) => {
        await db
          .updateTable('runs')
          .set((row) => ({ starts: row('starts', '+', 1) }))
          .where('finished_at', 'is', null)
          .execute();
      }),
    listUnfinished: async (after, most) => {
      checkPage(most);
      return transact(async ({ db }) => {
        const rows = await db
          .selectFrom('runs')
          .select(['sequence', 'id', 'tenant', 'kind', 'bucket', 'accepted_at', 'starts'])
          .where('finished_at', 'is', null)
          .where('sequence', '>', after)
          .orderBy('sequence')
          .limit(most)
          .execute();
        return rows.map(({ accepted_at, ...row }) => ({ ...row, acceptedAt: accepted_at }));
      });
    },
  };
}

async function accept(session: Session, run: AcceptedRun, claim: IdempotencyClaim | null): Promise<Acceptance> {
  const { id, tenant, kind, bucket, request, acceptedAt } = run;
  if (claim !== null) {
    const earlier = await takeClaim(session, run, claim);
    if (earlier !== null) return earlier;
  }
  const size = sizeOf(request);
  const full = await takeQuota(session, tenant, size);
  if (full !== null) {
    if (claim !== null) await session.db.deleteFrom('claims').where('run_id', '=', id).execute();
    return full;
  }
  const values = { id, tenant, kind, bucket, accepted_at: acceptedAt, starts: 0, size };
  await session.db
    .insertInto('runs')
    .values({ ...values, request: await putCell(session, runOwner(id), request) })
    .execute();
  return { kind: 'accepted' };
}

/** Claims a key, or tells who has it. */
async function takeClaim(
  { db, now }: Session,
  { id, tenant }: AcceptedRun,
  { key, requestKey, expiresAt }: IdempotencyClaim,
): Promise<Acceptance | null> {
  const ofKey = db.selectFrom('claims').where('tenant', '=', tenant).where('key', '=', key);
  const values = { request_key: requestKey, run_id: id, expires_at: expiresAt };
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('claims')
    .values({ tenant, key, ...values })
    .onConflict((conflict) =>
      conflict.columns(['tenant', 'key']).doUpdateSet(values).where('claims.expires_at', '<=', now),
    )
    .executeTakeFirst();
  if ((numInsertedOrUpdatedRows ?? 0n) > 0n) return null;
  const earlier = await ofKey.select(['run_id', 'request_key']).executeTakeFirstOrThrow();
  return { kind: 'claimed', id: earlier.run_id, requestKey: earlier.request_key };
}

async function finish(session: Session, id: string, ending: RunEnding): Promise<boolean> {
  const { db } = session;
  const unfinished = await db
    .selectFrom('runs')
    .select('tenant')
    .where('id', '=', id)
    .where('finished_at', 'is', null)
    .executeTakeFirst();
  if (unfinished === undefined) return false;
  const { result, replay, finishedAt, expiresAt } = ending;
  const size = sizeOf(result, replay);
  const cells = {
    result: await putCell(session, runOwner(id), result),
    replay: replay === null ? null : await putCell(session, runOwner(id), replay),
  };
  const { numUpdatedRows } = await db
    .updateTable('runs')
    .set((row) => ({ ...cells, finished_at: finishedAt, expires_at: expiresAt, size: row('size', '+', size) }))
    .where('id', '=', id)
    .where('finished_at', 'is', null)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return false;
  await count(session, unfinished.tenant, 0, size);
  return true;
}

async function storedRun(session: Session, row: Selectable<Tables['runs']>): Promise<StoredRun> {
  const { sequence, id, tenant, kind, bucket, starts, result, replay, finished_at, expires_at } = row;
  const ending =
    result === null || finished_at === null || expires_at === null
      ? null
      : {
          result: await getText(session, result),
          replay: replay === null ? null : await getCell(session, replay),
          finishedAt: finished_at,
          expiresAt: expires_at,
        };
  const request = await getText(session, row.request);
  return { sequence, id, tenant, kind, bucket, request, acceptedAt: row.accepted_at, starts, ending };
}
