/** POST /v1/batches: each item on its own, lines as they end, and what becomes of the rest when somebody leaves or the server stops. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { type TestContext, test } from 'node:test';
import { Value } from 'typebox/value';
import { MAX_PIECE_ITEMS, MAX_SHARED_INSTRUCTIONS } from '../../src/api/run-batch.ts';
import { BatchLine } from '../../src/contract/batch.ts';
import type { RunBody } from '../../src/contract/run.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { type BuildOptions, type BuiltService, build, scripted } from '../support/service.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const NDJSON_TYPE = { 'content-type': 'application/x-ndjson' };

async function postBatch(service: BuiltService, payload: string | Buffer, headers: Record<string, string> = JSON_TYPE) {
  const response = await service.api.inject({ method: 'POST', url: '/v1/batches', headers, payload });
  return { status: response.statusCode, type: response.headers['content-type'], text: response.body };
}

function linesOf(text: string): BatchLine[] {
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as BatchLine);
  for (const line of lines) assert.deepEqual([...Value.Errors(BatchLine, line)], []);
  return lines.toSorted((left, right) => left.index - right.index);
}

const codes = (lines: readonly BatchLine[]) =>
  lines.map(({ result, problem }) => result?.outcome.code ?? problem?.code);
const batchOf = (items: readonly unknown[]) => JSON.stringify({ items });
const linesOfItems = (items: readonly unknown[]) => items.map((item) => JSON.stringify(item)).join('\n');

async function answers(t: TestContext, items: readonly unknown[], options: BuildOptions = {}): Promise<BatchLine[]> {
  const { status, text } = await postBatch(await build(t, options), batchOf(items));
  assert.equal(status, 200, text);
  return linesOf(text);
}

test('a batch has a line for each item, in JSON and in NDJSON', async (t) => {
  const service = await build(t);
  const items = [scripted('exit'), scripted('oob_read'), scripted('rejected_load')];
  for (const [payload, headers] of [
    [batchOf(items), JSON_TYPE],
    [linesOfItems(items), NDJSON_TYPE],
    [`\r\n${items.map((item) => `${JSON.stringify(item)}\r\n \n`).join('')}`, NDJSON_TYPE],
  ] as const) {
    const { status, type, text } = await postBatch(service, payload, headers);
    assert.equal(status, 200, text);
    assert.equal(type, 'application/x-ndjson');
    assert.ok(text.endsWith('\n'));
    const lines = linesOf(text);
    assert.deepEqual(
      lines.map(({ index, status: one }) => [index, one]),
      [0, 1, 2].map((index) => [index, 200]),
    );
    assert.deepEqual(codes(lines), ['exit', 'oob_read', 'rejected_load']);
  }
});

/** Items that are refused, each between two good ones. */
const BAD_ITEMS: readonly { name: string; item: unknown; code: string; status: number; pointer?: string }[] = [
  { name: 'no object', item: 5, code: 'schema_violation', status: 400, pointer: '' },
  { name: 'no entry', item: {}, code: 'schema_violation', status: 400, pointer: '/entry' },
  {
    name: 'an unknown field',
    item: { ...scripted('exit'), colour: 1 },
    code: 'schema_violation',
    status: 400,
    pointer: '/colour',
  },
  {
    name: 'bytes that are none',
    item: scripted('exit', { input: { packet: { hex: '0' } } }),
    code: 'bad_bytes',
    status: 422,
    pointer: '/input/packet',
  },
  { name: 'a limit', item: scripted('exit', { repeat: 1e6 }), code: 'limit_exceeded', status: 422, pointer: '/repeat' },
  {
    name: 'a later feature',
    item: scripted('exit', { cpu: 0 }),
    code: 'not_implemented',
    status: 501,
    pointer: '/cpu',
  },
  { name: "the worker's refusal", item: scripted('problem.bad_elf'), code: 'bad_elf', status: 422 },
];

test('a bad item is answered by its own line and harms no other', async (t) => {
  const items = BAD_ITEMS.flatMap(({ item }) => [scripted('exit'), item]).concat(scripted('exit'));
  const lines = await answers(t, items);
  assert.equal(lines.length, items.length);
  for (const [place, { name, code, status, pointer }] of BAD_ITEMS.entries()) {
    const { status: told, problem, result } = lines[2 * place + 1]!;
    assert.equal(told, status, name);
    assert.equal(problem?.code, code, name);
    assert.equal(result, undefined, name);
    if (pointer !== undefined) assert.equal(problem?.errors?.[0]?.pointer, pointer, name);
  }
  const good = lines.filter((_, index) => index % 2 === 0);
  assert.ok(good.every(({ status }) => status === 200));
});

