/** Any step again, over the socket: runTo in both directions against a search through all rows, inspect against the state applied. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Trace, Until } from '../../src/client/trace.ts';
import { TraceState } from '../../src/client/trace-state.ts';
import type { StepRow, StepState } from '../../src/contract/step.ts';
import { NO_ENGINE } from '../support/engine.ts';
import { runBody } from '../support/run-body.ts';
import { count, hop, leave, SAVE } from '../support/tail-call-rows.ts';
import { tracedService } from '../support/traced.ts';

/** Two programs that hop to each other until the limit, count in an array, fill a hash, call a function, write to the packet. */
const SPEC = runBody({
  programs: {
    ping: `${SAVE}${count(0)}r7 = 12
again:
*(u64 *)(r10 - 16) = r7
r7 += -1
if r7 != 0 goto again
r2 = *(u32 *)(r6 + 0)
r3 = *(u32 *)(r6 + 4)
r4 = r2
r4 += 8
if r4 > r3 goto out
r5 = *(u64 *)(r2 + 0)
r5 += 1
*(u64 *)(r2 + 0) = r5
out:
${hop(7)}${hop(1)}${leave(1)}`,
    pong: `${SAVE}*(u64 *)(r10 - 8) = 5
r1 = r10
r1 += -24
call sub
r1 = seen ll
r2 = r10
r2 += -24
r3 = r2
r4 = 0
call map_update_elem
${hop(0)}${leave(2)}sub:
*(u64 *)(r1 + 0) = 9
r0 = *(u64 *)(r1 + 0)
exit`,
  },
  maps: {
    chain: { slots: { 0: 'ping', 1: 'pong' }, maxEntries: 2 },
    hits: { type: 'array', maxEntries: 1 },
    seen: { type: 'hash', keySize: 8, maxEntries: 4 },
  },
  repeat: 2,
});

const PROGRAMS = ['ping', 'pong'];

/** The same question asked of a row. */
function holds(until: Until, row: StepRow): boolean {
  if ('program' in until) return PROGRAMS[row.program] === until.program && row.pc === until.pc;
  if ('tailCall' in until) {
    return row.call?.helper === 'bpf_tail_call' && (row.call.result === null) === (until.tailCall === 'miss');
  }
  const patched = row.patches?.some((patch) => ('map' in patch ? patch.map : patch.region) === until.mapWrite) ?? false;
  return row.mem?.region === until.mapWrite || patched;
}

const UNTIL: readonly Until[] = [
  { program: 'ping', pc: 12 },
  { program: 'pong', pc: 0 },
  { program: 'pong', pc: 9999 },
  { tailCall: true },
  { tailCall: 'miss' },
  { mapWrite: 'hits' },
  { mapWrite: 'seen' },
];

async function rowsOf(trace: Trace): Promise<StepRow[]> {
  const rows: StepRow[] = [];
  for await (const row of trace) rows.push(row);
  return rows;
}

test('runTo lands where a search through all rows does, there and back', { skip: NO_ENGINE }, async (t) => {
  const { client } = await tracedService(t);
  await using trace = client.trace({ spec: SPEC });
  const rows = await rowsOf(trace);
  const last = rows.length - 1;
  for (const until of UNTIL) {
    const places = rows.flatMap((row, step) => (holds(until, row) ? [step] : []));
    const forward = (from: number) => places.find((step) => step >= from) ?? null;
    const back = (from: number) => places.findLast((step) => step <= from) ?? null;
    const some = [0, 1, 2].flatMap((part) => places[Math.floor((part * (places.length - 1)) / 2)] ?? []);
    for (const from of new Set([0, 1, last >> 1, last, last + 10, ...some, ...some.map((step) => step + 1)])) {
      assert.equal(await trace.runTo(until, from), forward(from), `${JSON.stringify(until)} from ${from}`);
      assert.equal(await trace.runTo(until, from, 'back'), back(from), `${JSON.stringify(until)} back from ${from}`);
    }
  }
});

const WHAT = ['registers', 'stack', 'packet', 'ctx', 'map:hits', 'map:seen'];
type Entry = StepState['maps'][string][number];
const byKey = (left: Entry, right: Entry) => (left.key.hex < right.key.hex ? -1 : 1);

/** What `inspect` says of a state. */
function partOf(state: Omit<StepState, 'maps'>, what: string): string | undefined {
  if (what === 'stack') return state.stack.hex;
  if (what === 'packet') return state.packet?.hex;
  if (what === 'ctx') return state.ctx?.hex;
  const words = new BigUint64Array(state.registers.map(BigInt));
  return Buffer.from(words.buffer).toString('hex');
}

test('inspect and seek at 200 random steps are the state that the rows lead to', { skip: NO_ENGINE }, async (t) => {
  const { client } = await tracedService(t);
  await using trace = client.trace({ spec: SPEC });
  const rows = await rowsOf(trace);
  const { id } = await trace.result;
  let random = 99;
  const steps = Array.from({ length: 200 }, () => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    return random % (rows.length + 1);
  });
  const wanted = new Set([...steps, repetitionIn(rows), 0, rows.length]);
  const applied = new TraceState(PROGRAMS, await client.state(id, 0));
  const states = new Map<number, StepState>();
  for (const [step, row] of rows.entries()) {
    if (wanted.has(step)) states.set(step, applied.state());
    applied.apply(row, rows[step + 1] ?? null);
  }
  states.set(rows.length, applied.state());
  assert.ok(states.size > 150);
  let asked = 0;
  for (const [step, state] of states) {
    const { rows: window, next: _, ...seen } = await trace.seek(step, 3);
    assert.deepEqual(window, rows.slice(step, step + 3));
    const { start } = seen.stack;
    const { maps, ...whole } = { ...state, stack: { start, hex: state.stack.hex.padStart(-2 * start, '0') } };
    assert.deepEqual(seen, whole);
    // Each question runs the run again, so each step is asked one of them.
    const what = WHAT[asked % WHAT.length]!;
    asked++;
    const { bytes, entries = [] } = await trace.inspect(step, what);
    const map = /^map:(.*)$/.exec(what)?.[1];
    if (map === undefined) assert.equal(bytes, partOf(whole, what), `${what} at ${step}`);
    else assert.deepEqual(entries.toSorted(byKey), maps[map], `${what} at ${step}`);
  }
});

/** First step of the second repetition. */
function repetitionIn(rows: readonly StepRow[]): number {
  return rows.findIndex((row) => row.insn === 'exit' && row.depth === 0) + 1;
}

test('in front of the first step of a repetition the registers are those that it starts with', {
  skip: NO_ENGINE,
}, async (t) => {
  const { client } = await tracedService(t);
  await using trace = client.trace({ spec: SPEC });
  const rows = await rowsOf(trace);
  const step = repetitionIn(rows);
  assert.ok(step > 0 && step < rows.length);
  const [first, second] = [await trace.seek(0), await trace.seek(step)];
  assert.deepEqual([second.program, second.pc, second.frames], [first.program, first.pc, first.frames]);
});
