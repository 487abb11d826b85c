import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StepPage, StepRow } from '../../src/contract/step.ts';
import { type RunDescription, runSpec } from '../support/engine-run.ts';
import { replayOf } from '../support/replayed.ts';
import { ALL_RUNS, runBody } from '../support/run-body.ts';
import { type BuiltService, build } from '../support/service.ts';
import { connectTrace } from '../support/trace-client.ts';

/** 3 + 4000 * 3 + 2 steps. */
const LONG: RunDescription = {
  programs: { p: 'r6 = 0\nr1 = 0\nr2 = 0\nl:\nr6 += 1\nr1 += r6\nif r6 < 4000 goto l\nr0 = 2\nexit' },
  verify: 'off',
};
const LONG_STEPS = 3 + 4000 * 3 + 2;

async function get(service: BuiltService, url: string) {
  const { statusCode, body } = await service.api.inject(url);
  return { status: statusCode, body: JSON.parse(body) };
}

test('pages put together are all steps, as the engine tells them', async (t) => {
  const service = await build(t, { worker: null });
  const { rows } = replayOf(runSpec(LONG));
  assert.equal(rows.length, LONG_STEPS);
  const { body } = await service.post(runBody(LONG));
  for (const count of [undefined, 1000, 4096]) {
    const all: StepRow[] = [];
    let next: string | null = '0';
    while (next !== null) {
      const query: string = count === undefined ? '' : `&count=${count}`;
      const page: StepPage = (await get(service, `/v1/runs/${body.id}/steps?from=${next}${query}`)).body;
      assert.equal(page.first, next);
      assert.ok(page.next === null || page.steps.length === (count ?? 512));
      all.push(...page.steps);
      next = page.next;
    }
    assert.deepEqual(all, rows);
  }
});

test('a page of any run is what the engine tells, and so is its state at every third step', async (t) => {
  const service = await build(t, { worker: null });
  let compared = 0;
  for (const [name, description] of ALL_RUNS.filter((_, index) => index % 3 === 0)) {
    const { body } = await service.post(runBody(description));
    if (body.outcome.kind === 'rejected' || body.outcome.code === 'memory_budget') continue;
    const spec = runSpec(description);
    const steps = Number(body.counters.instructions);
    const page = await get(service, `/v1/runs/${body.id}/steps?count=64`);
    assert.deepEqual(page.body.steps, replayOf(spec, 0, Math.min(64, steps)).rows, name);
    const step = Math.floor(steps / 3);
    const state = await get(service, `/v1/runs/${body.id}/state?step=${step}`);
    assert.deepEqual(state.body, replayOf(spec, step, 0).state, name);
    compared += 1;
  }
  assert.ok(compared > 20, `${compared} runs`);
});

test('beyond the end a page is empty, and a state is the final one', async (t) => {
  const service = await build(t, { worker: null });
  const { body } = await service.post(runBody(LONG));
  for (const from of [LONG_STEPS, LONG_STEPS + 1, Number.MAX_SAFE_INTEGER]) {
    const page = await get(service, `/v1/runs/${body.id}/steps?from=${from}`);
    assert.deepEqual(page, { status: 200, body: { first: String(from), steps: [], next: null } });
  }
  const last = await get(service, `/v1/runs/${body.id}/steps?from=${LONG_STEPS - 1}`);
  assert.deepEqual([last.body.steps.length, last.body.steps[0].insn, last.body.next], [1, 'exit', null]);
  const final = await get(service, `/v1/runs/${body.id}/state`);
  assert.deepEqual(
    [final.body.step, final.body.program, final.body.pc, final.body.registers[0]],
    [String(LONG_STEPS), null, null, '0x2'],
  );
  assert.deepEqual(await get(service, `/v1/runs/${body.id}/state?step=${2 ** 53 - 1}`), final);
});

