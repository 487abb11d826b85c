import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { Kysely } from 'kysely';
import { BlobFolder } from '../../src/store/blob-folder.ts';
import { GroupCommit } from '../../src/store/group-commit.ts';
import { sentError } from '../../src/store/sent-error.ts';
import { MAX_INLINE_BYTES } from '../../src/store/sql-session.ts';
import { sqlStore } from '../../src/store/sql-store.ts';
import type { Tables } from '../../src/store/sql-tables.ts';
import { sqliteDialect } from '../../src/store/sqlite-dialect.ts';
import { migrate } from '../../src/store/sqlite-migrations.ts';
import type { StoredShare } from '../../src/store/store.ts';
import { AMPLE, temporaryFolder } from '../support/store-drivers.ts';

/** A store over a database in memory, with every statement that it runs. */
async function opened(t: TestContext) {
  const folder = await temporaryFolder(t);
  const database = new DatabaseSync(':memory:');
  migrate(database);
  const statements: string[] = [];
  const db = new Kysely<Tables>({
    dialect: sqliteDialect(database),
    log: ({ query }) => void statements.push(query.sql),
  });
  const commits = new GroupCommit({ db, blobs: new BlobFolder(folder), quota: AMPLE, now: () => 0 });
  t.after(() => database.close());
  return { folder, database, statements, commits, store: sqlStore(commits.transact, () => commits.settled()) };
}

const share = (id: string, body = '{}'): StoredShare => ({
  id,
  tenant: 'ann',
  body,
  deleteTokenHash: 'hash',
  createdAt: 0,
  expiresAt: 1,
});
const count = (statements: readonly string[], sql: string): number => statements.filter((one) => one === sql).length;

test('what is asked at once is committed at once', async (t) => {
  const { statements, store } = await opened(t);
  await Promise.all(Array.from({ length: 100 }, (_, number) => store.shares.put(share(`${number}`))));
  assert.deepEqual([count(statements, 'begin'), count(statements, 'commit')], [1, 1]);
  assert.equal((await store.usage('ann')).items, 100);
});

test('a piece that fails in the middle leaves nothing behind, no blob either, and the others are stored', async (t) => {
  const { folder, commits, store } = await opened(t);
  const broken = commits.transact(async ({ db, blobs }) => {
    await db.insertInto('usage').values({ tenant: 'ann', items: 77, bytes: 77 }).execute();
    await blobs.put('0'.repeat(64), new Uint8Array(9));
    throw new Error('a defect');
  });
  const stored = store.shares.put(share('1', 'x'.repeat(MAX_INLINE_BYTES + 1)));
  await assert.rejects(broken, /a defect/);
  assert.deepEqual(await stored, { kind: 'stored' });
  assert.equal((await store.usage('ann')).items, 1);
  assert.equal(readdirSync(folder).length, 1);
});

test('a full disk fails what waits for that commit, with the reason, and nothing that comes after', async (t) => {
  const { folder, database, store } = await opened(t);
  await store.shares.put(share('before'));
  const pages = Number(database.prepare('PRAGMA page_count').get()?.page_count);
  database.exec(`PRAGMA max_page_count = ${pages + 2}`);
  const large = 'x'.repeat(MAX_INLINE_BYTES);
  const answers = await Promise.allSettled([
    store.shares.put(share('beside')),
    store.shares.put(share('blob', `${large}x`)),
    store.shares.put(share('large', large)),
  ]);
  const last = answers[2]!;
  assert.ok(last.status === 'rejected');
  assert.equal(sentError(last.reason).kind, 'failure');
  assert.match(last.reason.message, /full/);
  for (const [index, id] of ['beside', 'blob', 'large'].entries()) {
    assert.equal((await store.shares.get(id)) !== null, answers[index]!.status === 'fulfilled', id);
  }
  database.exec('PRAGMA max_page_count = 1000000');
  assert.deepEqual(await store.shares.put(share('after', large)), { kind: 'stored' });
  assert.notEqual(await store.shares.get('before'), null);
  const blobs = (await store.shares.get('blob')) === null ? 0 : 1;
  assert.equal(readdirSync(folder).length, blobs);
});

test('when SQLite ends the whole transaction by itself, all that was in it fails, and the next one works', async (t) => {
  const { database, commits, store } = await opened(t);
  const beside = store.shares.put(share('beside'));
  const broken = commits.transact(async () => {
    // As after a failure of the disk.
    database.exec('ROLLBACK');
    throw new Error('the disk is gone');
  });
  await assert.rejects(broken, /the disk is gone/);
  await assert.rejects(beside, /the disk is gone/);
  assert.equal(await store.shares.get('beside'), null);
  assert.deepEqual(await store.shares.put(share('after')), { kind: 'stored' });
});

test('the dialect gives back what RETURNING returns, and counts rows', async () => {
  const database = new DatabaseSync(':memory:');
  migrate(database);
  const db = new Kysely<Tables>({ dialect: sqliteDialect(database) });
  const row = { tenant: 'ann', items: 1, bytes: 2 };
  assert.deepEqual({ ...(await db.insertInto('usage').values(row).returningAll().executeTakeFirst()) }, row);
  const updated = await db.updateTable('usage').set({ bytes: 3 }).returning('bytes').execute();
  assert.deepEqual(
    updated.map(({ bytes }) => bytes),
    [3],
  );
  const { numUpdatedRows } = await db.updateTable('usage').set({ bytes: 4 }).where('items', '=', 1).executeTakeFirst();
  assert.equal(numUpdatedRows, 1n);
  const deleted = await db.deleteFrom('usage').returning(['tenant', 'bytes']).execute();
  assert.deepEqual(
    deleted.map((one) => ({ ...one })),
    [{ tenant: 'ann', bytes: 4 }],
  );
  database.close();
});
