/**
 * `npm run bench:service`: rates of small runs over loopback against a route of the same shape that runs nothing. Service, its threads and
 * the load generator share the processors; each subject is a process of its own, and only one is under load at a time. `--quick` is the short
 * slice for CI: exit code 1 when a ratio passes its bound, which lies below the target there; times are not judged.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { postBytes } from './http-client.ts';
import { machineName } from './machine-name.ts';
import { fullRate, median, type NextRequest, pacedTimes, quantile } from './service-load.ts';
import { formatTable } from './table.ts';
import { BenchService } from './trace-service.ts';

interface Scale {
  readonly rounds: number;
  /** Of one measurement, ms. */
  readonly milliseconds: number;
}

const FULL: Scale = { rounds: 7, milliseconds: 4_000 };
const QUICK: Scale = { rounds: 3, milliseconds: 1_500 };
const THREADS = 2;
const CONNECTIONS = 16;
/** Batches under way at a time: the next one is there when one ends. */
const BATCHES = 2;
const BATCH_ITEMS = 1_000;

/** The targets, and what the short slice asserts on a machine that is busy with other things. */
const BOUNDS = {
  synchronous: { target: 0.6, quick: 0.4 },
  batches: { target: 2.5, quick: 1.5 },
  latency: { target: 4, quick: 8 },
} as const;

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const scale = values.quick ? QUICK : FULL;

/** A small program: it reads the packet and counts. */
const PROGRAM = {
  name: 'p',
  type: 'xdp',
  asm: 'r2 = *(u32 *)(r1 + 4)\nr1 = *(u32 *)(r1 + 0)\nr3 = r1\nr3 += 8\nr0 = 1\nif r3 > r2 goto end\nr0 = *(u64 *)(r1 + 0)\nr0 &= 3\nend:\nexit',
};

async function storeProgram(url: string): Promise<string> {
  const response = await fetch(`${url}/v1/programs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(PROGRAM),
  });
  const answer = (await response.json()) as { programs: readonly { id: string }[] };
  if (response.status !== 201)
    throw new Error(`the program was answered ${response.status}: ${JSON.stringify(answer)}`);
  return answer.programs[0]!.id;
}

let inputs = 0;
/** A run that was never asked for before. */
function nextRun(id: string): string {
  inputs += 1;
  const packet = inputs.toString(16).padStart(128, '0');
  return JSON.stringify({ programs: [{ name: 'p', id }], entry: 'p', input: { packet: { hex: packet } } });
}

const runOf =
  (id: string): NextRequest =>
  () =>
    postBytes('/v1/runs', 'application/json', nextRun(id));

const batchOf =
  (id: string): NextRequest =>
  () => {
    const lines = Array.from({ length: BATCH_ITEMS }, () => nextRun(id));
    return postBytes('/v1/batches', 'application/x-ndjson', lines.join('\n'));
  };

async function startBaseline(recorded: string): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const script = fileURLToPath(new URL('./workers/baseline.ts', import.meta.url));
  const child = spawn(process.execPath, [script, String(THREADS), recorded], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { url, child };
}

async function recordAnswer(url: string, id: string, folder: string): Promise<string> {
  const response = await fetch(`${url}/v1/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: nextRun(id),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`a run was answered ${response.status}: ${text}`);
  const file = join(folder, 'answer.json');
  await writeFile(file, text);
  return file;
}

interface Figures {
  readonly baseline: number;
  readonly synchronous: number;
  readonly batches: number;
  /** At half of the rate above, ms. */
  readonly baselineP99: number;
  readonly synchronousP99: number;
}

/** All figures of one round; what is compared is measured one behind the other. */
async function round(service: string, baseline: string, id: string): Promise<Figures> {
  const { milliseconds } = scale;
  const baselineRate = await fullRate(baseline, runOf(id), CONNECTIONS, milliseconds);
  const synchronous = await fullRate(service, runOf(id), CONNECTIONS, milliseconds);
  const batches = BATCH_ITEMS * (await fullRate(service, batchOf(id), BATCHES, milliseconds));
  const p99 = async (url: string, rate: number): Promise<number> =>
    quantile(await pacedTimes(url, runOf(id), { perSecond: rate / 2, connections: CONNECTIONS, milliseconds }), 0.99);
  return {
    baseline: baselineRate,
    synchronous,
    batches,
    baselineP99: await p99(baseline, baselineRate),
    synchronousP99: await p99(service, synchronous),
  };
}

const whole = (value: number): string => Math.round(value).toLocaleString('en');

console.log(`${machineName()}; ${THREADS} threads each, ${CONNECTIONS} connections, memo off`);
const folder = await mkdtemp(join(tmpdir(), 'waggle-bench-'));
const service = await BenchService.start({
  WAGGLE_WORKERS: String(THREADS),
  WAGGLE_MAX_MEMO_BYTES: '0',
  WAGGLE_MAX_EVENT_LOOP_DELAY_MS: '0',
});
const id = await storeProgram(service.api);
const baseline = await startBaseline(await recordAnswer(service.api, id, folder));
try {
  // The first round warms everything up.
  await round(service.api, baseline.url, id);
  const rounds: Figures[] = [];
  for (let n = 0; n < scale.rounds; n += 1) rounds.push(await round(service.api, baseline.url, id));
  const of = (field: keyof Figures): number => median(rounds.map((figures) => figures[field]));
  const ratio = (left: keyof Figures, right: keyof Figures): number =>
    median(rounds.map((figures) => figures[left] / figures[right]));
  console.log(
    formatTable(
      ['median of rounds', 'a second', 'p99 at half of it, ms'],
      [
        ['baseline: Fastify and a Piscina no-op', whole(of('baseline')), of('baselineP99').toFixed(2)],
        ['runs by program id, each another input', whole(of('synchronous')), of('synchronousP99').toFixed(2)],
        [`items of batches of ${whole(BATCH_ITEMS)}`, whole(of('batches')), ''],
      ],
    ),
  );
  const judged = [
    { what: 'runs / baseline', value: ratio('synchronous', 'baseline'), ...BOUNDS.synchronous, least: true },
    { what: 'items of batches / runs', value: ratio('batches', 'synchronous'), ...BOUNDS.batches, least: true },
    {
      what: 'p99 / p99 of the baseline',
      value: ratio('synchronousP99', 'baselineP99'),
      ...BOUNDS.latency,
      least: false,
    },
  ];
  for (const { what, value, target, quick, least } of judged) {
    const bound = values.quick ? quick : target;
    const fits = least ? value >= bound : value <= bound;
    if (!fits) process.exitCode = 1;
    console.log(`${fits ? 'ok' : 'NOT OK'}: ${what}: ${value.toFixed(2)}, at ${least ? 'least' : 'most'} ${bound}`);
  }
} finally {
  baseline.child.kill();
  await service.end();
  await rm(folder, { recursive: true });
}