test('a state shows the maps that were asked for, as far as the limit goes', async (t) => {
  const service = await build(t, { worker: null, limits: { maxReturnedMapBytes: 100 } });
  const maps = { small: { maxEntries: 2 }, large: { maxEntries: 20 } };
  const { body } = await service.post(runBody({ programs: { p: 'r0 = 2\nexit' }, maps, returnMaps: [] }));
  const rows = [
    ['?maps=small', 200, ['small']],
    ['?maps=', 200, []],
    ['?maps=small,small', 200, ['small']],
    ['?maps=large', 422, 'limit_exceeded'],
    ['', 422, 'limit_exceeded'],
    ['?maps=small,none', 422, 'bad_reference'],
  ] as const;
  for (const [query, status, expected] of rows) {
    const answer = await get(service, `/v1/runs/${body.id}/state${query}`);
    assert.equal(answer.status, status, query);
    assert.deepEqual(status === 200 ? Object.keys(answer.body.maps) : answer.body.code, expected, query);
    if (expected === 'limit_exceeded') assert.equal(answer.body.limit, 'maxReturnedMapBytes');
  }
});

test('a run that did not begin has no steps, and no state', async (t) => {
  const service = await build(t, { worker: null });
  const { body } = await service.post({
    ...runBody({ programs: { p: 'r0 = 0\nexit\nr0 = 1\nexit' } }),
    detail: 'steps',
  });
  assert.equal(body.outcome.code, 'rejected_verifier');
  assert.deepEqual([body.steps, body.stepsNext], [[], null]);
  const page = await get(service, `/v1/runs/${body.id}/steps`);
  assert.deepEqual(page, { status: 200, body: { first: '0', steps: [], next: null } });
  const state = await get(service, `/v1/runs/${body.id}/state`);
  assert.deepEqual([state.status, state.body.code], [400, 'bad_request']);
  assert.match(state.body.detail, /refused: .*unreachable/);
});

test('detail "steps" adds the first 4,096 steps and the path of the next page', async (t) => {
  const service = await build(t, { worker: null });
  const { rows } = replayOf(runSpec(LONG));
  const long = (await service.post({ ...runBody(LONG), detail: 'steps' })).body;
  assert.deepEqual(long.steps, rows.slice(0, 4096));
  assert.equal(long.stepsNext, `/v1/runs/${long.id}/steps?from=4096&count=4096`);
  const page = await get(service, long.stepsNext ?? '');
  assert.deepEqual([page.status, page.body.steps], [200, rows.slice(4096, 8192)]);
  const short = (await service.post({ ...runBody({ programs: { p: 'r0 = 2\nexit' } }), detail: 'steps' })).body;
  assert.deepEqual([short.steps?.length, short.stepsNext], [2, null]);
  const { steps: _, stepsNext: __, ...result } = short;
  assert.deepEqual((await get(service, `/v1/runs/${short.id}`)).body, result);
  const plain = (await service.post(runBody(LONG))).body;
  assert.equal(plain.runKey, long.runKey);
  assert.ok(!('steps' in plain) && !('stepsNext' in plain));
});

test('a step that cannot be reached in time names the limit', async (t) => {
  const service = await build(t, { worker: null, limits: { maxReplayMs: 1 } });
  const late: RunDescription = {
    programs: { p: 'r1 = 0\nl:\nr1 += 1\nif r1 < 5000000 goto l\nr0 = 2\nexit' },
    verify: 'off',
    budgets: { instructions: 1e9 },
  };
  const { body } = await service.post(runBody(late));
  assert.equal(body.outcome.code, 'exit');
  for (const path of ['state', 'steps?from=9000000']) {
    const answer = await get(service, `/v1/runs/${body.id}/${path}`);
    assert.deepEqual([answer.status, answer.body.code, answer.body.limit], [422, 'limit_exceeded', 'maxReplayMs']);
  }
});

