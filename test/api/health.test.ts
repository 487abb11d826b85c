import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_ENGINE } from '../support/engine.ts';
import { build, scripted } from '../support/service.ts';

test('alive and ready; a probe is counted apart from the runs and kept for a while', async (t) => {
  const { api, admin } = await build(t);
  assert.deepEqual((await api.inject('/livez')).json(), { status: 'live' });
  for (const app of [api, admin, api]) {
    const ready = await app.inject('/readyz');
    assert.equal(ready.statusCode, 200);
    assert.deepEqual(ready.json(), { status: 'ready', probe: 'passed' });
  }
  const metrics = (await admin.inject('/metrics')).body;
  // One by each instance: the third question came within the cache's time.
  assert.match(metrics, /waggle_probe_runs_total\{result="passed"\} 2/);
  assert.match(metrics, /waggle_instructions_total 0/);
});

test('busy is ready', async (t) => {
  const { api, post, busy } = await build(t);
  const run = post(scripted('slow'));
  await busy(1);
  assert.deepEqual((await api.inject('/readyz')).json(), { status: 'ready', probe: 'busy' });
  assert.equal((await run).status, 200);
});

test('not ready when the known chain is not answered', async (t) => {
  const worker = new URL('../fixtures/workers/wrong.ts', import.meta.url).href;
  const { api, admin } = await build(t, { worker });
  const response = await api.inject('/readyz');
  assert.equal(response.statusCode, 503);
  assert.equal(response.json().code, 'not_ready');
  assert.equal(response.headers['retry-after'], '1');
  assert.match((await admin.inject('/metrics')).body, /waggle_probe_runs_total\{result="failed"\} [1-9]/);
});

test('while draining, readiness and new runs are refused, and what runs is answered', async (t) => {
  const { api, post, busy, close } = await build(t);
  const run = post(scripted('slow'));
  await busy(1);
  const closed = close();
  assert.equal((await api.inject('/readyz')).json().code, 'draining');
  const refused = await post(scripted('exit'));
  assert.equal(refused.status, 503);
  assert.equal(refused.body.code, 'draining');
  assert.equal((await run).body.outcome.code, 'exit');
  await closed;
});

test('work that outlasts the drain is cancelled and answered', async (t) => {
  const { post, busy, close } = await build(t, { limits: { maxDrainMs: 50 } });
  const run = post(scripted('wait', { budgets: { wallMs: 60_000 } }));
  await busy(1);
  await close();
  assert.equal((await run).body.outcome.code, 'cancelled');
});

test('the real engine is ready', { skip: NO_ENGINE }, async (t) => {
  const { api } = await build(t, { worker: null });
  assert.deepEqual((await api.inject('/readyz')).json(), { status: 'ready', probe: 'passed' });
});
