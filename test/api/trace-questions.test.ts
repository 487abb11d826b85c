/** seek, inspect and runTo through the socket: the same as a page of steps, a state, a search through all rows. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunBody } from '../../src/contract/run.ts';
import type { StepRow, StepState } from '../../src/contract/step.ts';
import { MAX_WAITING_QUESTIONS } from '../../src/contract/trace.ts';
import { scripted } from '../support/service.ts';
import type { Heard, TraceClient } from '../support/trace-client.ts';
import { greeted, heardOf, listening } from '../support/trace-service.ts';

/** Two programs that hop to each other, count in an array, update a hash, and read the packet. */
const COUNT =
  'r6 = r1\n*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\nr1 = hits ll\ncall bpf_map_lookup_elem\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\nr1 += 1\n*(u64 *)(r0 + 0) = r1\n';
const PROGRAM = (slot: number) =>
  `${COUNT}r1 = r6\nr2 = chain ll\nr3 = ${slot}\ncall bpf_tail_call\nout:\nr0 = 2\nexit`;

const SPEC: RunBody = {
  programs: [
    { name: 'ping', type: 'xdp', asm: PROGRAM(1) },
    { name: 'pong', type: 'xdp', asm: PROGRAM(0) },
  ],
  maps: [
    { name: 'chain', type: 'prog_array', maxEntries: 2, slots: { '0': 'ping', '1': 'pong' } },
    { name: 'hits', type: 'array', keySize: 4, valueSize: 8, maxEntries: 1 },
  ],
  entry: 'ping',
  input: { packet: { hex: '00112233445566778899aabbccddeeff' } },
};

/** Says a question and waits for its answer, which is the next message of the subscription. */
async function asked(client: TraceClient, question: Record<string, unknown>) {
  const before = heardOf(client, 'a').length;
  client.say({ id: 'a', ...question });
  while (heardOf(client, 'a').length === before) await client.next();
  return heardOf(client, 'a')[before]!;
}

