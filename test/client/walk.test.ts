/**
 * A walk through every route of the service, with the client and the real engine. A step for each operation of the OpenAPI document, in an order
 * in which each finds what it needs; a new operation without a step fails.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { WaggleClient } from '../../src/client/client.ts';
import type { WaggleError } from '../../src/client/errors.ts';
import { PROBLEMS } from '../../src/contract/problem.ts';
import type { RunBody } from '../../src/contract/run.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { API_KEYS, keyOf } from '../support/keys.ts';
import { documentOf, operationsOf, type PlacedOperation } from '../support/openapi.ts';
import { CHAIN, PACKET } from '../support/sandbox-service.ts';
import { build } from '../support/service.ts';

const HOP: RunBody = {
  programs: [
    { name: 'entry', type: 'xdp', asm: 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit' },
    { name: 'next', type: 'xdp', asm: 'r0 = 2\nexit' },
  ],
  maps: [{ name: 'chain', type: 'prog_array', maxEntries: 4, slots: { '0': 'next' } }],
  entry: 'entry',
  input: PACKET,
};
const ENDLESS: RunBody = {
  programs: [{ name: 'spin', type: 'xdp', asm: 'r0 = 0\nagain:\nr0 += 1\nif r0 != 0 goto again\nexit' }],
  entry: 'spin',
  input: PACKET,
  verify: 'off',
  budgets: { instructions: 10_000_000_000, wallMs: 60_000 },
};
const OBJECT = new URL('../../examples/parser-chain.o', import.meta.url);
const FIRST = '00000000';
const ONE = '0100000000000000';

/** Is it the problem of that code, with that errno? */
const refusal = (code: string, errno: string) => (error: unknown) => {
  const { problem } = error as WaggleError;
  assert.deepEqual([problem?.code, problem?.errno], [code, errno]);
  return true;
};

/** What earlier steps have made. */
interface Found {
  run: string;
  batch: string;
  program: string;
  sandbox: string;
  snapshot: string;
  share: string;
  deleteToken: string;
}

type Step = (client: WaggleClient, found: Found) => Promise<void>;

