/** /v1/sandboxes: programs, maps and slots that last from run to run. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { CHAIN, PACKET, type Reply, type SandboxService, sandboxService } from '../support/sandbox-service.ts';

const RUN = { entry: 'entry', input: PACKET };

async function run(service: SandboxService, path: string, changes: object = {}): Promise<Reply['body']> {
  const { status, body } = await service.ask('POST', `${path}/runs`, { ...RUN, ...changes });
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

const hits = async (service: SandboxService, path: string) =>
  (await service.ask('GET', `${path}/maps/hits/entries`)).body.entries.map((one: { value: { hex: string } }) =>
    Buffer.from(one.value.hex, 'hex').readUInt32LE(0),
  );

test('maps keep what runs leave in them, and slots lead where they were last aimed', async (t) => {
  const service = await sandboxService(t);
  const path = await service.make(CHAIN);
  const first = await run(service, path);
  assert.deepEqual([first.outcome.code, first.returnValue, first.chain[0].generation], ['exit', 2, 0]);
  assert.equal((await run(service, path)).returnValue, 2);
  assert.deepEqual(await hits(service, path), [2, 0]);

  const put = await service.ask('PUT', `${path}/maps/chain/slots/0`, { program: 'drop' });
  assert.deepEqual([put.status, put.body], [200, { index: 0, program: 'drop', generation: 1 }]);
  const third = await run(service, path);
  assert.deepEqual([third.returnValue, third.chain[0].generation, third.chain[0].to], [1, 1, 'drop']);
  assert.deepEqual(await hits(service, path), [2, 1]);

  const emptied = await service.ask('DELETE', `${path}/maps/chain/slots/0`);
  assert.deepEqual(emptied.body, { index: 0, program: null, generation: 2 });
  const fourth = await run(service, path);
  assert.deepEqual([fourth.returnValue, fourth.chain[0].miss, fourth.chain[0].generation], [0, 'empty', 2]);

  const { body } = await service.ask('GET', path);
  assert.deepEqual([body.runs, body.state, body.restores], [4, 'idle', 0]);
  assert.deepEqual(
    body.programs.map((one: { name: string }) => one.name),
    ['entry', 'pass', 'drop'],
  );
});

test('the steps and states of a run on a sandbox are those of its own starting state', async (t) => {
  const service = await sandboxService(t);
  const path = await service.make(CHAIN);
  await run(service, path);
  const second = await run(service, path, { return: { maps: ['hits'] }, detail: 'steps' });
  await run(service, path);
  await service.ask('PUT', `${path}/maps/chain/slots/0`, { program: 'drop' });
  await run(service, path);
  const steps = await service.ask('GET', `/v1/runs/${second.id}/steps`);
  assert.deepEqual(steps.body.steps, second.steps);
  assert.equal(String(second.steps.length), second.counters.instructions);
  const state = await service.ask('GET', `/v1/runs/${second.id}/state?step=${second.counters.instructions}`);
  assert.deepEqual(
    state.body.maps.hits.map((one: { value: object }) => one.value),
    second.output.maps.hits.map((one: { value: object }) => one.value),
  );
  assert.equal(second.output.maps.hits[0].value.hex, '0200000000000000');
});

test('a run that is answered at once stands under its id', async (t) => {
  const service = await sandboxService(t);
  const path = await service.make(CHAIN);
  const accepted = await service.ask('POST', `${path}/runs`, RUN, { prefer: 'respond-async' });
  assert.deepEqual([accepted.status, accepted.body.state], [202, 'running']);
  const location = String(accepted.headers.location);
  const ended = await service.ask('GET', `${location}?wait=10s`);
  assert.deepEqual([ended.status, ended.body.outcome.code, ended.body.returnValue], [200, 'exit', 2]);
  assert.deepEqual(await hits(service, path), [1, 0]);
});

/** Method, path behind the sandbox, body; status, code or null, errno or null. In order, on one sandbox. */
const MAP_COMMANDS: readonly (readonly [string, string, unknown, number, string | null, string | null])[] = [
  ['PUT', 'maps/hits/entries/00000000', { value: { hex: '0500000000000000' } }, 200, null, null],
  ['PUT', 'maps/hits/entries/00000000?mode=exist', { value: { hex: '0600000000000000' } }, 200, null, null],
  ['PUT', 'maps/hits/entries/00000000?mode=noexist', { value: { hex: '00'.repeat(8) } }, 409, 'entry_exists', 'EEXIST'],
  ['PUT', 'maps/hits/entries/02000000', { value: { hex: '00'.repeat(8) } }, 422, 'map_refused', 'E2BIG'],
  ['GET', 'maps/hits/entries/02000000', undefined, 404, 'no_entry', 'ENOENT'],
  ['DELETE', 'maps/hits/entries/00000000', undefined, 422, 'map_refused', 'EINVAL'],
  ['GET', 'maps/hits/entries/00', undefined, 400, 'bad_request', null],
  ['GET', 'maps/hits/entries/zz000000', undefined, 400, 'bad_request', null],
  ['PUT', 'maps/hits/entries/00000000', { value: { hex: '00' } }, 422, 'bad_bytes', null],
  ['PUT', 'maps/hits/entries/00000000?mode=maybe', { value: { hex: '00'.repeat(8) } }, 400, 'bad_request', null],
  ['GET', 'maps/flows/entries/01000000', undefined, 404, 'no_entry', 'ENOENT'],
  ['PUT', 'maps/flows/entries/01000000?mode=exist', { value: { hex: '0a000000' } }, 404, 'no_entry', 'ENOENT'],
  ['PUT', 'maps/flows/entries/01000000?mode=noexist', { value: { hex: '0a000000' } }, 200, null, null],
  ['PUT', 'maps/flows/entries/01000000', { value: { hex: '0b000000' } }, 200, null, null],
  ['PUT', 'maps/flows/entries/02000000', { value: { hex: '0c000000' } }, 200, null, null],
  ['PUT', 'maps/flows/entries/03000000', { value: { hex: '0d000000' } }, 200, null, null],
  ['PUT', 'maps/flows/entries/04000000', { value: { hex: '0e000000' } }, 422, 'map_refused', 'E2BIG'],
  ['DELETE', 'maps/flows/entries/02000000', undefined, 204, null, null],
  ['DELETE', 'maps/flows/entries/02000000', undefined, 404, 'no_entry', 'ENOENT'],
  ['GET', 'maps/chain/entries', undefined, 422, 'map_refused', null],
  ['GET', 'maps/none/entries', undefined, 404, 'not_found', null],
  ['GET', 'maps/hits/slots', undefined, 422, 'map_refused', null],
  ['PUT', 'maps/chain/slots/4', { program: 'pass' }, 422, 'map_refused', 'E2BIG'],
  ['PUT', 'maps/chain/slots/0?mode=noexist', { program: 'pass' }, 422, 'map_refused', 'EINVAL'],
  ['PUT', 'maps/chain/slots/0', { program: 'nobody' }, 422, 'bad_reference', null],
  ['PUT', 'maps/chain/slots/x', { program: 'pass' }, 400, 'bad_request', null],
  ['PUT', 'maps/chain/slots/4294967296', { program: 'pass' }, 400, 'bad_request', null],
  ['GET', 'maps/chain/slots/3', undefined, 404, 'no_entry', 'ENOENT'],
  ['GET', 'maps/chain/slots/9', undefined, 404, 'no_entry', 'ENOENT'],
  ['DELETE', 'maps/chain/slots/3', undefined, 404, 'no_entry', 'ENOENT'],
  ['DELETE', 'maps/chain/slots/9', undefined, 422, 'map_refused', 'E2BIG'],
  ['POST', 'maps/chain/slots/swap', { slots: { '0': 'drop', '9': 'pass' } }, 422, 'map_refused', 'E2BIG'],
  ['POST', 'maps/chain/slots/swap', { slots: {} }, 400, 'schema_violation', null],
];

