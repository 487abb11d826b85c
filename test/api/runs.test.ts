import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build, scripted } from '../support/service.ts';

test('a run is answered 200 with its whole result, and logged in one line', async (t) => {
  const service = await build(t);
  const { status, body, headers } = await service.post(scripted('again'), { 'x-request-id': 'mine-1' });
  assert.equal(status, 200);
  assert.equal(headers['x-request-id'], 'mine-1');
  assert.deepEqual(body.outcome, { kind: 'exit', code: 'exit' });
  assert.equal(body.counters.tailCalls, 33);
  assert.equal(body.chain.length, 34);
  assert.equal(body.chain[33].to, null);
  const runs = service.lines.filter((line) => line.msg === 'run');
  assert.equal(runs.length, 1);
  assert.equal(runs[0]!.requestId, 'mine-1');
  assert.equal(runs[0]!.outcome, 'exit');
  assert.equal((runs[0]!.counters as { tailCalls: number }).tailCalls, 33);
});
