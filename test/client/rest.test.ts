/** The client over HTTP: runs, results, pages of steps, states, and what is refused. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { WaggleClient } from '../../src/client/client.ts';
import type { StepRow } from '../../src/contract/step.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { runBody } from '../support/run-body.ts';
import { build } from '../support/service.ts';

const COUNTDOWN = { programs: { entry: 'r1 = 600\nagain:\nr1 += -1\nif r1 != 0 goto again\nr0 = 2\nexit' } };
const STEPS = 1 + 2 * 600 + 2;

async function clientOf(t: TestContext): Promise<WaggleClient> {
  const service = await build(t, { worker: null });
  await service.api.listen({ host: '127.0.0.1', port: 0 });
  return new WaggleClient(service.urls().api);
}

test('run, result, pages and states', { skip: NO_ENGINE }, async (t) => {
  const client = await clientOf(t);
  const { steps, stepsNext, ...result } = await client.run({ ...runBody(COUNTDOWN), detail: 'steps' });
  assert.deepEqual([result.returnValue, result.counters.instructions], [2, String(STEPS)]);
  assert.deepEqual(await client.result(result.id), result);
  assert.equal(stepsNext, null);
  const rows: StepRow[] = [];
  for (let next: string | null = '0'; next !== null; ) {
    const page = await client.steps(result.id, { from: Number(next), count: 500 });
    assert.equal(page.first, next);
    rows.push(...page.steps);
    next = page.next;
  }
  assert.deepEqual(rows, steps);
  assert.deepEqual((await client.steps(result.id)).steps, rows.slice(0, 512));
  const state = await client.state(result.id, 1);
  assert.deepEqual([state.step, state.pc, state.registers[1]], ['1', 1, '0x258']);
  assert.deepEqual((await client.state(result.id, 9_999, { maps: [] })).step, String(STEPS));
});

test('what the service refuses is an error with its problem', async (t) => {
  const client = await clientOf(t);
  await assert.rejects(client.result('nobody'), { name: 'WaggleError', status: 404, message: /^not_found: / });
  await assert.rejects(client.steps('a/b', { count: 0 }), { name: 'WaggleError', status: 400 });
  await assert.rejects(client.run({ entry: 'absent' }), { name: 'WaggleError', status: 422 });
});

test('what is no answer of the service is an error too', async (t) => {
  const other = createServer((_, response) => response.writeHead(502).end('<h1>bad gateway</h1>')).listen(0);
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  const error = { name: 'WaggleError', status: 502, problem: null, message: 'status 502' };
  await assert.rejects(new WaggleClient(`http://127.0.0.1:${port}`).result('r'), error);
});