test('map commands answer with the errno of Linux', async (t) => {
  const service = await sandboxService(t);
  const path = await service.make(CHAIN);
  for (const [method, rest, body, status, code, errno] of MAP_COMMANDS) {
    const answer = await service.ask(method, `${path}/${rest}`, body);
    const got = [answer.status, answer.body?.code ?? null, answer.body?.errno ?? null];
    assert.deepEqual(got, [status, code, errno], `${method} ${rest}: ${JSON.stringify(answer.body)}`);
  }
  const flows = await service.ask('GET', `${path}/maps/flows/entries`);
  assert.deepEqual(flows.body, {
    entries: [
      { key: { hex: '01000000' }, value: { hex: '0b000000' } },
      { key: { hex: '03000000' }, value: { hex: '0d000000' } },
    ],
    next: null,
  });
  const page = await service.ask('GET', `${path}/maps/flows/entries?limit=1`);
  assert.deepEqual([page.body.entries.length, page.body.next], [1, '01000000']);
  const rest = await service.ask('GET', `${path}/maps/flows/entries?limit=1&after=01000000`);
  assert.deepEqual([rest.body.entries[0].key.hex, rest.body.next], ['03000000', null]);
  // The refused swap has changed nothing.
  const { body } = await service.ask('GET', `${path}/maps/chain/slots`);
  assert.deepEqual([body.slots, body.generation], [[{ index: 0, program: 'pass' }], 0]);
  assert.deepEqual(body.owner, { type: 'xdp', attachType: 'xdp', xdpHasFrags: false });
});

