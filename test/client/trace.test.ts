/** The trace of the client against servers that misbehave: closes, cuts, silence, wrong bytes, and what it says itself. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WaggleClient } from '../../src/client/client.ts';
import { TraceClosedError, WaggleError } from '../../src/client/errors.ts';
import type { Trace } from '../../src/client/trace.ts';
import { PROBLEMS, type ProblemCode } from '../../src/contract/problem.ts';
import { problemDocument } from '../../src/contract/problem-document.ts';
import { BATCH_STEPS } from '../../src/contract/step.ts';
import { BATCH_FLAGS } from '../../src/contract/step-batch.ts';
import { CLOSE_CODES, type CloseReason } from '../../src/contract/trace.ts';
import { bareRow, batchBytes } from '../support/batch-bytes.ts';
import { type Script, type ScriptedSocket, scriptedServer } from '../support/scripted-server.ts';

const SPEC = { programs: [{ name: 'entry', asm: 'r0 = 0\nexit' }], entry: 'entry' };
const FRAME = { program: 0, function: 0, registers: Array.from({ length: 11 }, () => 0n) };
/** Instructions of a program whose only slot is 0. */
const CODE = { type: 'code', id: 'trace', program: 0, rows: [{ pc: 0, insn: 'r0 = 0', function: 'entry' }] };

/** A batch of `count` steps at a place of the grid. */
function batch(place: number, count = BATCH_STEPS, flags = 0): Uint8Array {
  const first = place * BATCH_STEPS;
  const rows = Array.from({ length: count }, (_, index) => bareRow(first + index, { pc: 0 }));
  return batchBytes({ handle: 1, first, flags, keyframe: [FRAME], rows });
}