test('seek, inspect and runTo give what REST and a search through the rows give', async (t) => {
  const { url, api } = await listening(t, { worker: null, limits: { maxTraceMessageBurst: 1000 } });
  const client = await greeted(url);
  client.say({ type: 'subscribe', id: 'a', spec: SPEC, detail: 'chain' });
  await client.wait('end', 'a');
  const { result } = await client.wait('result', 'a');
  assert.equal(result.outcome.code, 'exit');
  const rows: StepRow[] = (await api.inject(`/v1/runs/${result.id}/steps?count=4096`)).json().steps;
  assert.equal(rows.length, Number(result.counters.instructions));
  const stateAt = async (step: number): Promise<StepState> =>
    (await api.inject(`/v1/runs/${result.id}/state?step=${step}`)).json();

  for (const [step, count] of [
    [0, 3],
    [100, 50],
    [rows.length - 1, 10],
    [rows.length, 5],
    [rows.length + 1000, 0],
  ] as const) {
    const { maps, ...state } = await stateAt(step);
    assert.ok('hits' in maps);
    const answer = await asked(client, { type: 'seek', step, count });
    const next = step + count < rows.length ? String(step + count) : null;
    assert.deepEqual(
      answer,
      { type: 'state', id: 'a', rows: rows.slice(step, step + count), next, ...state },
      `seek ${step}`,
    );
    // Parts of the same state.
    const little = Buffer.concat(
      state.registers.map((register) => {
        const bytes = Buffer.alloc(8);
        bytes.writeBigUInt64LE(BigInt(register));
        return bytes;
      }),
    ).toString('hex');
    const { start: low, hex: stack } = state.stack;
    const packet = state.packet!.hex;
    const inspections = [
      [{ what: 'registers' }, { start: 0, bytes: little }],
      [
        { what: 'registers', start: 8, count: 8 },
        { start: 8, bytes: little.slice(16, 32) },
      ],
      [{ what: 'stack' }, { start: low, bytes: stack }],
      [
        { what: 'stack', start: -4, count: 4 },
        { start: -4, bytes: stack.slice(-8) },
      ],
      [
        { what: 'packet', start: 14 },
        { start: 14, bytes: packet.slice(28) },
      ],
      [
        { what: 'packet', start: -5, count: 2 },
        { start: 0, bytes: packet.slice(0, 4) },
      ],
      [
        { what: 'packet', start: 1000 },
        { start: 16, bytes: '' },
      ],
      [
        { what: 'ctx', count: 0 },
        { start: 0, bytes: '' },
      ],
      [{ what: 'map:hits' }, { start: 0, entries: maps.hits }],
      [
        { what: 'map:hits', start: 1 },
        { start: 1, entries: [] },
      ],
    ] as const;
    for (const [fields, expected] of inspections) {
      const inspected = await asked(client, { type: 'inspect', step, ...fields });
      assert.deepEqual(inspected, { type: 'inspected', id: 'a', step: state.step, what: fields.what, ...expected });
    }
  }

  const isTailCall = ({ call }: StepRow) => call?.helper.endsWith('tail_call') === true;
  const conditions = [
    [{ tailCall: true }, (row: StepRow) => isTailCall(row) && row.call?.result !== null],
    [{ tailCall: 'miss' }, (row: StepRow) => isTailCall(row) && row.call?.result === null],
    [{ mapWrite: 'hits' }, ({ mem }: StepRow) => mem?.region === 'hits'],
    [{ program: 'pong', pc: 0 }, ({ program, pc }: StepRow) => program === 1 && pc === 0],
    [{ program: 'pong', pc: 4000 }, () => false],
  ] as const;
  for (const [until, holds] of conditions) {
    for (const from of [0, 1, 60, rows.length - 1, rows.length + 7]) {
      for (const direction of ['forward', 'back'] as const) {
        const found = rows.filter(
          (row) => holds(row) && (direction === 'forward' ? Number(row.step) >= from : Number(row.step) <= from),
        );
        const step = (direction === 'forward' ? found[0] : found.at(-1))?.step ?? null;
        const answer = await asked(client, { type: 'runTo', from, until, direction });
        assert.deepEqual(answer, { type: 'found', id: 'a', step }, `${JSON.stringify(until)} ${direction} ${from}`);
      }
    }
  }

  for (const [question, pointer] of [
    [{ type: 'inspect', step: 0, what: 'map:nothing' }, '/what'],
    [{ type: 'runTo', from: 0, until: { mapWrite: 'nothing' } }, '/until/mapWrite'],
    [{ type: 'runTo', from: 0, until: { program: 'nothing', pc: 0 } }, '/until/program'],
  ] as const) {
    const answer = await asked(client, question);
    assert.ok(answer.type === 'error', JSON.stringify(answer));
    assert.deepEqual([answer.problem.code, answer.problem.errors?.[0]?.pointer], ['bad_reference', pointer]);
  }
  client.end();
});

/** A helper that copies a large value each time. */
const COPIES: RunBody = {
  programs: [
    {
      name: 'copies',
      type: 'raw',
      asm: 'r9 = 20\nagain:\n*(u32 *)(r10 - 4) = 0\nr1 = from ll\nr2 = r10\nr2 += -4\ncall bpf_map_lookup_elem\nif r0 == 0 goto out\nr3 = r0\n*(u32 *)(r10 - 8) = 1\nr1 = to ll\nr2 = r10\nr2 += -8\nr4 = 0\ncall bpf_map_update_elem\nr9 += -1\nif r9 != 0 goto again\nout:\nr0 = 2\nexit',
    },
  ],
  maps: [
    { name: 'from', type: 'array', keySize: 4, valueSize: 1_000_000, maxEntries: 1 },
    { name: 'to', type: 'hash', keySize: 4, valueSize: 1_000_000, maxEntries: 2 },
  ],
  entry: 'copies',
  budgets: { memoryBytes: 268_435_456, wallMs: 20_000 },
};