test('frozen, read-only and write-only maps', async (t) => {
  const service = await sandboxService(t);
  const map = { type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 };
  const path = await service.make({
    programs: [{ name: 'entry', type: 'xdp', asm: 'r0 = 2\nexit' }],
    maps: [
      { ...map, name: 'frozen', frozen: true, entries: [{ key: { hex: '00000000' }, value: { hex: '07000000' } }] },
      { ...map, name: 'rdonly', flags: ['rdonly'] },
      { ...map, name: 'wronly', flags: ['wronly'] },
      { name: 'slots', type: 'prog_array', maxEntries: 1, flags: ['rdonly'] },
    ],
  });
  const rows = [
    ['GET', 'frozen', 200],
    ['PUT', 'frozen', 403],
    ['GET', 'rdonly', 200],
    ['PUT', 'rdonly', 403],
    ['GET', 'wronly', 403],
    ['PUT', 'wronly', 200],
  ] as const;
  for (const [method, name, status] of rows) {
    const body = method === 'PUT' ? { value: { hex: '01000000' } } : undefined;
    const answer = await service.ask(method, `${path}/maps/${name}/entries/00000000`, body);
    assert.equal(answer.status, status, `${method} ${name}: ${JSON.stringify(answer.body)}`);
    if (status === 403) assert.deepEqual([answer.body.code, answer.body.errno], ['not_permitted', 'EPERM']);
  }
  const slot = await service.ask('PUT', `${path}/maps/slots/slots/0`, { program: 'entry' });
  assert.deepEqual([slot.status, slot.body.errno], [403, 'EPERM']);
});

test('an array stays with its owner, in copies too, when the program that bound it has left', async (t) => {
  const service = await sandboxService(t);
  const path = await service.make({
    programs: [
      { name: 'first', type: 'xdp', asm: 'r0 = 2\nexit' },
      { name: 'other', type: 'sched_cls', asm: 'r0 = 0\nexit' },
    ],
    maps: [{ name: 'free', type: 'prog_array', maxEntries: 1 }],
  });
  const slot = 'maps/free/slots/0';
  assert.equal((await service.ask('GET', `${path}/maps/free/slots`)).body.owner, null);
  assert.equal((await service.ask('PUT', `${path}/${slot}`, { program: 'first' })).status, 200);
  assert.equal((await service.ask('DELETE', `${path}/${slot}`)).status, 200);
  const fork = String((await service.ask('POST', `${path}/fork`, {})).headers.location);
  const { id } = (await service.ask('POST', `${path}/snapshot`, {})).body;
  for (const copy of [path, fork, await service.make({ snapshot: id })]) {
    const put = await service.ask('PUT', `${copy}/${slot}`, { program: 'other' });
    assert.deepEqual([put.status, put.body.errno], [422, 'EINVAL'], copy);
  }
});

