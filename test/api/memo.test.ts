/** Results that are remembered: what counts as the same request, what is never remembered, and what a client is told. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MEMO_OVERHEAD_BYTES, Memo } from '../../src/api/memo.ts';
import { requestKey } from '../../src/api/request-key.ts';
import type { BatchLine } from '../../src/contract/batch.ts';
import { formOfRun } from '../../src/contract/finished-run.ts';
import { OUTCOMES, type OutcomeCode } from '../../src/contract/outcome.ts';
import type { RunBody } from '../../src/contract/run.ts';
import { unrunResult } from '../../src/contract/unrun-result.ts';
import { sizeOfKept } from '../../src/store/kept-size.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { runSpec } from '../support/engine-run.ts';
import { type BuiltService, build, scripted } from '../support/service.ts';

const ROOM = 1024 * 1024;
const on = { limits: { maxMemoBytes: ROOM } };

const spec = runSpec({ programs: { p: 'r0 = 2\nexit' }, packet: new Uint8Array(64) });
const formOf = (packetBytes = 0) => {
  const result = unrunResult('first', spec, 'exit', 7);
  const packet = { hex: '00'.repeat(packetBytes) };
  return formOfRun({ result: { ...result, output: { ...result.output, packet } }, started: null, source: null });
};

test('a requestKey knows equal bytes and fields in any order, and nothing else', () => {
  const key = requestKey({ a: 1, b: [new Uint8Array([1, 2]), null] });
  assert.match(key, /^sha256:[0-9a-f]{64}$/);
  assert.equal(requestKey({ b: [new Uint8Array([1, 2]), null], a: 1 }), key);
  const others = [
    { a: '1', b: [new Uint8Array([1, 2]), null] },
    { a: 1, b: [new Uint8Array([1, 3]), null] },
    { a: 1, b: [[1, 2], null] },
    { a: 1, b: [null, new Uint8Array([1, 2])] },
    { a: 1, b: [new Uint8Array([1, 2]), null], c: null },
    { a: 1, b: [new Uint8Array([1]), new Uint8Array([2]), null] },
    ['a', 1, 'b', [new Uint8Array([1, 2]), null]],
  ];
  for (const other of others) assert.notEqual(requestKey(other), key, JSON.stringify(other));
});

test('a remembered run comes under the new id and took no time', () => {
  const memo = new Memo(ROOM);
  const key = memo.keyOf(spec)!;
  memo.remember(key, 'exit', formOf());
  const { result } = memo.find(key, 'second')!;
  assert.equal(result.id, 'second');
  assert.deepEqual(result.timing, { queueUs: 0, loadUs: 0, verifyUs: 0, compileUs: 0, execNs: '0' });
  assert.deepEqual(result.cache, { programs: 'hit', run: 'hit' });
});

test('what a clock, a client or a defect ended is not remembered', () => {
  const byChance = ['wall_budget', 'expired_in_queue', 'cancelled', 'worker_lost', 'internal'];
  for (const code of Object.keys(OUTCOMES) as OutcomeCode[]) {
    const memo = new Memo(ROOM);
    memo.remember(code, code, formOf());
    assert.equal(memo.find(code, 'id') === null, byChance.includes(code), code);
  }
});

test('the least recently used leaves first, and a run that is too large is not remembered', () => {
  const cost = sizeOfKept(formOf()) + MEMO_OVERHEAD_BYTES;
  const memo = new Memo(10 * cost);
  for (let n = 0; n < 10; n += 1) memo.remember(`${n}`, 'exit', formOf());
  assert.notEqual(memo.find('0', 'id'), null);
  memo.remember('10', 'exit', formOf());
  assert.deepEqual(
    ['0', '1', '2', '10'].map((key) => memo.find(key, 'id') !== null),
    [true, false, true, true],
  );
  memo.remember('large', 'exit', formOf(cost));
  assert.equal(memo.find('large', 'id'), null);
});

test('with maxMemoBytes 0 nothing is remembered', () => {
  assert.equal(new Memo(0).keyOf(spec), null);
});

const BODY: RunBody = {
  programs: [{ name: 'p', type: 'xdp', asm: 'call bpf_get_prandom_u32\nexit' }],
  entry: 'p',
  input: { packet: { hex: '00'.repeat(64) } },
};

const withoutChance = (result: object) => ({ ...result, id: '', timing: null, cache: null });

async function lookups(service: BuiltService) {
  const { body } = await service.admin.inject('/metrics');
  const count = (line: string) => Number(new RegExp(`^waggle_${line} (.*)$`, 'm').exec(body)?.[1]);
  return {
    hits: count('cache_requests_total\\{cache="runs",result="hit"\\}'),
    misses: count('cache_requests_total\\{cache="runs",result="miss"\\}'),
    runs: count('runs_total\\{outcome="exit",mode="request"\\}'),
    instructions: count('instructions_total'),
  };
}

test('the same request is run once, and its steps stand under both ids', { skip: NO_ENGINE }, async (t) => {
  const service = await build(t, { worker: null, ...on });
  const first = await service.post(BODY);
  const second = await service.post({ ...BODY, seed: '0x1', repeat: 1, detail: 'steps' });
  assert.equal(first.body.cache.run, undefined);
  assert.deepEqual(second.body.cache, { programs: 'hit', run: 'hit' });
  assert.notEqual(second.body.id, first.body.id);
  const { steps, stepsNext, ...result } = second.body;
  assert.deepEqual(withoutChance(result), withoutChance(first.body));
  assert.equal(steps?.length, 2);
  assert.equal(stepsNext, null);
  for (const { body } of [first, second]) {
    const kept = await service.api.inject(`/v1/runs/${body.id}/steps`);
    assert.deepEqual(kept.json().steps, steps);
    assert.equal((await service.api.inject(`/v1/runs/${body.id}`)).json().id, body.id);
  }
  assert.deepEqual(await lookups(service), { hits: 1, misses: 1, runs: 2, instructions: 2 });
});

test('another seed, budget or packet is another request', { skip: NO_ENGINE }, async (t) => {
  const service = await build(t, { worker: null, ...on });
  await service.post(BODY);
  const others: RunBody[] = [
    { ...BODY, seed: 2 },
    { ...BODY, budgets: { instructions: 1 } },
    { ...BODY, input: { packet: { hex: '01'.repeat(64) } } },
    { ...BODY, detail: 'summary' },
  ];
  for (const body of others) assert.equal((await service.post(body)).body.cache.run, undefined);
});

test('Cache-Control: no-cache has the run made', async (t) => {
  const service = await build(t, on);
  await service.post(scripted('exit'));
  for (const [control, run] of [
    ['no-cache', undefined],
    ['max-age=0, No-Store', undefined],
    ['max-age=0', 'hit'],
  ] as const) {
    assert.equal((await service.post(scripted('exit'), { 'cache-control': control })).body.cache.run, run, control);
  }
});

test('a problem is not remembered', async (t) => {
  const service = await build(t, on);
  for (let n = 0; n < 2; n += 1) assert.equal((await service.post(scripted('problem.bad_elf'))).body.code, 'bad_elf');
  assert.deepEqual((await lookups(service)).hits, 0);
});

test('items of a batch, asynchronous runs and runs alone remember for each other', async (t) => {
  const service = await build(t, on);
  const batch = await service.api.inject({
    method: 'POST',
    url: '/v1/batches',
    payload: { items: [scripted('exit'), scripted('oob_read')] },
  });
  assert.ok(!batch.body.includes('"run":"hit"'));
  assert.equal((await service.post(scripted('exit'))).body.cache.run, 'hit');
  const { body } = await service.post(scripted('oob_read'), { prefer: 'respond-async' });
  const later = await service.api.inject(`/v1/runs/${body.id}?wait=10s`);
  assert.equal(later.json().cache.run, 'hit');
  const again = await service.api.inject({
    method: 'POST',
    url: '/v1/batches',
    payload: { items: [scripted('exit')] },
  });
  const { result } = JSON.parse(again.body) as BatchLine;
  assert.equal(result?.cache.run, 'hit');
  assert.equal((await service.api.inject(`/v1/runs/${result!.id}`)).json().id, result!.id);
});