async function stepsOf(trace: Trace): Promise<number[]> {
  const steps: number[] = [];
  for await (const row of trace) steps.push(Number(row.step));
  return steps;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
const problem = (code: ProblemCode) => problemDocument({ code, detail: `because of ${code}` }, 'request');

/** Tells the batches from where the subscription wants them, and the end. */
const whole =
  (places: number): Script =>
  (connection) => {
    batches(places)(connection);
    connection.say({ type: 'end', id: 'trace' });
  };

/** The same without the end. */
const batches =
  (places: number): Script =>
  ({ socket, say, start, subscribe }) => {
    start();
    say(CODE);
    for (let place = Math.floor(Number(subscribe.from) / BATCH_STEPS); place < places; place++)
      socket.send(batch(place));
  };

const REFUSALS: readonly (readonly [CloseReason, ProblemCode])[] = [
  ['too_big', 'limit_exceeded'],
  ['internal', 'internal'],
  ['bad_message', 'bad_request'],
  ['not_authenticated', 'not_authenticated'],
  ['forbidden', 'forbidden'],
  ['no_such_run', 'not_found'],
  ['duplicate_id', 'bad_request'],
  ['gone', 'trace_gone'],
  ['too_many_messages', 'limit_exceeded'],
];

for (const [reason, code] of REFUSALS) {
  test(`a close with ${CLOSE_CODES[reason]} is an error with its name and the server's problem, and no reason to come again`, async (t) => {
    const server = await scriptedServer(t, [
      ({ say, socket }) => {
        say({ type: 'error', id: 'trace', problem: problem(code) });
        socket.close(CLOSE_CODES[reason], code);
      },
    ]);
    const trace = new WaggleClient(server.url).trace({ spec: SPEC });
    const check = (error: unknown) => {
      assert.ok(error instanceof TraceClosedError);
      assert.deepEqual([error.code, error.closeReason, error.problem?.code], [CLOSE_CODES[reason], reason, code]);
      return true;
    };
    await assert.rejects(stepsOf(trace), check);
    await assert.rejects(trace.result, check);
    await assert.rejects(trace.started, check);
    await assert.rejects(trace.seek(0), check);
    assert.equal(server.connections(), 1);
  });
}

const RESUMED: readonly CloseReason[] = [
  'draining',
  'overloaded',
  'hello_timeout',
  'slow_consumer',
  'idle',
  'session_limit',
];

for (const reason of RESUMED) {
  test(`after a close with ${CLOSE_CODES[reason]} the trace goes on by the run's id`, async (t) => {
    const first: Script = ({ socket, start, say }) => {
      start();
      say(CODE);
      socket.send(batch(0));
      socket.close(CLOSE_CODES[reason]);
    };
    const server = await scriptedServer(t, [first, whole(3)]);
    const steps = await stepsOf(new WaggleClient(server.url).trace({ spec: SPEC }));
    assert.deepEqual(steps, range(0, 3 * BATCH_STEPS));
    const asked = server.heard.filter((message) => message.type === 'subscribe');
    assert.deepEqual(
      asked.map(({ spec, run, from }) => [spec, run, from]),
      [
        [SPEC, undefined, 0],
        [undefined, 'r', BATCH_STEPS],
      ],
    );
  });
}

test('every close code is either a refusal or a reason to come again', () => {
  const tested = [...REFUSALS.map(([reason]) => reason), ...RESUMED, 'done'];
  assert.deepEqual(tested.toSorted(), Object.keys(CLOSE_CODES).toSorted());
  for (const [, code] of REFUSALS) assert.ok(code in PROBLEMS);
});

test('a cut in the middle of a partial batch loses and doubles no step', async (t) => {
  const cut: Script = ({ socket, start, say }) => {
    start();
    say(CODE);
    socket.send(batch(0));
    socket.send(batch(1, 100, BATCH_FLAGS.PARTIAL), () => socket.terminate());
  };
  const server = await scriptedServer(t, [cut, whole(3)]);
  assert.deepEqual(await stepsOf(new WaggleClient(server.url).trace({ spec: SPEC })), range(0, 3 * BATCH_STEPS));
  assert.equal(server.heard.findLast((message) => message.type === 'subscribe')?.from, BATCH_STEPS);
});

test('steps in front of `from` are dropped, and nothing is asked twice of a filter', async (t) => {
  const filtered: Script = ({ socket, start, say }) => {
    start();
    say({ type: 'bookmark', id: 'trace', step: String(2 * BATCH_STEPS) });
    socket.terminate();
  };
  const server = await scriptedServer(t, [filtered, whole(3)]);
  const trace = new WaggleClient(server.url).trace({ run: 'r', from: BATCH_STEPS + 7, programs: ['entry'] });
  assert.deepEqual(await stepsOf(trace), range(2 * BATCH_STEPS, 3 * BATCH_STEPS));
  const asked = server.heard.filter((message) => message.type === 'subscribe');
  assert.deepEqual(
    asked.map(({ from, programs }) => [from, programs]),
    [
      [BATCH_STEPS + 7, ['entry']],
      [2 * BATCH_STEPS, ['entry']],
    ],
  );
  const again = new WaggleClient(server.url).trace({ run: 'r', from: BATCH_STEPS + 7 });
  assert.deepEqual(await stepsOf(again), range(BATCH_STEPS + 7, 3 * BATCH_STEPS));
});

test('a spec whose run is not known is not sent a second time', async (t) => {
  const server = await scriptedServer(t, [({ socket }) => socket.terminate()]);
  await assert.rejects(stepsOf(new WaggleClient(server.url).trace({ spec: SPEC })), {
    name: 'TraceClosedError',
    code: 1006,
  });
  assert.equal(server.connections(), 1);
});

test('attempts that bring nothing new end; those that do are not counted', async (t) => {
  const nothing: Script = ({ socket, start }) => {
    start();
    socket.terminate();
  };
  const silent = await scriptedServer(t, [nothing]);
  const trace = new WaggleClient(silent.url).trace({ run: 'r', reconnects: 2 });
  await assert.rejects(stepsOf(trace), { name: 'TraceClosedError', code: 1006 });
  assert.equal(silent.connections(), 3);

  const oneByOne: Script = ({ socket, start, say, subscribe }) => {
    const place = Number(subscribe.from) / BATCH_STEPS;
    start();
    say(CODE);
    if (place === 6) say({ type: 'end', id: 'trace' });
    else socket.send(batch(place), () => socket.terminate());
  };
  const slow = await scriptedServer(t, [oneByOne]);
  assert.deepEqual(
    await stepsOf(new WaggleClient(slow.url).trace({ run: 'r', reconnects: 1 })),
    range(0, 6 * BATCH_STEPS),
  );
  assert.equal(slow.connections(), 7);
});

test('nobody listens there: an error after the attempts', async () => {
  const trace = new WaggleClient('http://127.0.0.1:1').trace({ spec: SPEC, reconnects: 1 });
  await assert.rejects(stepsOf(trace), { name: 'TraceClosedError', code: 1006 });
});

test('a server that has fallen silent is left', async (t) => {
  const server = await scriptedServer(t, [({ start }) => start(), whole(1)], { heartbeatMs: 10 });
  assert.deepEqual(await stepsOf(new WaggleClient(server.url).trace({ spec: SPEC })), range(0, BATCH_STEPS));
  assert.ok(server.heard.some((message) => message.type === 'ping'));
  assert.equal(server.connections(), 2);
});

test('a ping is answered', async (t) => {
  const server = await scriptedServer(t, [
    ({ listen, start, say }) => {
      start();
      say({ type: 'ping' });
      listen(({ type }) => {
        if (type === 'pong') say({ type: 'end', id: 'trace' });
      });
    },
  ]);
  assert.deepEqual(await stepsOf(new WaggleClient(server.url).trace({ spec: SPEC })), []);
});

const WRONG: readonly (readonly [what: string, name: string, say: (connection: ScriptedSocket) => void])[] = [
  ['a batch of no format', 'BatchError', ({ socket }) => socket.send(Uint8Array.of(1, 2, 3))],
  ['a batch that is cut short', 'BatchError', ({ socket }) => socket.send(batch(0).subarray(0, 900))],
  ['steps of instructions that nobody described', 'BatchError', ({ socket }) => socket.send(batch(0))],
  ['code of no program', 'BatchError', ({ say }) => say({ ...CODE, program: 4 })],
  ['a text that is not JSON', 'SyntaxError', ({ socket }) => socket.send('{')],
];

for (const [what, name, say] of WRONG) {
  test(`${what} ends the trace with a ${name}`, async (t) => {
    const server = await scriptedServer(t, [
      (connection) => {
        connection.start();
        say(connection);
      },
    ]);
    await assert.rejects(stepsOf(new WaggleClient(server.url).trace({ spec: SPEC })), { name });
    assert.equal(server.connections(), 1);
  });
}

test('credit is given as batches are read, and not before', async (t) => {
  const size = batch(0).length;
  const places = 12;
  const server = await scriptedServer(t, [batches(places)]);
  const trace = new WaggleClient(server.url).trace({ spec: SPEC, credit: 4 * size });
  const granted = () =>
    server.heard.filter((message) => message.type === 'credit').reduce((sum, { bytes }) => sum + Number(bytes), 0);
  const reader = trace.batches();
  await reader.next();
  assert.equal(server.heard.find((message) => message.type === 'subscribe')?.credit, 4 * size);
  // Beside the code nothing has been read to its end.
  assert.ok(granted() < size);
  for (let read = 1; read < places; read++) assert.equal((await reader.next()).value?.first, read * BATCH_STEPS);
  // What was read is granted, but for less than half of the window.
  await trace[Symbol.asyncDispose]();
  const code = JSON.stringify(CODE.rows).length;
  const all = (places - 1) * size + code;
  assert.ok(granted() > all - 2 * size && granted() <= all, `${granted()} of ${all} bytes`);
});

test('headers go with the upgrade; with tickets each connection has its own', async (t) => {
  const seen: unknown[] = [];
  const look: Script = (connection) => {
    const { upgrade, socket, start } = connection;
    seen.push([upgrade.url, upgrade.headers.authorization]);
    if (seen.length === 2) return whole(1)(connection);
    start();
    socket.terminate();
  };
  const headers = { authorization: 'Bearer a.b' };
  const server = await scriptedServer(t, [look], { tickets: ['one', 'two'] });
  await stepsOf(new WaggleClient(server.url, { headers, tickets: true }).trace({ run: 'r' }));
  assert.deepEqual(seen, [
    ['/v1/traces?ticket=one', undefined],
    ['/v1/traces?ticket=two', undefined],
  ]);
  seen.length = 1;
  await stepsOf(new WaggleClient(server.url, { headers }).trace({ run: 'r' }));
  assert.deepEqual(seen.at(-1), ['/v1/traces', 'Bearer a.b']);
});

test('a problem without a close is an error with the problem', async (t) => {
  const server = await scriptedServer(t, [
    ({ say }) => say({ type: 'error', id: 'trace', problem: problem('bad_reference') }),
  ]);
  await assert.rejects(stepsOf(new WaggleClient(server.url).trace({ spec: SPEC })), (error: unknown) => {
    assert.ok(error instanceof WaggleError);
    assert.deepEqual([error.status, error.problem?.code], [422, 'bad_reference']);
    return true;
  });
});

test('a stream that ends too early is an error, though its problem came where an answer was due', async (t) => {
  const server = await scriptedServer(t, [
    ({ listen, start, say }) => {
      start();
      const counters = { instructions: '5' };
      say({ type: 'result', id: 'trace', result: { counters } });
      listen(({ type }) => {
        if (type !== 'runTo') return;
        say({ type: 'error', id: 'trace', problem: problem('limit_exceeded') });
        say({ type: 'end', id: 'trace' });
      });
    },
  ]);
  const trace = new WaggleClient(server.url).trace({ run: 'r' });
  const error = { name: 'WaggleError', message: 'limit_exceeded: because of limit_exceeded' };
  await Promise.all([assert.rejects(stepsOf(trace), error), assert.rejects(trace.runTo({ tailCall: true }, 0), error)]);
});

test('a run that did not begin has a result and no steps', async (t) => {
  const outcome = { kind: 'budget', code: 'memory_budget' };
  const result = { counters: { instructions: '0' }, outcome, rejection: null };
  const server = await scriptedServer(t, [
    ({ say }) => {
      say({ type: 'result', id: 'trace', result });
      say({ type: 'end', id: 'trace' });
    },
  ]);
  const trace = new WaggleClient(server.url).trace({ spec: SPEC });
  assert.deepEqual(await stepsOf(trace), []);
  assert.equal((await trace.result).counters.instructions, '0');
  await assert.rejects(trace.started, { message: 'the run did not begin: memory_budget' });
});

test('questions wait for their turn, survive a cut, and one that is refused stops no other', async (t) => {
  const answer =
    (cutAt: number): Script =>
    ({ socket, start, say, listen }) => {
      start();
      say({ type: 'end', id: 'trace' });
      let asked = 0;
      listen(({ type, from }) => {
        if (type !== 'runTo') return;
        asked++;
        if (asked === cutAt) socket.terminate();
        else if (from === 3) say({ type: 'error', id: 'trace', problem: problem('bad_reference') });
        else say({ type: 'found', id: 'trace', step: String(Number(from) * 10) });
      });
    };
  const server = await scriptedServer(t, [answer(2), answer(9)]);
  await using trace = new WaggleClient(server.url).trace({ run: 'r' });
  const found = await Promise.allSettled([1, 2, 3, 4].map((from) => trace.runTo({ tailCall: true }, from)));
  assert.deepEqual(
    found.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as Error).name)),
    [10, 20, 'WaggleError', 40],
  );
  assert.equal(server.connections(), 2);
});

