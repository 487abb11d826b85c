/**
 * `npm run bench:trace`: rates of traces over a real socket on loopback, service and clients on the same processors. `--quick` is the short
 * slice for CI: small figures, and exit code 1 when a ratio passes its bound; times are not judged there.
 */

import { parseArgs } from 'node:util';
import { machineName } from './machine-name.ts';
import { formatTable } from './table.ts';
import { type Crowd, measureCrowd } from './trace-crowd.ts';
import { checksumRun, countedRate, decodedRate, type Rate } from './trace-rate.ts';
import { BenchService } from './trace-service.ts';

interface Scale {
  readonly steps: number;
  /** Time for a rate and for the crowd, ms. */
  readonly rateMs: number;
  readonly crowdMs: number;
  readonly readers: number;
  readonly silent: number;
}

/** In the crowd's time each reader should have many turns: a turn is a slice of 50 ms on one of the threads. */
const FULL: Scale = { steps: 2_000_000, rateMs: 20_000, crowdMs: 30_000, readers: 150, silent: 50 };
const QUICK: Scale = { steps: 400_000, rateMs: 3_000, crowdMs: 5_000, readers: 12, silent: 4 };

interface Bound {
  readonly what: string;
  readonly value: number;
  readonly least?: number;
  readonly most?: number;
  /** A figure of time, which only the full run judges. */
  readonly isTime?: true;
}

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const scale = values.quick ? QUICK : FULL;
const whole = (value: number): string => Math.round(value).toLocaleString('en');
const figure = (value: number): string => (value >= 1000 ? whole(value) : String(Number(value.toFixed(2))));
const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(0);

function describeRates(rates: readonly (readonly [string, Rate])[]): string {
  const rows = rates.map(([name, rate]) => [name, whole(rate.stepsPerSecond), rate.bytesPerStep.toFixed(2)]);
  return formatTable(['one client', 'steps a second', 'bytes a step'], rows);
}

function describeCrowd({ memory, ...crowd }: Crowd, one: Rate): string {
  const { readers, silent } = scale;
  return [
    `${readers} readers beside ${silent} that never read: ${whole(crowd.stepsPerSecond)} steps a second together, ` +
      `${(crowd.stepsPerSecond / one.stepsPerSecond).toFixed(2)} of one client's; the slowest has ${crowd.slowestToMean.toFixed(2)} of the mean`,
    `threads at work for those that never read: ${crowd.busyForSilent}`,
    `memory of the service, MiB: ${mebibytes(memory.before)} before, ${mebibytes(memory.most)} at most, ${mebibytes(memory.after)} after`,
  ].join('\n');
}

function judge(bounds: readonly Bound[]): boolean {
  let holds = true;
  for (const { what, value, least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY, isTime } of bounds) {
    if (isTime && values.quick) continue;
    const fits = value >= least && value <= most;
    holds &&= fits;
    const bound = Number.isFinite(least) ? `at least ${figure(least)}` : `at most ${figure(most)}`;
    console.log(`${fits ? 'ok' : 'NOT OK'}: ${what}: ${figure(value)}, ${bound}`);
  }
  return holds;
}

console.log(machineName());
const service = await BenchService.start();
try {
  const run = await checksumRun(service, scale.steps);
  console.log(`Internet checksum, ${whole(run.steps)} steps; the run itself: ${run.runMs.toFixed(1)} ms`);
  // The first trace also compiles.
  await countedRate(service, run, 'binary', scale.rateMs);
  const binary = await countedRate(service, run, 'binary', scale.rateMs);
  const json = await countedRate(service, run, 'json', scale.rateMs);
  const rates = [
    ['binary, counted', binary],
    ['binary, decoded by src/client', await decodedRate(service, run, 'binary', scale.rateMs)],
    ['JSON, counted', json],
    ['JSON, decoded by src/client', await decodedRate(service, run, 'json', scale.rateMs)],
  ] as const;
  console.log(`\n${describeRates(rates)}\n`);
  const crowd = await measureCrowd(service, run, scale, scale.crowdMs);
  console.log(`${describeCrowd(crowd, binary)}\n`);
  const holds = judge([
    { what: 'binary, steps a second', value: binary.stepsPerSecond, least: 1_000_000, isTime: true },
    { what: 'JSON, steps a second', value: json.stepsPerSecond, least: 150_000, isTime: true },
    { what: 'binary, bytes a step', value: binary.bytesPerStep, most: 8 },
    { what: "the readers' rate to one client's", value: crowd.stepsPerSecond / binary.stepsPerSecond, least: 0.7 },
    { what: 'the slowest reader to the mean', value: crowd.slowestToMean, least: 1 / 3 },
    { what: 'threads held by those that never read', value: crowd.busyForSilent, most: 0 },
  ]);
  if (!holds) process.exitCode = 1;
} finally {
  await service.end();
}