test('a run whose first steps cannot be made now keeps its result, with the path of its steps', async (t) => {
  const service = await build(t, { worker: null, limits: { maxQueueMs: 1500, maxDrainMs: 20, maxInstructions: 1e15 } });
  // Longer than anyone waits in the queue, by both budgets: 1e10 instructions of such a loop may take three seconds.
  const budgets = { instructions: 1e15, wallMs: 60_000 };
  const endless = runBody({ programs: { p: 'l:\ngoto l' }, verify: 'off', budgets });
  // The trace socket tells the id of a run that is running.
  const client = await connectTrace(await service.api.listen({ host: '127.0.0.1', port: 0 }));
  client.say({ type: 'hello' });
  client.say({ type: 'subscribe', id: 's', spec: endless });
  const { run } = await client.wait('started', 's');
  const answer = service.post({ ...runBody({ programs: { p: 'r0 = 2\nexit' } }), detail: 'steps' });
  await service.queued(1);
  // It has the only thread when the short run has ended, and keeps it from that run's steps.
  void service.post(endless);
  await service.queued(2);
  await service.api.inject({ method: 'DELETE', url: `/v1/runs/${run}` });
  const { body } = await answer;
  assert.deepEqual([body.outcome.code, body.steps], ['exit', []]);
  assert.equal(body.stepsNext, `/v1/runs/${body.id}/steps?from=0&count=4096`);
  client.end();
});

/** Copies a value of so many bytes from one map to another, `times` times: the copy is a patch. */
function copies(bytes: number, times: number): RunDescription {
  const program = [
    'r6 = 0',
    '*(u32 *)(r10 - 4) = 0',
    'r2 = r10',
    'r2 += -4',
    'r1 = from ll',
    'call bpf_map_lookup_elem',
    'r7 = r0',
    'l:',
    'r2 = r10',
    'r2 += -4',
    'r1 = to ll',
    'r3 = r7',
    'r4 = 0',
    'call bpf_map_update_elem',
    'r6 += 1',
    `if r6 < ${times} goto l`,
    'r0 = 2',
    'exit',
  ];
  return {
    programs: { p: program.join('\n') },
    maps: { from: { valueSize: bytes }, to: { valueSize: bytes } },
    verify: 'off',
    returnMaps: [],
    budgets: { memoryBytes: 128 * 1024 * 1024 },
  };
}

test('steps that change much end their page early, and the next page goes on', async (t) => {
  const service = await build(t, { worker: null });
  const { body } = await service.post(runBody(copies(1 << 20, 10)));
  assert.equal(body.outcome.code, 'exit');
  const all: StepRow[] = [];
  let pages = 0;
  for (let next: string | null = '0'; next !== null; pages += 1) {
    const page: StepPage = (await get(service, `/v1/runs/${body.id}/steps?from=${next}&count=4096`)).body;
    assert.equal(page.first, next);
    const changed = page.steps.flatMap((row) => row.patches ?? []).length;
    assert.ok(changed <= 8, `${changed} patches of a MiB`);
    all.push(...page.steps);
    next = page.next;
  }
  assert.ok(pages > 2, `${pages} pages`);
  const events = (await service.api.inject(`/v1/runs/${body.id}/events?detail=steps`)).body;
  assert.match(events, /"type":"gap","id":"[^"]+","from":"0",/);
  assert.match((await service.admin.inject('/metrics')).body, /waggle_pool_recycles_total\{reason="worker_lost"\} 0/);
  assert.equal(String(all.length), body.counters.instructions);
  assert.ok(all.every((row, index) => row.step === String(index)));
});

test('a step that alone changes too much is named, and can be stepped over', async (t) => {
  const service = await build(t, { worker: null });
  const { body } = await service.post(runBody(copies(9 << 20, 1)));
  const first = (await get(service, `/v1/runs/${body.id}/steps`)).body;
  const step = Number(first.next);
  const refused = await get(service, `/v1/runs/${body.id}/steps?from=${step}`);
  assert.deepEqual([refused.status, refused.body.code], [422, 'limit_exceeded']);
  assert.match(refused.body.detail, new RegExp(`^step ${step} .* step ${step + 1}$`));
  const rest = (await get(service, `/v1/runs/${body.id}/steps?from=${step + 1}`)).body;
  assert.equal(String(step + 1 + rest.steps.length), body.counters.instructions);
});
