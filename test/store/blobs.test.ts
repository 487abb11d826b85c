import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MAX_INLINE_BYTES } from '../../src/store/sql-session.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import { type Store, StoreFailure } from '../../src/store/store.ts';
import { AMPLE, temporaryFolder } from '../support/store-drivers.ts';

const OPTIONS = { quota: AMPLE };
const LARGE = new Uint8Array(MAX_INLINE_BYTES + 1).fill(3);
const put = (store: Store, tenant: string, form: Uint8Array) =>
  store.programs.put({ tenant, id: 'program', form, facts: '{}', storedAt: 0 });
const blobsIn = (folder: string): string[] => readdirSync(join(folder, 'blobs'));

test('large values are files, once for equal bytes, until the last owner leaves', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openSqliteStore(folder, OPTIONS);
  await put(store, 'small', LARGE.subarray(1));
  assert.deepEqual(blobsIn(folder), []);
  await Promise.all(['ann', 'bob', 'cem'].map((tenant) => put(store, tenant, LARGE)));
  assert.equal(blobsIn(folder).length, 1);
  await Promise.all([store.programs.delete('ann', 'program'), store.programs.delete('bob', 'program')]);
  assert.equal(blobsIn(folder).length, 1);
  // Leaves with its last owner, and comes back with a new one, in one commit.
  await Promise.all([store.programs.delete('cem', 'program'), put(store, 'dan', LARGE)]);
  assert.deepEqual((await store.programs.get('dan', 'program'))?.form, LARGE);
  await store.programs.delete('dan', 'program');
  assert.deepEqual(blobsIn(folder), []);
  await store.close();
});

test('a start removes temporary files and blobs that nothing refers to, and nothing else', async (t) => {
  const folder = await temporaryFolder(t);
  const first = await openSqliteStore(folder, OPTIONS);
  await put(first, 'ann', LARGE);
  await first.close();
  const kept = blobsIn(folder);
  for (const name of ['6a7f.tmp', '0'.repeat(64), 'README']) writeFileSync(join(folder, 'blobs', name), 'x');
  const second = await openSqliteStore(folder, OPTIONS);
  assert.deepEqual(blobsIn(folder).sort(), [...kept, 'README'].sort());
  assert.deepEqual((await second.programs.get('ann', 'program'))?.form, LARGE);
  await second.close();
});

for (const [name, spoil] of [
  ['with other bytes', (path: string) => writeFileSync(path, LARGE.subarray(1))],
  ['that is gone', (path: string) => rmSync(path)],
] as const) {
  test(`a blob ${name} is a failure of the disk, and never an answer`, async (t) => {
    const folder = await temporaryFolder(t);
    const store = await openSqliteStore(folder, OPTIONS);
    await put(store, 'ann', LARGE);
    spoil(join(folder, 'blobs', blobsIn(folder)[0]!));
    const small = store.programs.put({ tenant: 'ann', id: 'other', form: Uint8Array.of(1), facts: '{}', storedAt: 0 });
    await assert.rejects(store.programs.get('ann', 'program'), StoreFailure);
    assert.deepEqual(await small, { kind: 'new' });
    await store.close();
  });
}