const STEPS: Readonly<Record<string, Step>> = {
  getLiveness: (client) => client.info.live(),
  getReadiness: async (client) => assert.equal((await client.info.ready()).status, 'ready'),
  getInfo: async (client) => assert.match((await client.info.get()).engine, /^waggle /),
  getLimits: async (client) => assert.ok((await client.info.limits()).some(({ name }) => name === 'maxWallMs')),
  getOutcomes: async (client) => assert.ok((await client.info.outcomes()).outcomes.length > 10),
  getOpenApi: async (client) => assert.equal((await client.info.openApi()).openapi, '3.1.0'),
  getProblemPage: async (client) => {
    for (const code of Object.keys(PROBLEMS)) {
      assert.match(await client.info.problemPage(code), new RegExp(`<h1>${code}</h1>`));
    }
  },
  createRun: async (client, found) => {
    const result = await client.runs.create({ ...HOP, detail: 'steps' }, { fresh: true });
    assert.deepEqual([result.outcome.code, result.returnValue, result.steps?.length], ['exit', 2, 5]);
    found.run = result.id;
  },
  getRun: async (client, found) => assert.equal((await client.runs.get(found.run))?.returnValue, 2),
  getRunSteps: async (client, found) => {
    const { steps, next } = await client.runs.steps(found.run, { from: 3, count: 1 });
    assert.deepEqual([steps.map(({ step }) => step), next], [['3'], '4']);
  },
  getRunState: async (client, found) => {
    assert.equal((await client.runs.state(found.run, 4, { maps: [] })).registers[0], '0x2');
    assert.equal((await client.runs.state(found.run)).step, '5');
  },
  streamRunEvents: async (client, found) => {
    const types: string[] = [];
    let last = -1;
    for await (const { message, step } of client.runs.events(found.run, { detail: 'steps' })) {
      types.push(message.type);
      last = step ?? last;
    }
    assert.deepEqual(types, ['started', 'chain', 'result', 'steps', 'end']);
    for await (const _ of client.runs.events(found.run, { after: last })) assert.fail('nothing is left');
  },
  getRunPerfettoTrace: async (client, found) => {
    const file = await new Response(await client.runs.perfettoTrace(found.run)).json();
    assert.ok((file as { traceEvents: object[] }).traceEvents.length > 2);
  },
  cancelRun: async (client) => {
    const { id, state } = await client.runs.accept(ENDLESS, { idempotencyKey: 'walk' });
    assert.equal(state, 'running');
    assert.equal((await client.runs.accept(ENDLESS, { idempotencyKey: 'walk' })).id, id);
    assert.equal(await client.runs.get(id, { wait: 0 }), null);
    await client.runs.cancel(id);
    assert.equal((await client.runs.wait(id)).outcome.code, 'cancelled');
  },
  createBatch: async (client) => {
    const ends = new Map<number, unknown>();
    for await (const { index, result, problem } of client.batches.run([HOP, { entry: 'absent' }, HOP])) {
      ends.set(index, result?.returnValue ?? problem?.code);
    }
    assert.deepEqual([ends.get(0), ends.get(1), ends.get(2)], [2, 'bad_reference', 2]);
  },
  getBatch: async (client, found) => {
    const { id } = await client.batches.accept([HOP, HOP]);
    const lines = await client.batches.wait(id);
    assert.deepEqual(
      lines.map(({ index, result }) => [index, result?.returnValue]),
      [
        [0, 2],
        [1, 2],
      ],
    );
    found.batch = id;
  },
  cancelBatch: async (client, found) => {
    await assert.rejects(client.batches.cancel(found.batch), { status: 409, message: /^run_ended: / });
    const { id } = await client.batches.accept([ENDLESS]);
    await client.batches.cancel(id);
    assert.equal((await client.batches.wait(id))[0]?.result?.outcome.code, 'cancelled');
  },
  storePrograms: async (client, found) => {
    const { programs } = await client.programs.store({ name: 'next', type: 'xdp', asm: 'r0 = 2\nexit' });
    found.program = programs[0]!.id;
    const ofObject = await client.programs.store(new Uint8Array(readFileSync(OBJECT)));
    assert.ok(ofObject.programs.length > 1);
    const run = { ...HOP, programs: [HOP.programs![0]!, { name: 'next', id: found.program }] };
    assert.equal((await client.run(run)).returnValue, 2);
  },
  getProgram: async (client, found) => assert.equal((await client.programs.get(found.program)).id, found.program),
  getProgramDisassembly: async (client, found) => {
    assert.equal((await client.programs.disassembly(found.program)).id, found.program);
    assert.match(await client.programs.listing(found.program), /exit/);
  },
  getProgramGraph: async (client, found) => {
    assert.equal((await client.programs.graph(found.program)).blocks.length, 1);
    assert.match(await client.programs.dot(found.program), /^digraph /);
  },
  getProgramVerification: async (client, found) =>
    assert.equal((await client.programs.verification(found.program)).rejection, null),
  createSandbox: async (client, found) => {
    const sandbox = await client.sandboxes.create({ ...CHAIN, ttl: 60 });
    assert.equal(sandbox.verification?.programs.length, 3);
    found.sandbox = sandbox.id;
  },
  getSandbox: async (client, found) => assert.equal((await client.sandboxes.get(found.sandbox)).programs.length, 3),
  updateSandbox: async (client, found) => {
    const { expiresAt } = await client.sandboxes.get(found.sandbox);
    assert.ok((await client.sandboxes.keep(found.sandbox, 600)).expiresAt > expiresAt);
  },
  runOnSandbox: async (client, found) => {
    const { id } = await client.sandboxes.accept(found.sandbox, { entry: 'entry', input: PACKET });
    assert.equal((await client.runs.wait(id)).returnValue, 2);
    const result = await client.sandboxes.run(found.sandbox, { entry: 'entry', input: PACKET });
    assert.equal(result.returnValue, 2);
  },
  addSandboxProgram: async (client, found) => {
    const added = await client.sandboxes.addProgram(found.sandbox, { name: 'late', type: 'xdp', asm: 'r0 = 3\nexit' });
    assert.deepEqual([added.name, added.insns], ['late', 2]);
  },
  listMaps: async (client, found) => {
    const { maps } = await client.maps.list(found.sandbox);
    assert.deepEqual(
      maps.map(({ name }) => name),
      ['chain', 'hits', 'flows'],
    );
  },
  putEntry: async (client, found) => {
    await client.maps.put(found.sandbox, 'hits', { key: FIRST, value: ONE }, { mode: 'exist' });
    const again = client.maps.put(found.sandbox, 'hits', { key: FIRST, value: ONE }, { mode: 'noexist' });
    await assert.rejects(again, refusal('entry_exists', 'EEXIST'));
  },
  getEntry: async (client, found) => assert.equal((await client.maps.get(found.sandbox, 'hits', FIRST)).value.hex, ONE),
  listEntries: async (client, found) => {
    const keys: string[] = [];
    for await (const { key } of client.maps.entries(found.sandbox, 'hits', { limit: 1 })) keys.push(key.hex);
    assert.deepEqual(keys, [FIRST, '01000000']);
    assert.deepEqual((await client.maps.page(found.sandbox, 'flows')).entries, []);
  },
  deleteEntry: async (client, found) => {
    await client.maps.put(found.sandbox, 'flows', { key: FIRST, value: FIRST });
    await client.maps.delete(found.sandbox, 'flows', FIRST);
    const again = client.maps.delete(found.sandbox, 'flows', FIRST);
    await assert.rejects(again, refusal('no_entry', 'ENOENT'));
  },
  putSlot: async (client, found) => {
    const slot = await client.slots.put(found.sandbox, 'chain', { index: 1, program: 'late' });
    assert.deepEqual([slot.index, slot.program, slot.generation], [1, 'late', 1]);
  },
  getSlot: async (client, found) => assert.equal((await client.slots.get(found.sandbox, 'chain', 1)).program, 'late'),
  listSlots: async (client, found) => {
    const { slots, maxEntries } = await client.slots.list(found.sandbox, 'chain', { after: 0, limit: 5 });
    assert.deepEqual([slots, maxEntries], [[{ index: 1, program: 'late' }], 4]);
  },
  clearSlot: async (client, found) => assert.equal((await client.slots.clear(found.sandbox, 'chain', 1)).program, null),
  swapSlots: async (client, found) => {
    const { generation } = await client.slots.swap(found.sandbox, 'chain', { 0: 'late', 2: 'drop', 3: null });
    assert.equal(generation, 3);
    assert.equal((await client.sandboxes.run(found.sandbox, { entry: 'entry', input: PACKET })).returnValue, 3);
  },
  getSandboxGraph: async (client, found) => {
    const { edges } = await client.sandboxes.graph(found.sandbox);
    assert.deepEqual(
      edges.map(({ from, to }) => [from, to]),
      [['entry', ['late']]],
    );
  },
  forkSandbox: async (client, found) => {
    const fork = await client.sandboxes.fork(found.sandbox, { ttl: 60 });
    assert.equal((await client.slots.get(fork.id, 'chain', 0)).program, 'late');
    await client.sandboxes.delete(fork.id);
  },
  snapshotSandbox: async (client, found) => {
    found.snapshot = (await client.sandboxes.snapshot(found.sandbox, { ttl: 60 })).id;
    const restored = await client.sandboxes.create({ snapshot: found.snapshot });
    assert.equal((await client.maps.get(restored.id, 'hits', FIRST)).value.hex, ONE);
  },
  deleteSnapshot: async (client, found) => {
    await client.sandboxes.deleteSnapshot(found.snapshot);
    await assert.rejects(client.sandboxes.create({ snapshot: found.snapshot }), { status: 404 });
  },
  deleteSandbox: async (client, found) => {
    await client.sandboxes.delete(found.sandbox);
    await assert.rejects(client.sandboxes.get(found.sandbox), { status: 404 });
  },
  createShare: async (client, found) => {
    const share = await client.shares.create({ spec: HOP, step: 3, expiresIn: 60 });
    Object.assign(found, { share: share.id, deleteToken: share.deleteToken });
  },
  getShare: async (client, found) => {
    const { spec, step } = await client.shares.get(found.share);
    assert.deepEqual([spec, step], [HOP, '3']);
  },
  deleteShare: async (client, found) => {
    await assert.rejects(client.shares.delete(found.share, 'another'), { status: 403 });
    await client.shares.delete(found.share, found.deleteToken);
    await assert.rejects(client.shares.get(found.share), { status: 404 });
  },
  createTraceTicket: async (client) => assert.match(await client.traceTicket(), /^[A-Za-z0-9_-]{20,}$/),
  openTraceSocket: async (client) => {
    await using trace = client.trace({ spec: HOP });
    let steps = 0;
    for await (const _ of trace) steps += 1;
    assert.deepEqual([steps, (await trace.result).returnValue], [5, 2]);
  },
};