test('control messages stay below the limit that the server names', async (t) => {
  const limits = { maxTraceMessagesPerSecond: 1000, maxTraceMessageBurst: 10 };
  let early = 0;
  const count: Script = ({ start, say, listen }) => {
    start();
    let left = limits.maxTraceMessageBurst - 2;
    let at = performance.now();
    listen(({ type }) => {
      if (type !== 'runTo') return;
      const now = performance.now();
      left = Math.min(left + ((now - at) / 1000) * limits.maxTraceMessagesPerSecond, limits.maxTraceMessageBurst) - 1;
      at = now;
      if (left < 0) early++;
      say({ type: 'found', id: 'trace', step: null });
    });
  };
  const server = await scriptedServer(t, [count], { limits });
  await using trace = new WaggleClient(server.url).trace({ run: 'r' });
  for (let from = 0; from < 100; from++) assert.equal(await trace.runTo({ tailCall: true }, from), null);
  assert.equal(early, 0);
});

test('a closed trace: what came is read, then it ends; questions are refused', async (t) => {
  const server = await scriptedServer(t, [
    ({ socket, start, say }) => {
      start();
      say(CODE);
      socket.send(batch(0));
    },
  ]);
  const trace = new WaggleClient(server.url).trace({ run: 'r' });
  const steps: string[] = [];
  for await (const { step } of trace) {
    steps.push(step);
    if (steps.length === 5) trace.close();
  }
  assert.equal(steps.length, BATCH_STEPS);
  await assert.rejects(trace.seek(0), { name: 'WaggleError', message: 'the trace was closed' });
});
