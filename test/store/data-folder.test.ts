import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { DataFolderError } from '../../src/store/data-folder-error.ts';
import { openSqliteFiles } from '../../src/store/sqlite-files.ts';
import { MIGRATIONS, migrate } from '../../src/store/sqlite-migrations.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import { AMPLE, temporaryFolder } from '../support/store-drivers.ts';

const OPTIONS = { quota: AMPLE };

test('a folder that is missing is made, for this user alone', async (t) => {
  const folder = join(await temporaryFolder(t), 'a', 'b');
  const store = await openSqliteStore(folder, OPTIONS);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(statSync(join(folder, 'waggle.db')).mode & 0o777, 0o600);
  await store.close();
  assert.deepEqual(readdirSync(folder).sort(), ['blobs', 'lock', 'waggle.db']);
});

test('a folder has one owner at a time, in this process too', async (t) => {
  const folder = await temporaryFolder(t);
  const first = await openSqliteStore(folder, OPTIONS);
  await assert.rejects(openSqliteStore(folder, OPTIONS), (error: Error) => {
    assert.ok(error instanceof DataFolderError);
    assert.match(error.message, /is in use by another Waggle: end that one, or name another folder$/);
    return true;
  });
  await first.close();
  await (await openSqliteStore(folder, OPTIONS)).close();
});

test('while it is in use the database can be read by others, for a backup', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openSqliteStore(folder, OPTIONS);
  const reader = new DatabaseSync(join(folder, 'waggle.db'), { readOnly: true });
  assert.equal(reader.prepare('SELECT count(*) AS count FROM migrations').get()?.count, MIGRATIONS.length);
  reader.close();
  await store.close();
});

const UNUSABLE: readonly { readonly name: string; readonly spoil: (folder: string) => void; readonly said: RegExp }[] =
  [
    { name: 'a file in its place', spoil: (folder) => writeFileSync(folder, ''), said: /cannot be written \(EEXIST\)/ },
    {
      name: 'a file on the way',
      spoil: (folder) => writeFileSync(join(folder, '..', 'data'), ''),
      said: /cannot be written \(/,
    },
    {
      name: 'a folder in the place of the lock',
      spoil: (folder) => mkdirSync(join(folder, 'lock'), { recursive: true }),
      said: /cannot be locked \(/,
    },
    {
      name: 'another file in the place of the database',
      spoil: (folder) => {
        mkdirSync(folder);
        writeFileSync(join(folder, 'waggle.db'), 'this is no database, and it is long enough to be looked at');
      },
      said: /waggle\.db cannot be opened \(file is not a database\)/,
    },
  ];

for (const { name, spoil, said } of UNUSABLE) {
  test(`a folder that cannot be used: ${name}`, async (t) => {
    const folder = join(await temporaryFolder(t), 'data');
    spoil(folder);
    const attempt = (): unknown => openSqliteFiles(folder, OPTIONS);
    assert.throws(attempt, (error: Error) => {
      assert.ok(error instanceof DataFolderError, `${error.stack}`);
      assert.match(error.message, said);
      return true;
    });
    // The reason is the same the next time: nothing was left locked.
    assert.throws(attempt, said);
  });
}

test('a schema that is newer than this version is refused, and not touched', async (t) => {
  const folder = await temporaryFolder(t);
  await openSqliteFiles(folder, OPTIONS).close();
  const database = new DatabaseSync(join(folder, 'waggle.db'));
  const newer = MIGRATIONS.length + 1;
  database.prepare('INSERT INTO migrations VALUES (?, ?, ?)').run(newer, 'of the future', 0);
  const said = new RegExp(
    `waggle\\.db: its schema has version ${newer} and this version of Waggle knows ${MIGRATIONS.length}`,
  );
  assert.throws(() => openSqliteFiles(folder, OPTIONS), said);
  database.exec(`DELETE FROM migrations WHERE number = ${newer}`);
  database.close();
  await openSqliteFiles(folder, OPTIONS).close();
});

test('migrations are applied once, in order, and one that fails changes nothing', () => {
  const database = new DatabaseSync(':memory:');
  const first = { name: 'one', sql: 'CREATE TABLE one (x); INSERT INTO one VALUES (1)' };
  const broken = { name: 'two', sql: 'CREATE TABLE two (x); INSERT INTO nowhere VALUES (1)' };
  const second = { name: 'two', sql: 'CREATE TABLE two (x); INSERT INTO two SELECT x + 1 FROM one' };
  assert.throws(() => migrate(database, [first, broken]), /nowhere/);
  assert.equal(database.isTransaction, false);
  migrate(database, [first, second]);
  migrate(database, [first, second]);
  const names = database.prepare('SELECT number, name FROM migrations ORDER BY number').all();
  assert.deepEqual(
    names.map(({ number, name }) => [number, name]),
    [
      [1, 'one'],
      [2, 'two'],
    ],
  );
  assert.equal(
    database.prepare('SELECT sum(x) AS sum FROM (SELECT x FROM one UNION ALL SELECT x FROM two)').get()?.sum,
    3,
  );
  database.close();
});
