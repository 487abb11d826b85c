/** One suite for every driver of the store: each row is a thing that store.ts promises. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_INLINE_BYTES } from '../../src/store/sql-session.ts';
import {
  type AcceptedRun,
  MAX_STORE_KEY_LENGTH,
  MAX_STORE_PAGE,
  type Quota,
  type RunEnding,
  type RunEntry,
  type Store,
  type StoredProgram,
  type StoredSandbox,
  type StoredShare,
} from '../../src/store/store.ts';
import { AMPLE, STORE_DRIVERS, temporaryFolder } from '../support/store-drivers.ts';

const NOW = 1_800_000_000_000;

interface Scene {
  readonly store: Store;
  /** The time that the store believes. */
  readonly clock: { now: number };
}

interface Row {
  readonly name: string;
  readonly quota?: Quota;
  readonly scene: (scene: Scene) => Promise<void>;
  /** What must hold after the store has been closed and opened again. */
  readonly again?: (scene: Scene) => Promise<void>;
}

const LARGE_TEXT = 'ü'.repeat(MAX_INLINE_BYTES);
const largeBytes = (seed: number): Uint8Array =>
  Uint8Array.from({ length: MAX_INLINE_BYTES + 1 }, (_, index) => (index * seed) & 0xff);

const program = (changes: Partial<StoredProgram> = {}): StoredProgram => ({
  tenant: 'ann',
  id: 'sha256:01',
  form: Uint8Array.of(0, 1, 255),
  facts: '{"name":"entry"}',
  storedAt: NOW,
  ...changes,
});
const run = (changes: Partial<AcceptedRun> = {}): AcceptedRun => ({
  id: 'run-1',
  tenant: 'ann',
  kind: 'run',
  bucket: '127.0.0.1',
  request: '{ "entry" : "p" }',
  acceptedAt: NOW,
  ...changes,
});
const ending = (changes: Partial<RunEnding> = {}): RunEnding => ({
  result: '{"outcome":"exit"}\n',
  replay: Uint8Array.of(1, 2),
  finishedAt: NOW + 1,
  expiresAt: NOW + 1_000,
  ...changes,
});
const sandbox = (changes: Partial<StoredSandbox> = {}): StoredSandbox => ({
  id: 'sandbox-1',
  tenant: 'ann',
  kind: 'sandbox',
  facts: '{"maps":[]}',
  snapshot: Uint8Array.of(7),
  expiresAt: NOW + 1_000,
  ...changes,
});
const share = (changes: Partial<StoredShare> = {}): StoredShare => ({
  id: 'share-1',
  tenant: 'ann',
  body: '{"spec":{}}',
  deleteTokenHash: 'ab'.repeat(32),
  createdAt: NOW,
  expiresAt: NOW + 1_000,
  ...changes,
});
const claim = (requestKey: string, expiresAt = NOW + 500) => ({ key: 'key-1', requestKey, expiresAt });
const FULL_ITEMS = { kind: 'full', limit: 'maxStoredItems' };
const FULL_BYTES = { kind: 'full', limit: 'maxStoredBytes' };

