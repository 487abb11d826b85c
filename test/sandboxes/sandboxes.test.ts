/** All sandboxes of a service: their ends, their room, and what outlives a process and a lost thread. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { WORKER_URL } from '../../src/app.ts';
import { type Limits, limitsWith } from '../../src/contract/limits.ts';
import { RunPool } from '../../src/pool/pool.ts';
import type { Sandbox } from '../../src/sandboxes/sandbox.ts';
import { Sandboxes } from '../../src/sandboxes/sandboxes.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { type RunDescription, runSpec } from '../support/engine-run.ts';
import { counting } from '../support/sandbox-service.ts';
import { SCRIPTED_WORKER } from '../support/service.ts';

const OWNER = { tenant: 'test', bucket: 'test' };
const COUNTER: RunDescription = { programs: { entry: counting(0, 2) }, maps: { hits: {} } };

interface House {
  readonly sandboxes: Sandboxes;
  readonly pool: RunPool;
  readonly store: MemoryStore;
  readonly clock: { now: number };
}

function house(t: TestContext, overrides: Partial<Limits> = {}, store?: MemoryStore): House {
  const limits = limitsWith(overrides);
  const observer = { waited() {}, recycled() {}, probed() {} };
  const common = { worker: WORKER_URL, threads: 1, limits, observer, starts: 'with_first_task' } as const;
  const loader = new RunPool(common);
  const pool = new RunPool(common);
  const clock = { now: Date.now() };
  const kept = store ?? new MemoryStore({ quota: limits, now: () => clock.now });
  const sandboxes = new Sandboxes({ loader, store: kept, limits, now: () => clock.now });
  t.after(async () => {
    await sandboxes.close();
    await Promise.all([loader.close(), pool.close()]);
  });
  return { sandboxes, pool, store: kept, clock };
}

async function make({ sandboxes }: House, ttl = 60, description = COUNTER): Promise<Sandbox> {
  const answer = await sandboxes.create(OWNER, runSpec(description), ttl);
  if (answer.kind !== 'created') assert.fail(JSON.stringify(answer));
  return answer.sandbox;
}

/** Runs once and answers what `hits` counts then. */
async function count(pool: RunPool, sandbox: Sandbox, description: RunDescription = COUNTER): Promise<number> {
  const spec = runSpec({ entry: 'entry', returnMaps: Object.keys(description.maps ?? {}) });
  const answer = await sandbox.submit(pool, { id: 'run', principal: 'test', listener: null, spec }).answer;
  if (answer.kind !== 'result') assert.fail(JSON.stringify(answer));
  const { outcome, output } = answer.result;
  return outcome.code === 'exit' ? Buffer.from(output.maps.hits![0]!.value.hex, 'hex').readUInt32LE(0) : -1;
}

test('a sandbox ends with its time to live, and PATCH puts the end off', async (t) => {
  const at = house(t);
  const sandbox = await make(at, 60);
  const { id } = sandbox.identity;
  at.clock.now += 59_000;
  assert.equal(await at.sandboxes.find('test', id), sandbox);
  await at.sandboxes.extend(sandbox, 60);
  at.clock.now += 59_000;
  assert.equal(await at.sandboxes.find('test', id), sandbox);
  at.clock.now += 1_000;
  assert.equal(await at.sandboxes.find('test', id), null);
  at.sandboxes.sweep();
  assert.deepEqual(at.sandboxes.counts(), { idle: 0, running: 0, stored: 0 });
  assert.equal(await count(at.pool, sandbox), -1);
});

test("another tenant's sandbox does not exist", async (t) => {
  const at = house(t);
  const { id } = (await make(at)).identity;
  assert.equal(await at.sandboxes.find('other', id), null);
});

test('what is put away at the end of a process goes on in the next one', async (t) => {
  const first = house(t);
  const sandbox = await make(first, 600);
  const { id, createdAt } = sandbox.identity;
  assert.equal(await count(first.pool, sandbox), 1);
  assert.equal(await count(first.pool, sandbox), 2);
  await first.sandboxes.close();

  const second = house(t, {}, first.store);
  await second.sandboxes.open();
  assert.deepEqual(second.sandboxes.counts(), { idle: 0, running: 0, stored: 1 });
  assert.equal(await second.sandboxes.find('other', id), null);
  const [woken, same] = await Promise.all([second.sandboxes.find('test', id), second.sandboxes.find('test', id)]);
  assert.ok(woken !== null && woken === same);
  assert.deepEqual([woken.identity.createdAt, woken.expiresAt], [createdAt, sandbox.expiresAt]);
  assert.equal(await count(second.pool, woken), 3);
  await second.sandboxes.delete(woken);

  const third = house(t, {}, first.store);
  await third.sandboxes.open();
  assert.equal(await third.sandboxes.find('test', id), null);
});

test('limits: sandboxes of a tenant, bytes of all', async (t) => {
  const few = house(t, { maxSandboxes: 1 });
  const sandbox = await make(few);
  const second = await few.sandboxes.create(OWNER, runSpec(COUNTER), 60);
  assert.ok(second.kind === 'problem' && second.problem.limit === 'maxSandboxes');
  const fork = await few.sandboxes.fork(sandbox, 60);
  assert.ok(fork.kind === 'problem' && fork.problem.limit === 'maxSandboxes');
  assert.equal((await few.sandboxes.create({ ...OWNER, tenant: 'other' }, runSpec(COUNTER), 60)).kind, 'created');

  const small = house(t, { maxSandboxesBytes: 1 });
  await make(small);
  const third = await small.sandboxes.create(OWNER, runSpec(COUNTER), 60);
  assert.ok(third.kind === 'problem' && third.problem.limit === 'maxSandboxesBytes');
});

test('a run that was lost with its thread leaves the maps as they were, and is counted', async (t) => {
  const at = house(t);
  const sandbox = await make(at);
  assert.equal(await count(at.pool, sandbox), 1);
  const limits = limitsWith({ maxAnswerGraceMs: 100 });
  const observer = { waited() {}, recycled() {}, probed() {} };
  const doomed = new RunPool({ worker: SCRIPTED_WORKER, threads: 1, limits, observer });
  t.after(() => doomed.close());
  const spec = runSpec({ entry: 'spin', budgets: { wallMs: 1 } });
  const lost = await sandbox.submit(doomed, { id: 'run', principal: 'test', listener: null, spec }).answer;
  assert.ok(lost.kind === 'result');
  assert.equal(lost.result.outcome.code, 'worker_lost');
  assert.equal(sandbox.restores, 1);
  assert.equal(await count(at.pool, sandbox), 2);
});