/** Which operation a request is of. */
function operationOf(operations: readonly PlacedOperation[], method: string, url: string): PlacedOperation | undefined {
  const path = url.split('?', 1)[0]!;
  return operations.find(
    (one) => one.method === method && new RegExp(`^${one.path.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`).test(path),
  );
}

interface Seen {
  readonly operation: string;
  readonly status: string;
}

/** What a request was, or what is wrong with it. */
function seenOf(operations: readonly PlacedOperation[], method = '', url = '', status = 0): Seen | { wrong: string } {
  const operation = operationOf(operations, method, url);
  if (operation === undefined) return { wrong: `${method} ${url} is no operation of the document` };
  const { operationId, responses } = operation;
  if (!(String(status) in responses)) return { wrong: `${operationId} answered ${status}, which is not documented` };
  return { operation: operationId, status: String(status) };
}

test('the client walks through every route', { skip: NO_ENGINE }, async (t: TestContext) => {
  const service = await build(t, { worker: null, config: { workers: 2, apiKeys: API_KEYS } });
  const operations = operationsOf(await documentOf(service));
  assert.deepEqual(Object.keys(STEPS).toSorted(), operations.map(({ operationId }) => operationId).toSorted());
  let seen: ReturnType<typeof seenOf>[] = [];
  service.api.server.on('request', ({ method, url }, response) => {
    response.on('finish', () => seen.push(seenOf(operations, method, url, response.statusCode)));
  });
  service.api.server.on('upgrade', ({ method, url }) => seen.push(seenOf(operations, method, url, 101)));
  await service.api.listen({ host: '127.0.0.1', port: 0 });
  const client = new WaggleClient(service.urls().api, { headers: { authorization: keyOf('alice') } });
  const found: Found = { run: '', batch: '', program: '', sandbox: '', snapshot: '', share: '', deleteToken: '' };
  for (const [operation, step] of Object.entries(STEPS)) {
    await t.test(operation, async () => {
      seen = [];
      await step(client, found);
      assert.deepEqual(
        seen.filter((one) => 'wrong' in one),
        [],
      );
      const answered = seen.some((one) => 'status' in one && one.operation === operation && one.status < '300');
      assert.ok(answered, `${operation} was not answered: ${JSON.stringify(seen)}`);
    });
  }
});