const ROWS: readonly Row[] = [
  {
    name: 'a program is new once, then known, and stays as it was',
    scene: async ({ store: { programs } }) => {
      assert.deepEqual(await programs.put(program()), { kind: 'new' });
      assert.deepEqual(await programs.put(program({ facts: '{}', storedAt: NOW + 9 })), { kind: 'known' });
      assert.deepEqual(await programs.get('ann', 'sha256:01'), program());
      assert.equal(await programs.get('ann', 'sha256:02'), null);
    },
    again: async ({ store: { programs } }) => assert.deepEqual(await programs.get('ann', 'sha256:01'), program()),
  },
  {
    name: 'the program of one tenant is neither known nor there for another',
    scene: async ({ store: { programs } }) => {
      const form = largeBytes(3);
      assert.deepEqual(await programs.put(program({ form })), { kind: 'new' });
      assert.equal(await programs.get('bob', 'sha256:01'), null);
      assert.equal(await programs.delete('bob', 'sha256:01'), false);
      assert.deepEqual(await programs.put(program({ tenant: 'bob', form })), { kind: 'new' });
      assert.equal(await programs.delete('ann', 'sha256:01'), true);
      assert.equal(await programs.delete('ann', 'sha256:01'), false);
      assert.deepEqual((await programs.get('bob', 'sha256:01'))?.form, form);
    },
    again: async ({ store: { programs } }) => {
      assert.deepEqual((await programs.get('bob', 'sha256:01'))?.form, largeBytes(3));
      assert.deepEqual(await programs.put(program()), { kind: 'new' });
    },
  },
  {
    name: 'of many who put one program at once exactly one is told that it is new',
    scene: async ({ store: { programs } }) => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => programs.put(program())));
      assert.equal(answers.filter(({ kind }) => kind === 'new').length, 1);
      assert.equal(answers.filter(({ kind }) => kind === 'known').length, 19);
    },
  },
  {
    name: 'values are copies: what a caller does to his bytes is not seen, shared memory and views included',
    scene: async ({ store: { programs } }) => {
      const memory = new Uint8Array(new SharedArrayBuffer(64)).fill(5);
      const stored = programs.put(program({ form: memory.subarray(8, 12) }));
      memory.fill(6);
      await stored;
      const first = await programs.get('ann', 'sha256:01');
      assert.deepEqual(first?.form, Uint8Array.of(5, 5, 5, 5));
      first?.form.fill(9);
      assert.deepEqual((await programs.get('ann', 'sha256:01'))?.form, Uint8Array.of(5, 5, 5, 5));
    },
  },
  {
    name: 'an accepted run is there, unfinished, for its tenant alone',
    scene: async ({ store: { runs } }) => {
      assert.deepEqual(await runs.accept(run(), null), { kind: 'accepted' });
      const stored = await runs.get('ann', 'run-1');
      assert.deepEqual({ ...stored, sequence: 0 }, { ...run(), sequence: 0, starts: 0, ending: null });
      assert.equal(await runs.get('bob', 'run-1'), null);
      assert.equal(await runs.get('ann', 'run-2'), null);
    },
    again: async ({ store: { runs } }) => assert.equal((await runs.get('ann', 'run-1'))?.request, run().request),
  },
  {
    name: 'a run is finished exactly once, and its result is given back byte for byte',
    scene: async ({ store: { runs } }) => {
      await runs.accept(run({ request: LARGE_TEXT }), null);
      const first = ending({ result: `${LARGE_TEXT}\n`, replay: largeBytes(5) });
      const answers = await Promise.all([
        runs.finish('run-1', first),
        runs.finish('run-1', ending({ result: 'late' })),
        runs.finish('run-2', ending()),
      ]);
      assert.deepEqual(answers, [true, false, false]);
      const stored = await runs.get('ann', 'run-1');
      assert.equal(stored?.request, LARGE_TEXT);
      assert.deepEqual(stored?.ending, first);
    },
    again: async ({ store: { runs } }) => {
      const first = ending({ result: `${LARGE_TEXT}\n`, replay: largeBytes(5) });
      assert.deepEqual((await runs.get('ann', 'run-1'))?.ending, first);
      assert.equal(await runs.finish('run-1', ending()), false);
    },
  },
  {
    name: 'a finished run without replay, and a batch, are what they were',
    scene: async ({ store: { runs } }) => {
      await runs.accept(run({ id: 'batch-1', kind: 'batch', request: '{}\n{}\n' }), null);
      await runs.finish('batch-1', ending({ replay: null }));
      const stored = await runs.get('ann', 'batch-1');
      assert.deepEqual([stored?.kind, stored?.ending?.replay], ['batch', null]);
    },
  },
  {
    name: 'unfinished runs are listed in the order of acceptance, page by page, with the starts that found them',
    scene: async ({ store: { runs } }) => {
      for (const id of ['run-3', 'run-1', 'run-2', 'run-4']) await runs.accept(run({ id }), null);
      await runs.finish('run-1', ending());
      await runs.noteStart();
      const pages: string[][] = [];
      let after = 0;
      for (;;) {
        const page = await runs.listUnfinished(after, 2);
        pages.push(page.map(({ id, starts }) => `${id} ${starts}`));
        if (page.length === 0) break;
        after = page.at(-1)!.sequence;
      }
      assert.deepEqual(pages, [['run-3 1', 'run-2 1'], ['run-4 1'], []]);
      const [{ sequence, ...first }] = (await runs.listUnfinished(0, 1)) as [RunEntry];
      const { request, ...entry } = run({ id: 'run-3' });
      assert.deepEqual(first, { ...entry, starts: 1 });
      assert.ok(sequence > 0 && request !== undefined);
    },
    again: async ({ store: { runs } }) => {
      await runs.noteStart();
      const all = await runs.listUnfinished(0, MAX_STORE_PAGE);
      assert.deepEqual(
        all.map(({ id, starts }) => [id, starts]),
        [
          ['run-3', 2],
          ['run-2', 2],
          ['run-4', 2],
        ],
      );
      assert.equal((await runs.get('ann', 'run-1'))?.starts, 0);
    },
  },
  {
    name: 'an idempotency key belongs to who claimed it first, per tenant, until it expires',
    scene: async ({ store, clock }) => {
      const { runs } = store;
      assert.deepEqual(await runs.accept(run(), claim('body-1')), { kind: 'accepted' });
      const claimed = { kind: 'claimed', id: 'run-1', requestKey: 'body-1' };
      assert.deepEqual(await runs.accept(run({ id: 'run-2' }), claim('body-1')), claimed);
      assert.deepEqual(await runs.accept(run({ id: 'run-3' }), claim('body-2')), claimed);
      assert.equal(await runs.get('ann', 'run-2'), null);
      assert.equal((await store.usage('ann')).items, 1);
      const bobs = run({ id: 'run-4', tenant: 'bob' });
      assert.deepEqual(await runs.accept(bobs, claim('body-2')), { kind: 'accepted' });
      clock.now = NOW + 500;
      assert.deepEqual(await runs.accept(run({ id: 'run-5' }), claim('body-3', NOW + 900)), { kind: 'accepted' });
      const taken = { kind: 'claimed', id: 'run-5', requestKey: 'body-3' };
      assert.deepEqual(await runs.accept(run({ id: 'run-6' }), claim('body-1')), taken);
    },
    again: async ({ store: { runs }, clock }) => {
      clock.now = NOW + 899;
      const taken = { kind: 'claimed', id: 'run-5', requestKey: 'body-3' };
      assert.deepEqual(await runs.accept(run({ id: 'run-7' }), claim('body-1')), taken);
    },
  },
  {
    name: 'of many who claim one key at once exactly one is accepted',
    scene: async ({ store: { runs } }) => {
      const ids = Array.from({ length: 20 }, (_, index) => `run-${index}`);
      const answers = await Promise.all(ids.map((id) => runs.accept(run({ id }), claim(`body ${id}`))));
      const accepted = ids.filter((_, index) => answers[index]!.kind === 'accepted');
      assert.equal(accepted.length, 1);
      const told = answers.flatMap((answer) => (answer.kind === 'claimed' ? [answer.id] : []));
      assert.deepEqual(told, Array(19).fill(accepted[0]));
    },
  },
  {
    name: 'a quota of items refuses the next one by name, and leaves no claim behind',
    quota: { maxStoredItems: 2, maxStoredBytes: 1_000 },
    scene: async ({ store, clock }) => {
      const { programs, runs, shares } = store;
      await programs.put(program());
      await shares.put(share());
      assert.deepEqual(await runs.accept(run(), claim('body')), FULL_ITEMS);
      assert.deepEqual(await programs.put(program({ id: 'sha256:02' })), FULL_ITEMS);
      assert.deepEqual(await programs.put(program()), { kind: 'known' });
      assert.deepEqual(await shares.put(share({ id: 'share-2' })), FULL_ITEMS);
      assert.deepEqual(await shares.put(share({ id: 'share-2', tenant: 'bob' })), { kind: 'stored' });
      await programs.delete('ann', 'sha256:01');
      assert.deepEqual(await runs.accept(run(), claim('body')), { kind: 'accepted' });
      await runs.finish('run-1', ending());
      clock.now = NOW + 1_000;
      assert.equal((await store.usage('ann')).items, 2);
      assert.equal(await store.sweep(), 4);
      assert.equal((await store.usage('ann')).items, 0);
    },
  },
  {
    name: 'a quota of bytes counts texts in UTF-8 and values, and refuses no result',
    quota: { maxStoredItems: 9, maxStoredBytes: 20 },
    scene: async ({ store }) => {
      const { programs, runs } = store;
      assert.deepEqual(await programs.put(program({ form: new Uint8Array(12), facts: '"üü"' })), { kind: 'new' });
      assert.deepEqual(await store.usage('ann'), { items: 1, bytes: 18 });
      assert.deepEqual(await runs.accept(run({ request: '123' }), null), FULL_BYTES);
      assert.deepEqual(await runs.accept(run({ request: '12' }), null), { kind: 'accepted' });
      assert.equal(await runs.finish('run-1', ending({ result: '0123456789', replay: new Uint8Array(5) })), true);
      assert.deepEqual(await store.usage('ann'), { items: 2, bytes: 35 });
      assert.deepEqual(await store.usage('nobody'), { items: 0, bytes: 0 });
    },
    again: async ({ store }) => assert.deepEqual(await store.usage('ann'), { items: 2, bytes: 35 }),
  },
  {
    name: 'a sandbox is put, replaced, found and deleted by its tenant alone',
    scene: async ({ store: { sandboxes } }) => {
      await sandboxes.put(sandbox({ snapshot: largeBytes(7) }));
      await sandboxes.put(sandbox({ snapshot: largeBytes(11), facts: '{}' }));
      const stored = sandbox({ snapshot: largeBytes(11), facts: '{}' });
      assert.deepEqual(await sandboxes.get('ann', 'sandbox-1'), stored);
      assert.equal(await sandboxes.get('bob', 'sandbox-1'), null);
      assert.equal(await sandboxes.setExpiry('bob', 'sandbox-1', NOW + 9_000), false);
      assert.equal(await sandboxes.delete('bob', 'sandbox-1'), false);
      await sandboxes.put(sandbox({ id: 'sandbox-2', kind: 'snapshot', snapshot: largeBytes(11) }));
      assert.equal(await sandboxes.delete('ann', 'sandbox-1'), true);
      assert.equal(await sandboxes.delete('ann', 'sandbox-1'), false);
      assert.equal(await sandboxes.get('ann', 'sandbox-1'), null);
      assert.deepEqual((await sandboxes.get('ann', 'sandbox-2'))?.snapshot, largeBytes(11));
    },
    again: async ({ store: { sandboxes } }) => {
      const { snapshot, ...entry } = sandbox({ id: 'sandbox-2', kind: 'snapshot' });
      assert.deepEqual(await sandboxes.list(null, 10), [entry]);
      assert.equal(snapshot.length, 1);
      assert.deepEqual((await sandboxes.get('ann', 'sandbox-2'))?.snapshot, largeBytes(11));
    },
  },
  {
    name: 'a snapshot put again under its own bytes stays',
    scene: async ({ store: { sandboxes } }) => {
      await sandboxes.put(sandbox({ snapshot: largeBytes(13) }));
      await sandboxes.put(sandbox({ snapshot: largeBytes(13) }));
      assert.deepEqual((await sandboxes.get('ann', 'sandbox-1'))?.snapshot, largeBytes(13));
    },
  },
  {
    name: 'sandboxes are listed by id, of all tenants, without their bytes, page by page',
    scene: async ({ store: { sandboxes } }) => {
      for (const id of ['c', 'a', 'd', 'b']) await sandboxes.put(sandbox({ id, tenant: `owner of ${id}` }));
      const first = await sandboxes.list(null, 3);
      assert.deepEqual(
        first.map(({ id, tenant }) => [id, tenant]),
        [
          ['a', 'owner of a'],
          ['b', 'owner of b'],
          ['c', 'owner of c'],
        ],
      );
      assert.ok(first.every((entry) => !('snapshot' in entry)));
      assert.deepEqual(
        (await sandboxes.list('c', 3)).map(({ id }) => id),
        ['d'],
      );
      assert.deepEqual(await sandboxes.list('d', 3), []);
    },
  },
  {
    name: 'an expired sandbox is gone before it is swept, and a new expiry counts',
    scene: async ({ store, clock }) => {
      const { sandboxes } = store;
      await sandboxes.put(sandbox());
      await sandboxes.put(sandbox({ id: 'sandbox-2' }));
      assert.equal(await sandboxes.setExpiry('ann', 'sandbox-2', NOW + 2_000), true);
      clock.now = NOW + 999;
      assert.notEqual(await sandboxes.get('ann', 'sandbox-1'), null);
      clock.now = NOW + 1_000;
      assert.equal(await sandboxes.get('ann', 'sandbox-1'), null);
      assert.equal(await sandboxes.setExpiry('ann', 'sandbox-1', NOW + 9_000), false);
      assert.equal(await sandboxes.delete('ann', 'sandbox-1'), false);
      assert.deepEqual(
        (await sandboxes.list(null, 10)).map(({ id }) => id),
        ['sandbox-2'],
      );
      assert.equal((await sandboxes.get('ann', 'sandbox-2'))?.expiresAt, NOW + 2_000);
      assert.equal(await store.sweep(), 1);
      assert.equal(await store.sweep(), 0);
    },
  },
  {
    name: 'a share is read by its id until it is deleted or expires',
    scene: async ({ store: { shares }, clock }) => {
      assert.deepEqual(await shares.put(share({ body: LARGE_TEXT })), { kind: 'stored' });
      await shares.put(share({ id: 'share-2' }));
      await shares.put(share({ id: 'share-3', expiresAt: NOW + 5_000 }));
      assert.deepEqual(await shares.get('share-1'), share({ body: LARGE_TEXT }));
      assert.equal(await shares.get('share-9'), null);
      assert.equal(await shares.delete('share-2'), true);
      assert.equal(await shares.delete('share-2'), false);
      assert.equal(await shares.get('share-2'), null);
      clock.now = NOW + 1_000;
      assert.equal(await shares.get('share-1'), null);
      assert.equal(await shares.delete('share-1'), false);
    },
    again: async ({ store: { shares } }) => {
      assert.equal(await shares.get('share-2'), null);
      assert.deepEqual(await shares.get('share-3'), share({ id: 'share-3', expiresAt: NOW + 5_000 }));
    },
  },
  {
    name: 'a sweep removes all that has expired, however much, gives the quota back and touches nothing else',
    scene: async ({ store, clock }) => {
      const { programs, runs, shares } = store;
      await programs.put(program());
      const numbers = Array.from({ length: 450 }, (_, index) => index);
      await Promise.all(numbers.map((number) => shares.put(share({ id: `share-${number}` }))));
      await runs.accept(run(), claim('body'));
      await runs.accept(run({ id: 'run-2' }), null);
      await runs.finish('run-1', ending({ result: LARGE_TEXT }));
      assert.equal(await store.sweep(), 0);
      assert.equal((await store.usage('ann')).items, 453);
      clock.now = NOW + 1_000;
      assert.equal(await store.sweep(), 452);
      const left = program().form.length + program().facts.length + run().request.length;
      assert.deepEqual(await store.usage('ann'), { items: 2, bytes: left });
      assert.deepEqual(await programs.get('ann', 'sha256:01'), program());
      assert.equal(await runs.get('ann', 'run-1'), null);
      assert.equal((await runs.get('ann', 'run-2'))?.ending, null);
      assert.deepEqual(await runs.accept(run({ id: 'run-3' }), claim('other body', NOW + 9_000)), { kind: 'accepted' });
    },
  },
  {
    name: 'an expired run is gone before it is swept',
    scene: async ({ store: { runs }, clock }) => {
      await runs.accept(run(), null);
      await runs.finish('run-1', ending());
      clock.now = NOW + 999;
      assert.notEqual(await runs.get('ann', 'run-1'), null);
      clock.now = NOW + 1_000;
      assert.equal(await runs.get('ann', 'run-1'), null);
    },
  },
  {
    name: 'what is beyond a bound is refused, and nothing of it is stored',
    scene: async ({ store }) => {
      const long = 'x'.repeat(MAX_STORE_KEY_LENGTH + 1);
      const beyond: readonly (() => Promise<unknown>)[] = [
        () => store.programs.put(program({ id: '' })),
        () => store.programs.put(program({ tenant: long })),
        () => store.programs.put(program({ id: 'a\nb' })),
        () => store.runs.accept(run({ bucket: long }), null),
        () => store.runs.accept(run(), { ...claim('body'), key: long }),
        () => store.sandboxes.put(sandbox({ id: long })),
        () => store.shares.put(share({ id: long })),
        () => store.runs.listUnfinished(0, MAX_STORE_PAGE + 1),
        () => store.sandboxes.list(null, 0),
      ];
      for (const call of beyond) await assert.rejects(call, RangeError);
      assert.deepEqual(await store.usage('ann'), { items: 0, bytes: 0 });
      assert.equal(await store.runs.get('ann', 'run-1'), null);
    },
  },
  {
    name: 'a call that fails does not undo those that were made beside it',
    scene: async ({ store }) => {
      const { shares } = store;
      const answers = await Promise.allSettled([
        shares.put(share()),
        shares.put(share({ id: 'x'.repeat(MAX_STORE_KEY_LENGTH + 1) })),
        shares.put(share({ id: 'share-2' })),
      ]);
      assert.deepEqual(
        answers.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      assert.equal((await store.usage('ann')).items, 2);
      assert.deepEqual(await shares.get('share-2'), share({ id: 'share-2' }));
    },
  },
];

for (const driver of STORE_DRIVERS) {
  for (const { name, quota = AMPLE, scene, again } of ROWS) {
    test(`${driver.name}: ${name}`, async (t) => {
      const folder = await temporaryFolder(t);
      const clock = { now: NOW };
      const options = { quota, now: () => clock.now };
      const store = await driver.open(folder, options);
      await scene({ store, clock });
      await store.close();
      if (!driver.outlives || again === undefined) return;
      const reopened = await driver.open(folder, options);
      await again({ store: reopened, clock });
      await reopened.close();
    });
  }
}