test('a program of another kind does not go into an array that has an owner', async (t) => {
  const service = await sandboxService(t);
  const path = await service.make(CHAIN);
  const tc = { name: 'tc', type: 'sched_cls', asm: 'r0 = 0\nexit' };
  assert.equal((await service.ask('POST', `${path}/programs`, tc)).status, 201);
  const put = await service.ask('PUT', `${path}/maps/chain/slots/1`, { program: 'tc' });
  assert.deepEqual([put.status, put.body.code, put.body.errno], [422, 'map_refused', 'EINVAL']);
  const loader = { ...tc, name: 'other', asm: 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit' };
  const refused = await service.ask('POST', `${path}/programs`, loader);
  assert.deepEqual([refused.status, refused.body.code, refused.body.errno], [422, 'load_rejected', 'EINVAL']);
  assert.equal(refused.body.rejection.rule, 'prog_array_owner');
});

/** Body; status, code, and what the detail says. */
const BAD_SANDBOXES = [
  [{ programs: [{ name: 'p', type: 'xdp', asm: 'r0 = r1\nexit\nexit' }] }, 422, 'load_rejected', /unreachable/],
  [{ programs: [{ name: 'p', type: 'xdp', asm: 'nonsense' }] }, 422, 'bad_assembly', /line 1/],
  [
    { maps: [{ name: 'm', type: 'array', keySize: 4, valueSize: 8, maxEntries: 0 }] },
    422,
    'load_rejected',
    /max_entries/,
  ],
  [
    { maps: [{ name: 'm', type: 'array', valueSize: 8, maxEntries: 2 ** 24 }] },
    422,
    'limit_exceeded',
    /maxSandboxBytes/,
  ],
  [{ ttl: 10 ** 9 }, 422, 'limit_exceeded', /maxSandboxTtl/],
  [{ snapshot: 'x' }, 404, 'not_found', /snapshot/],
  [{ snapshot: 'x', maps: [] }, 400, 'schema_violation', /beside a snapshot/],
  [{ programms: [] }, 400, 'schema_violation', /programms/],
] as const;

test('what cannot be a sandbox is refused with a reason', async (t) => {
  const service = await sandboxService(t);
  for (const [body, status, code, detail] of BAD_SANDBOXES) {
    const answer = await service.ask('POST', '/v1/sandboxes', body);
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(answer.body));
    assert.match(answer.body.detail, detail);
  }
  const path = await service.make({ ...CHAIN, ttl: 60 });
  for (const [rest, body, code] of [
    ['programs', { name: 'pass', type: 'xdp', asm: 'r0 = 2\nexit' }, 'bad_reference'],
    ['programs', { name: 'new', type: 'xdp', asm: 'r1 = nowhere ll\nexit' }, 'bad_assembly'],
    ['programs', { name: 'new', type: 'xdp', asm: 'r0 = 1' }, 'load_rejected'],
    ['runs', { entry: 'nobody' }, 'bad_reference'],
    ['runs', { entry: 'entry', return: { maps: ['nothing'] } }, 'bad_reference'],
  ] as const) {
    const answer = await service.ask('POST', `${path}/${rest}`, body);
    assert.equal(answer.body.code, code, JSON.stringify(answer.body));
  }
});

test('forks and snapshots go their own ways', async (t) => {
  const service = await sandboxService(t);
  const path = await service.make(CHAIN);
  await run(service, path);
  const fork = await service.ask('POST', `${path}/fork`, { ttl: 60 });
  assert.equal(fork.status, 201);
  const forked = String(fork.headers.location);
  const snapshot = await service.ask('POST', `${path}/snapshot`, {});
  assert.equal(snapshot.status, 201);
  await run(service, path);
  await service.ask('PUT', `${path}/maps/chain/slots/0`, { program: 'drop' });
  assert.deepEqual(
    [await hits(service, path), await hits(service, forked)],
    [
      [2, 0],
      [1, 0],
    ],
  );
  assert.equal((await run(service, forked)).returnValue, 2);
  assert.equal((await service.ask('DELETE', path)).status, 204);
  assert.equal((await service.ask('GET', path)).status, 404);
  const restored = await service.make({ snapshot: snapshot.body.id });
  assert.deepEqual(await hits(service, restored), [1, 0]);
  assert.equal((await run(service, restored)).returnValue, 2);
  assert.equal((await service.ask('DELETE', `/v1/snapshots/${snapshot.body.id}`)).status, 204);
  assert.equal((await service.ask('DELETE', `/v1/snapshots/${snapshot.body.id}`)).status, 404);
  assert.equal((await service.ask('POST', '/v1/sandboxes', { snapshot: snapshot.body.id })).status, 404);
});