test('a line that is no JSON is answered by its own line', async (t) => {
  const good = JSON.stringify(scripted('exit'));
  const bad = Buffer.from([0x22, 0xff, 0x22, 0x0a]);
  const body = Buffer.concat([Buffer.from(`${good}\n{"entry":\n{"__proto__":{"x":1}}\n`), bad, Buffer.from(good)]);
  const { text } = await postBatch(await build(t), body, NDJSON_TYPE);
  const lines = linesOf(text);
  assert.deepEqual(codes(lines), ['exit', 'bad_json', 'schema_violation', 'bad_json', 'exit']);
  assert.match(lines[1]!.problem!.detail, /^The line is not valid JSON/);
  assert.match(lines[3]!.problem!.detail, /^The line is not UTF-8/);
});

/** Bodies that are no batch: refused as a whole. */
const NO_BATCHES: readonly { name: string; body: string; type?: string; code: string; status: number }[] = [
  { name: 'no JSON', body: '{', code: 'bad_json', status: 400 },
  { name: 'an array', body: '[]', code: 'schema_violation', status: 400 },
  { name: 'no items', body: '{}', code: 'schema_violation', status: 400 },
  { name: 'items that are no array', body: '{"items":{}}', code: 'schema_violation', status: 400 },
  { name: 'no item', body: '{"items":[]}', code: 'schema_violation', status: 400 },
  { name: 'another field', body: '{"items":[{}],"more":1}', code: 'schema_violation', status: 400 },
  { name: 'no line', body: '\n \n', type: 'application/x-ndjson', code: 'bad_json', status: 400 },
  { name: 'another type', body: 'x', type: 'text/plain', code: 'unsupported_media_type', status: 415 },
  { name: 'an item too many', body: batchOf([{}, {}, {}]), code: 'limit_exceeded', status: 422 },
  { name: 'a line too many', body: '{}\n{}\n{}', type: 'application/x-ndjson', code: 'limit_exceeded', status: 422 },
  { name: 'lines too long', body: ' '.repeat(300), type: 'application/x-ndjson', code: 'body_too_large', status: 413 },
];

test('what is no batch is refused as a whole', async (t) => {
  const service = await build(t, { limits: { maxBatchItems: 2, maxBatchBytes: 200 } });
  for (const { name, body, type = 'application/json', code, status } of NO_BATCHES) {
    const answer = await postBatch(service, body, { 'content-type': type });
    const problem = JSON.parse(answer.text);
    assert.equal(problem.code, code, name);
    assert.equal(answer.status, status, name);
  }
});

test('an item that kills its thread is answered worker_lost, and those that came with it are run again', async (t) => {
  const items = ['exit', 'die', 'exit', 'throw', 'exit'].map((entry) => scripted(entry));
  assert.deepEqual(codes(await answers(t, items)), ['exit', 'worker_lost', 'exit', 'internal', 'exit']);
});

test('items that a thread did not begin are handed out again', async (t) => {
  const items = Array.from({ length: 3 * MAX_PIECE_ITEMS }, () => scripted('last'));
  const lines = await answers(t, items);
  assert.deepEqual(
    lines.map(({ index }) => index),
    items.map((_, index) => index),
  );
  assert.equal(new Set(lines.map(({ result }) => result?.id)).size, items.length);
});

test('the result of an item stands under its id', async (t) => {
  const service = await build(t);
  const [line] = linesOf((await postBatch(service, batchOf([scripted('again')]))).text);
  const { result } = line!;
  const kept = await service.api.inject(`/v1/runs/${result!.id}`);
  assert.deepEqual(kept.json(), result);
});

test('a batch is observed by its own mode, and is one line of the log', async (t) => {
  const service = await build(t);
  await postBatch(service, batchOf([scripted('exit'), scripted('exit'), scripted('cancelled'), {}]));
  const { body } = await service.admin.inject('/metrics');
  assert.match(body, /waggle_runs_total\{outcome="exit",mode="batch"\} 2\n/);
  const [line] = service.lines.filter(({ msg }) => msg === 'batch');
  assert.deepEqual(line?.ended, { exit: 2, cancelled: 1, schema_violation: 1 });
  assert.equal(line?.items, 4);
});