test('a window that its patches end early says where to go on, and all rows come so', async (t) => {
  const { url } = await listening(t, { worker: null });
  const client = await greeted(url);
  client.say({ type: 'subscribe', id: 'a', spec: COPIES, detail: 'chain' });
  const { result } = await client.wait('result', 'a');
  await client.wait('end', 'a');
  const steps: number[] = [];
  let windows = 0;
  for (let next: string | null = '0'; next !== null; windows += 1) {
    const answer: Heard = await asked(client, { type: 'seek', step: next, count: 4096 });
    assert.ok(answer.type === 'state', JSON.stringify(answer).slice(0, 500));
    steps.push(...answer.rows.map(({ step }) => Number(step)));
    next = answer.next;
  }
  assert.ok(windows > 1, `${windows} windows`);
  assert.deepEqual(
    steps,
    Array.from({ length: Number(result.counters.instructions) }, (_, step) => step),
  );
  client.end();
});

test('a question waits for the end of its run, and answers come in the order of the questions', async (t) => {
  const { url } = await listening(t);
  const client = await greeted(url);
  client.say({ type: 'subscribe', id: 'a', spec: scripted('replay.slow') });
  client.say({ type: 'seek', id: 'a', step: 5, count: 1 });
  client.say({ type: 'inspect', id: 'a', step: 6, what: 'stack' });
  client.say({ type: 'runTo', id: 'a', from: 7, until: { tailCall: true } });
  await client.wait('found', 'a');
  const kinds = heardOf(client, 'a').map(({ type }) => type);
  assert.deepEqual(
    kinds.filter((kind) => ['result', 'state', 'inspected', 'found'].includes(kind)),
    ['result', 'state', 'inspected', 'found'],
  );
  client.end();
});

/** Runs without a step, and why. */
const STEPLESS = [
  ['rejected_verifier', 'bad_request', /has no steps/],
  ['problem.bad_elf', 'bad_elf', /scripted/],
] as const;

test('a run that did not begin has no states: a problem says why', async (t) => {
  const { url } = await listening(t);
  const client = await greeted(url);
  for (const [entry, code, text] of STEPLESS) {
    client.say({ type: 'subscribe', id: 'a', spec: scripted(entry) });
    await client.wait('end', 'a');
    for (const question of [
      { type: 'seek', step: 0 },
      { type: 'inspect', step: 0, what: 'stack' },
      { type: 'runTo', from: 0, until: { tailCall: true } },
    ]) {
      const answer = await asked(client, question);
      assert.ok(answer.type === 'error', JSON.stringify(answer));
      assert.equal(answer.problem.code, code);
      assert.match(answer.problem.detail, text);
    }
    client.heard.length = 0;
  }
  client.end();
});

test('a run that has left is gone for questions, and the socket lives on', async (t) => {
  const { url } = await listening(t, { limits: { maxReplayBytes: 1 } });
  const client = await greeted(url);
  client.say({ type: 'subscribe', id: 'a', spec: scripted('again') });
  await client.wait('end', 'a');
  const answer = await asked(client, { type: 'seek', step: 0 });
  assert.equal(answer.type === 'error' && answer.problem.code, 'trace_gone');
  client.say({ type: 'ping' });
  await client.wait('pong');
  client.end();
});

test('so many questions may wait; the oldest ended subscription is forgotten', async (t) => {
  const limits = { maxTraceMessageBurst: 1000, maxTraceSubscriptions: 1 };
  const { url } = await listening(t, { limits });
  const client = await greeted(url);
  client.say({ type: 'subscribe', id: 'a', spec: scripted('replay.slow') });
  for (let n = 0; n <= MAX_WAITING_QUESTIONS; n += 1) client.say({ type: 'seek', id: 'a', step: n });
  assert.equal((await client.wait('error', 'a')).problem.code, 'limit_exceeded');
  const states = () => heardOf(client, 'a').filter(({ type }) => type === 'state').length;
  while (states() < MAX_WAITING_QUESTIONS) await client.next();
  client.say({ type: 'subscribe', id: 'b', spec: scripted('again') });
  await client.wait('end', 'b');
  client.heard.length = 0;
  client.say({ type: 'seek', id: 'a', step: 0 });
  assert.equal((await client.wait('error', 'a')).problem.code, 'not_found');
  client.say({ type: 'seek', id: 'b', step: 0 });
  await client.wait('state', 'b');
  client.end();
});