test('the graph shows possible calls, dead slots and what nothing reaches', async (t) => {
  const service = await sandboxService(t);
  const path = await service.make({
    programs: [
      { name: 'entry', type: 'xdp', asm: 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit' },
      {
        name: 'any',
        type: 'xdp',
        asm: 'r3 = *(u32 *)(r1 + 12)\nr2 = jumps ll\ncall bpf_tail_call\nr0 = 0\nexit',
      },
      { name: 'leaf', type: 'xdp', asm: 'r0 = 2\nexit' },
      { name: 'lost', type: 'xdp', asm: 'r0 = 2\nexit' },
    ],
    maps: [
      { name: 'chain', type: 'prog_array', maxEntries: 4, slots: { '0': 'any', '2': 'lost' } },
      { name: 'jumps', type: 'prog_array', maxEntries: 4, slots: { '1': 'leaf', '3': 'any' } },
    ],
  });
  const { body } = await service.ask('GET', `${path}/graph`);
  assert.deepEqual(body.edges, [
    { from: 'entry', pc: 3, map: 'chain', index: 0, to: ['any'] },
    { from: 'any', pc: 3, map: 'jumps', index: null, to: ['leaf', 'any'] },
  ]);
  assert.deepEqual(
    body.slots.map((slot: { map: string; index: number; dead: boolean }) => [slot.map, slot.index, slot.dead]),
    [
      ['chain', 0, false],
      ['chain', 2, true],
      ['jumps', 1, false],
      ['jumps', 3, false],
    ],
  );
  assert.deepEqual(body.unreachable, ['entry', 'lost']);
});

test('PATCH moves the end, DELETE cancels what runs', async (t) => {
  const service = await sandboxService(t);
  const path = await service.make({
    ...CHAIN,
    programs: [...CHAIN.programs!, { name: 'endless', type: 'xdp', asm: 'l:\ngoto l' }],
    verify: 'off',
    ttl: 30,
  });
  const before = Date.parse((await service.ask('GET', path)).body.expiresAt);
  const patched = await service.ask('PATCH', path, { ttl: 600 });
  assert.ok(Date.parse(patched.body.expiresAt) > before + 500_000);
  const running = service.ask('POST', `${path}/runs`, {
    entry: 'endless',
    input: PACKET,
    budgets: { instructions: 1e10, wallMs: 60_000 },
  });
  await service.busy(1);
  const waiting = service.ask('POST', `${path}/runs`, RUN);
  while ((await service.ask('GET', path)).body.queued < 2) await immediate();
  assert.equal((await service.ask('DELETE', path)).status, 204);
  const cancelled = await running;
  assert.equal(cancelled.body.outcome?.code, 'cancelled', JSON.stringify(cancelled.body));
  assert.equal((await waiting).body.outcome.code, 'cancelled');
  for (const [method, rest] of [
    ['GET', ''],
    ['DELETE', ''],
    ['GET', '/maps'],
    ['GET', '/graph'],
  ] as const) {
    assert.equal((await service.ask(method, path + rest)).status, 404);
  }
});

const ENDLESS = {
  entry: 'endless',
  input: PACKET,
  budgets: { instructions: 1e10, wallMs: 60_000 },
};

test('what waits for its turn when a sandbox ends hears that it is gone', async (t) => {
  const service = await sandboxService(t);
  const endless = { name: 'endless', type: 'xdp', asm: 'l:\ngoto l' };
  const path = await service.make({ ...CHAIN, programs: [...CHAIN.programs!, endless], verify: 'off' });
  void service.ask('POST', `${path}/runs`, ENDLESS);
  await service.busy(1);
  const waiting = [
    service.ask('PUT', `${path}/maps/hits/entries/00000000`, { value: { hex: '0100000000000000' } }),
    service.ask('POST', `${path}/fork`, {}),
    service.ask('POST', `${path}/snapshot`, {}),
  ];
  while ((await service.ask('GET', path)).body.queued < 4) await immediate();
  assert.equal((await service.ask('DELETE', path)).status, 204);
  for (const answer of await Promise.all(waiting)) {
    assert.deepEqual([answer.status, answer.body.code], [404, 'not_found'], JSON.stringify(answer.body));
  }
});

/** Statuses, the lowest first. */
const inOrder = (replies: readonly Reply[]): number[] =>
  replies.map(({ status }) => status).sort((one, other) => one - other);

test('many copies at a time do not pass the limits together', async (t) => {
  const service = await sandboxService(t, { limits: { maxSandboxes: 3, maxSnapshots: 2 } });
  const path = await service.make(CHAIN);
  const forks = await Promise.all(Array.from({ length: 6 }, () => service.ask('POST', `${path}/fork`, {})));
  assert.deepEqual(inOrder(forks), [201, 201, 429, 429, 429, 429]);
  const snapshots = await Promise.all(Array.from({ length: 4 }, () => service.ask('POST', `${path}/snapshot`, {})));
  assert.deepEqual(inOrder(snapshots), [201, 201, 429, 429]);
  assert.equal(snapshots.find(({ status }) => status === 429)?.body.limit, 'maxSnapshots');
  const { id } = snapshots.find(({ status }) => status === 201)!.body;
  assert.equal((await service.ask('DELETE', `/v1/snapshots/${id}`)).status, 204);
  assert.equal((await service.ask('POST', `${path}/snapshot`, {})).status, 201);
});

test('an asynchronous run that is refused says why under its id; it takes no Idempotency-Key', async (t) => {
  const service = await sandboxService(t);
  const path = await service.make(CHAIN);
  const accepted = await service.ask('POST', `${path}/runs`, { entry: 'nobody' }, { prefer: 'respond-async' });
  assert.equal(accepted.status, 202);
  const ended = await service.ask('GET', `${String(accepted.headers.location)}?wait=10s`);
  assert.deepEqual([ended.status, ended.body.code], [422, 'bad_reference']);
  assert.equal((await service.ask('GET', path)).body.runs, 0);
  const keyed = await service.ask('POST', `${path}/runs`, RUN, { 'idempotency-key': 'one' });
  assert.deepEqual([keyed.status, keyed.body.code], [400, 'bad_request']);
});

test('a refused change of a slot says why, and a stored one leaves a line in the log', async (t) => {
  const service = await sandboxService(t);
  const path = await service.make(CHAIN);
  for (const [method, slot, body, why] of [
    ['DELETE', '9', undefined, /delete of slot 9 of 'chain': Linux answers E2BIG, the index is past the end\.$/],
    ['DELETE', '3', undefined, /Linux answers ENOENT, the slot is empty\.$/],
    ['PUT', '0?mode=exist', { program: 'pass' }, /Linux answers EINVAL, a prog_array takes no mode but any\.$/],
  ] as const) {
    assert.match((await service.ask(method, `${path}/maps/chain/slots/${slot}`, body)).body.detail, why);
  }
  assert.equal((await service.ask('DELETE', `${path}/maps/chain/slots/0`)).status, 200);
  const told = service.lines.filter(({ msg }) => msg === 'slots changed');
  assert.deepEqual(
    told.map(({ map, slots, generation }) => [map, slots, generation]),
    [[0, 1, 1]],
  );
});

test('emptying empty slots is no change; a write-only array shows no slots; pointers are of the body that was sent', async (t) => {
  const service = await sandboxService(t);
  const path = await service.make({
    ...CHAIN,
    maps: [...CHAIN.maps!, { name: 'blind', type: 'prog_array', maxEntries: 1, flags: ['wronly'] }],
  });
  const swap = await service.ask('POST', `${path}/maps/chain/slots/swap`, { slots: { '2': null, '3': null } });
  assert.deepEqual([swap.status, swap.body.generation], [200, 0]);
  const blind = await service.ask('GET', `${path}/maps/blind/slots`);
  assert.deepEqual([blind.status, blind.body.errno], [403, 'EPERM']);
  const id = `sha256:${'0'.repeat(64)}`;
  const unknown = await service.ask('POST', `${path}/programs`, { name: 'new', id });
  assert.deepEqual([unknown.body.code, unknown.body.errors[0].pointer], ['bad_reference', '/id']);
  assert.match(unknown.body.detail, /^\/id: /);
});

test('a graph with too many rows is refused; one with as many as may be is quick', async (t) => {
  const calls = Array.from({ length: 2_000 }, () => 'r1 = r6\nr2 = chain ll\nr3 = 0\ncall bpf_tail_call').join('\n');
  const slots = Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [String(index), 'entry']));
  const body = {
    programs: [{ name: 'entry', type: 'xdp', asm: `r6 = r1\n${calls}\nr0 = 0\nexit` }],
    maps: [{ name: 'chain', type: 'prog_array', maxEntries: 3_000, slots }],
  };
  const few = await sandboxService(t, { limits: { maxGraphRows: 4_999 } });
  const refused = await few.ask('GET', `${await few.make(body)}/graph`);
  assert.deepEqual([refused.status, refused.body.limit], [422, 'maxGraphRows']);
  const enough = await sandboxService(t, { limits: { maxGraphRows: 5_000 } });
  const graph = await enough.ask('GET', `${await enough.make(body)}/graph`);
  assert.deepEqual(
    [graph.body.edges.length, graph.body.slots.length, graph.body.unreachable],
    [2_000, 3_000, ['entry']],
  );
  assert.equal(graph.body.slots.filter((slot: { dead: boolean }) => slot.dead).length, 2_999);
});
