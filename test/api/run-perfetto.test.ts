import assert from 'node:assert/strict';
import { test } from 'node:test';
import { traceFile } from '../../src/api/run-perfetto.ts';
import type { StepBatch } from '../../src/api/step-batches.ts';
import type { FinishedRun } from '../../src/contract/finished-run.ts';
import { type RunDescription, runSpec, runTask } from '../support/engine-run.ts';
import { replayOf } from '../support/replayed.ts';
import { ALL_RUNS, runBody } from '../support/run-body.ts';
import { build } from '../support/service.ts';
import { readTraceFile, type TraceFileParts } from '../support/trace-event-format.ts';

const HOP = 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call';
const chain = (slots: Record<number, string>) => ({ chain: { maxEntries: 4, slots } });

interface Row {
  readonly name: string;
  readonly run: RunDescription;
  /** `name@start-end`, in steps, in the order of their beginning; deeper ones with a `>` for each slice around them. */
  readonly slices: readonly string[];
  readonly others?: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    name: 'one program',
    run: { programs: { p: 'r0 = 2\nexit' } },
    slices: ['p@0-2'],
  },
  {
    name: 'a loop is one slice',
    run: { programs: { p: 'r1 = 0\nl:\nr1 += 1\nif r1 < 2000 goto l\nr0 = 2\nexit' }, verify: 'off' },
    slices: ['p@0-4003'],
  },
  {
    name: 'a hop',
    run: { programs: { entry: `${HOP}\nr0 = 1\nexit`, next: 'r0 = 2\nexit' }, maps: chain({ 0: 'next' }) },
    slices: ['entry@0-3', 'next@3-5'],
    others: ['s 2', 'f 3'],
  },
  {
    name: 'an empty slot',
    run: { programs: { entry: `${HOP}\nr0 = 1\nexit` }, maps: chain({}) },
    slices: ['entry@0-5'],
    others: ['i 2 tail call missed {"map":"chain","index":0,"miss":"empty"}'],
  },
  {
    name: 'a call of a function',
    run: { programs: { p: 'call f\nr0 = 1\nexit\nf:\nr0 = 5\nexit' } },
    slices: ['p@0-5', '> f@1-3'],
  },
  {
    name: 'a program jumped to by a function runs in its place, and returns to its caller',
    run: {
      programs: { p: `call f\nr0 = 1\nexit\nf:\n${HOP}\nexit`, next: 'r0 = 2\nexit' },
      maps: chain({ 0: 'next' }),
    },
    slices: ['p@0-8', '> f@1-4', '> next@4-6'],
    others: ['s 3', 'f 4'],
  },
  {
    name: 'a program that jumps to itself',
    run: { programs: { p: `${HOP}\nr0 = 2\nexit` }, maps: chain({ 0: 'p' }), maxTailCalls: 2 },
    slices: ['p@0-3', 'p@3-6', 'p@6-11'],
    others: ['s 2', 'f 3', 's 5', 'f 6', 'i 8 tail call missed {"map":"chain","index":0,"miss":"limit"}'],
  },
  {
    name: 'repetitions',
    run: { programs: { p: 'r0 = 2\nexit' }, repeat: 3 },
    slices: ['p@0-2', 'p@2-4', 'p@4-6'],
  },
  {
    name: 'a fault inside a function',
    run: { programs: { p: 'call f\nexit\nf:\nr1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit' }, verify: 'off' },
    slices: ['p@0-3', '> f@1-3'],
    others: ['i 2 null_deref'],
  },
  {
    name: 'a run that used up its instructions',
    run: {
      programs: { p: 'l:\nr1 += 1\ngoto l' },
      verify: 'off',
      budgets: { instructions: 10 },
    },
    slices: ['p@0-10'],
    others: ['i 9 insn_budget'],
  },
  {
    name: 'a run that was refused',
    run: { programs: { p: 'r0 = 0\nexit\nr0 = 1\nexit' } },
    slices: [],
  },
];

/** Slices in steps, and the other events. */
function shown({ events, slices }: TraceFileParts): { slices: string[]; others: string[] } {
  const steps = (microseconds: number): number => Math.round(microseconds * 1000);
  return {
    slices: slices
      .toSorted((a, b) => a.start - b.start || a.depth - b.depth)
      .map(({ name, start, end, depth }) => `${'> '.repeat(depth)}${name}@${steps(start)}-${steps(end)}`),
    others: events.flatMap((event) => {
      if (event.ph === 's' || event.ph === 'f') return [`${event.ph} ${steps(event.ts)}`];
      if (event.ph !== 'i') return [];
      const args = event.cat === 'miss' ? ` ${JSON.stringify(event.args)}` : '';
      return [`i ${steps(event.ts)} ${event.name}${args}`];
    }),
  };
}

async function textOf(chunks: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const chunk of chunks) text += chunk;
  return text;
}

const WIDTH = 512;

