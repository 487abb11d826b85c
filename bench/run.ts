/**
 * `npm run bench`: prints the table of run times and the table of load latencies. `--seconds N` sets the time for the rounds of the run times
 * (default 60). `--quick` is the short slice for CI: few rounds, no load latencies, and exit code 1 when a ratio passes its bound twice.
 */

import { parseArgs } from 'node:util';
import { judge } from './bounds.ts';
import { describeLoadTimes, measureLoadTimes } from './load-time.ts';
import { machineName } from './machine-name.ts';
import { BENCH_ROWS } from './rows.ts';
import { describeRunTimes, measureRunTimes } from './run-time.ts';

const DEFAULT_SECONDS = 60;
const QUICK_SECONDS = 4;
/** The six programs and the row that has a bound of its own. */
const QUICK_ROWS = BENCH_ROWS.filter((row) => row.group === 'six' || row.name.startsWith('33 hops, variable'));

const { values } = parseArgs({ options: { seconds: { type: 'string' }, quick: { type: 'boolean', default: false } } });
const seconds = Number(values.seconds ?? (values.quick ? QUICK_SECONDS : DEFAULT_SECONDS));
if (!(seconds >= 0)) throw new Error(`--seconds ${values.seconds} is no time`);

/** Prints the short slice; whether every ratio is inside its bound. */
function holdsBounds(): boolean {
  const times = measureRunTimes(seconds, QUICK_ROWS);
  const { text, holds } = judge(times);
  console.log(`${describeRunTimes(times)}\n${text}`);
  return holds;
}

console.log(machineName());
if (values.quick) {
  // A neighbour may have had the machine for all of a slice's rounds.
  if (!holdsBounds() && !holdsBounds()) process.exitCode = 1;
} else {
  console.log(describeRunTimes(measureRunTimes(seconds)));
  console.log(describeLoadTimes(await measureLoadTimes(1)));
}