/** A run that others do not wait for. */
const LONG = scripted('wait', { budgets: { instructions: MAX_SHARED_INSTRUCTIONS + 1 } });

/** A batch over a real connection. */
async function openBatch(service: BuiltService, items: readonly RunBody[]) {
  await service.api.listen({ port: 0 });
  const sent = httpRequest(`${service.urls().api}/v1/batches`, { method: 'POST', headers: JSON_TYPE });
  sent.end(batchOf(items));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { sent, response };
}

test('a line goes out when its item ends, not when the batch does', async (t) => {
  const service = await build(t, { config: { workers: 2 } });
  const { sent, response } = await openBatch(service, [scripted('wait'), scripted('exit')]);
  const [first] = await once(response, 'data');
  assert.equal(JSON.parse(String(first)).index, 1);
  sent.destroy();
});

test('when the client goes away the rest is cancelled', async (t) => {
  const service = await build(t);
  const { sent, response } = await openBatch(service, [scripted('exit'), ...Array.from({ length: 50 }, () => LONG)]);
  await service.busy(1);
  response.on('error', () => {});
  sent.destroy();
  await service.busy(0);
  while (!service.lines.some(({ msg }) => msg === 'batch')) await new Promise((resolve) => setImmediate(resolve));
  const { exit, cancelled } = service.lines.find(({ msg }) => msg === 'batch')!.ended as Record<string, number>;
  assert.deepEqual({ exit, cancelled }, { exit: 1, cancelled: 1 });
});

test('at the end of the time for running work an item is cancelled, and those behind it are answered draining', async (t) => {
  const service = await build(t, { limits: { maxDrainMs: 30 } });
  const answer = postBatch(service, batchOf(['wait', 'exit', 'exit'].map((entry) => scripted(entry))));
  await service.busy(1);
  await service.close();
  const { text } = await answer;
  const lines = linesOf(text);
  assert.deepEqual(codes(lines), ['cancelled', 'draining', 'draining']);
  assert.deepEqual(
    lines.map(({ status }) => status),
    [200, 503, 503],
  );
});

test('a batch that is running when the server stops is answered whole', async (t) => {
  const service = await build(t);
  const answer = postBatch(service, batchOf(['slow', 'slow', 'exit'].map((entry) => scripted(entry))));
  await service.busy(1);
  await service.close();
  assert.deepEqual(codes(linesOf((await answer).text)), ['exit', 'exit', 'exit']);
});

test('a batch is not begun while the queue is full', async (t) => {
  const service = await build(t, { limits: { queueLimit: 1, maxDrainMs: 10 } });
  void service.post(scripted('wait'));
  await service.busy(1);
  void service.post(scripted('wait'));
  await service.queued(1);
  const { status, text } = await postBatch(service, batchOf([scripted('exit')]));
  assert.equal(status, 429);
  assert.equal(JSON.parse(text).code, 'queue_full');
});

test('the engine answers an item as it answers the run alone', { skip: NO_ENGINE }, async (t) => {
  const service = await build(t, { worker: null });
  const bodies: RunBody[] = [
    {
      programs: [
        { name: 'entry', type: 'xdp', asm: 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit' },
        { name: 'next', type: 'xdp', asm: 'r0 = 2\nexit' },
      ],
      maps: [{ name: 'chain', type: 'prog_array', maxEntries: 4, slots: { '0': 'next' } }],
      entry: 'entry',
      input: { packet: { hex: '00'.repeat(64) } },
    },
    { programs: [{ name: 'p', type: 'xdp', asm: 'r0 = = 1' }], entry: 'p' },
    {
      programs: [{ name: 'p', type: 'xdp', asm: 'r1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit' }],
      entry: 'p',
      verify: 'off',
      input: { packet: { hex: '00'.repeat(64) } },
    },
  ];
  const lines = linesOf((await postBatch(service, batchOf(bodies))).text);
  for (const [index, body] of bodies.entries()) {
    const alone = await service.post(body);
    const { status, result, problem } = lines[index]!;
    assert.equal(status, alone.status);
    if (result === undefined) {
      assert.equal(problem?.detail, alone.body.detail);
    } else {
      assert.notEqual(result.id, alone.body.id);
      const chance = { id: '', timing: null, cache: null };
      assert.deepEqual({ ...result, ...chance }, { ...alone.body, ...chance });
    }
  }
});