/** The run, and its steps as batches; the batches of `missing` are gaps. */
function finished(run: RunDescription, missing: readonly number[] = []): { run: FinishedRun; batches: StepBatch[] } {
  const spec = runSpec(run);
  const answer = runTask(spec);
  assert.ok(answer.kind === 'result');
  const { result, replay } = answer;
  const kept = { result, started: replay, source: replay === null ? null : { spec, ...replay } };
  const rows = replay === null ? [] : replayOf(spec).rows;
  const batches: StepBatch[] = [];
  for (let first = 0; first < rows.length; first += WIDTH) {
    const next = Math.min(first + WIDTH, rows.length);
    if (missing.includes(first)) batches.push({ type: 'gap', from: first, to: next });
    else batches.push({ type: 'batch', first, next, text: JSON.stringify({ rows: rows.slice(first, next) }) });
  }
  return { run: kept, batches };
}

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

test('programs and calls are slices, hops arrows, misses instants', async (t) => {
  const service = await build(t, { worker: null });
  for (const { name, run, slices, others = [] } of ROWS) {
    await t.test(name, async () => {
      const { body } = await service.post(runBody(run));
      const answer = await service.api.inject(`/v1/runs/${body.id}/trace.perfetto`);
      assert.equal(answer.statusCode, 200, answer.body.slice(0, 500));
      assert.match(String(answer.headers['content-type']), /^application\/json/);
      assert.equal(answer.headers['content-disposition'], `attachment; filename="waggle-${body.id}.trace.json"`);
      assert.deepEqual(shown(readTraceFile(answer.body)), { slices: [...slices], others: [...others] });
    });
  }
});

test('every run of the tests is a valid file, whose slices cover exactly its steps', async () => {
  let covered = 0;
  for (const [name, description] of ALL_RUNS) {
    const { run, batches } = finished(description);
    const { slices } = readTraceFile(await textOf(traceFile(run, each(batches))));
    const outer = slices.filter(({ depth }) => depth === 0);
    const steps = outer.reduce((sum, { start, end }) => sum + Math.round((end - start) * 1000), 0);
    assert.equal(String(steps), run.source === null ? '0' : run.result.counters.instructions, name);
    covered += 1;
  }
  assert.ok(covered > 50, `${covered} runs`);
});

test('a file says how its run ended, and of a miss whose chain row is not kept that its reason is unknown', async () => {
  const { run, batches } = finished(ROWS.find(({ name }) => name === 'an empty slot')!.run);
  const text = await textOf(traceFile({ ...run, result: { ...run.result, chain: [] } }, each(batches)));
  assert.equal(JSON.parse(text).otherData.outcome, 'exit');
  const [args] = readTraceFile(text).events.flatMap((event) => (event.ph === 'i' ? [event.args] : []));
  assert.deepEqual(args, { map: 'chain', index: '0', miss: 'unknown' });
});

test('prints are instants at their step', async () => {
  const printed = ALL_RUNS.find(([, run]) => finished(run).run.result.output.prints.length > 0);
  const { run, batches } = finished(printed![1]);
  const { events } = readTraceFile(await textOf(traceFile(run, each(batches))));
  assert.deepEqual(
    events.flatMap((event) => (event.ph === 'i' && event.name === 'bpf_trace_printk' ? [event.args] : [])),
    run.result.output.prints.map(({ text }) => ({ text })),
  );
});

const LONG: RunDescription = {
  programs: { p: 'r6 = 0\nl:\ncall f\nr6 += 1\nif r6 < 1000 goto l\nr0 = 2\nexit\nf:\nr0 = 5\nexit' },
  verify: 'off',
};

test('a gap ends what is open, and it begins again behind it', async () => {
  const { run, batches } = finished(LONG, [WIDTH]);
  const { events, slices } = readTraceFile(await textOf(traceFile(run, each(batches))));
  assert.equal(slices.filter(({ depth }) => depth === 0).length, 2);
  assert.deepEqual(
    events.flatMap((event) => (event.ph === 'i' ? [[event.name, event.args]] : [])),
    [['steps left out', { from: WIDTH, to: 2 * WIDTH }]],
  );
});

test('a file that has too many events or steps is cut, says where, and is whole all the same', async () => {
  const { run, batches } = finished(LONG);
  const steps = Number(run.result.counters.instructions);
  for (const bounds of [{ maxEvents: 10 }, { maxSteps: 600 }]) {
    const { events } = readTraceFile(await textOf(traceFile(run, each(batches), bounds)));
    const [cut] = events.flatMap((event) => (event.ph === 'i' ? [event.args] : []));
    assert.deepEqual(cut, { from: 'maxEvents' in bounds ? WIDTH : 2 * WIDTH, to: steps });
  }
});

test('an unknown run and a replay that is refused are problems, not half a file', async (t) => {
  const service = await build(t, { worker: null, limits: { maxQueueMs: 20, maxDrainMs: 20 } });
  const ask = async (id: string) => {
    const { statusCode, body } = await service.api.inject(`/v1/runs/${id}/trace.perfetto`);
    return [statusCode, JSON.parse(body).code];
  };
  assert.deepEqual(await ask('00000000-0000-4000-8000-000000000000'), [404, 'not_found']);
  const { body } = await service.post(runBody({ programs: { p: 'r0 = 2\nexit' } }));
  const endless = { programs: { p: 'l:\ngoto l' }, verify: 'off', budgets: { instructions: 1e10 } } as const;
  void service.post(runBody(endless));
  await service.busy(1);
  assert.deepEqual(await ask(body.id), [429, 'queue_full']);
});
