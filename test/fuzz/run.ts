/**
 * `npm run fuzz -- --seconds N --seed S [--count N] [--unsafe PERCENT] [--kernel]`: generated programs, engine against oracle; in every fourth
 * run with the trace flag on, and its steps applied to the first state must give the last. With --kernel programs that Linux accepts are
 * compared with the running kernel too. Prints the rate and what the runs reached; a difference is minimised, printed with its seed, and
 * makes the exit status 1.
 */

import { parseArgs } from 'node:util';
import { kernelAvailable } from '../support/kernel/available.ts';
import { Kernel } from '../support/kernel/kernel.ts';
import { Comparison, type Observation } from '../support/oracle/compare.ts';
import { compareRun, describeRun } from './compare-run.ts';
import { type GeneratedRun, generateRun } from './generator.ts';
import { compareWithKernel } from './kernel-run.ts';
import { minimise } from './minimise.ts';

/** Differences after which it makes no sense to go on. */
const MAX_DIFFERENCES = 5;
const TRACED_EVERY = 4;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now()) },
    count: { type: 'string', default: 'Infinity' },
    unsafe: { type: 'string', default: '25' },
    kernel: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const firstSeed = Number(values.seed);
const most = Number(values.count);
const options = values.kernel ? { unsafePercent: 0, forLinux: true } : { unsafePercent: Number(values.unsafe) };
const unavailable = values.kernel ? kernelAvailable() : null;
if (unavailable !== null) throw new Error(unavailable);
using kernel = values.kernel ? new Kernel() : undefined;

const comparison = new Comparison();
const outcomes = new Map<string, number>();
const refusals = new Map<string, number>();
let differences = 0;
let accepted = 0;
let instructions = 0;
let tailCalls = 0;
let done = 0;

function report(generated: GeneratedRun, trace: boolean): void {
  differences++;
  const fails = (run: GeneratedRun) => 'difference' in compareRun(comparison, run, trace);
  const smallest = minimise(generated, fails);
  const compared = compareRun(comparison, smallest, trace);
  console.log(`\nDIFFERENCE${trace ? ' with the trace flag' : ''}\n${describeRun(smallest)}`);
  if ('difference' in compared) console.log(compared.difference);
}

function runOnLinux(linux: Kernel, generated: GeneratedRun, observation: Observation): void {
  const compared = compareWithKernel(linux, generated, observation);
  if (compared.kind === 'refused') {
    refusals.set(compared.reason, (refusals.get(compared.reason) ?? 0) + 1);
    return;
  }
  accepted++;
  if (compared.kind === 'same') return;
  differences++;
  const fails = (run: GeneratedRun) => {
    const again = compareRun(comparison, run, false);
    return 'observation' in again && compareWithKernel(linux, run, again.observation).kind === 'different';
  };
  const smallest = minimise(generated, fails);
  const again = compareRun(comparison, smallest, false);
  console.log(`\nDIFFERENCE from Linux\n${describeRun(smallest)}`);
  if ('observation' in again) console.log(compareWithKernel(linux, smallest, again.observation));
}

const start = performance.now();
const elapsed = () => (performance.now() - start) / 1000;
while (elapsed() < seconds && done < most && differences < MAX_DIFFERENCES) {
  const generated = generateRun(firstSeed + done, options);
  const trace = done % TRACED_EVERY === 0;
  done++;
  const compared = compareRun(comparison, generated, trace);
  if ('difference' in compared) {
    report(generated, trace);
    continue;
  }
  const { observation } = compared;
  outcomes.set(observation.code, (outcomes.get(observation.code) ?? 0) + 1);
  instructions += observation.instructions;
  tailCalls += observation.tailCalls;
  if (kernel !== undefined) runOnLinux(kernel, generated, observation);
}

const rate = Math.round(done / elapsed());
console.log(
  `seeds ${firstSeed} to ${firstSeed + done - 1}: ${done} programs in ${elapsed().toFixed(1)} s, ${rate} a second`,
);
console.log(
  `${instructions} instructions, ${tailCalls} tail calls; outcomes ${JSON.stringify(Object.fromEntries(outcomes))}`,
);
console.log(`${comparison.applied} runs whose steps were applied`);
if (values.kernel) {
  const reasons = [...refusals].sort(([, left], [, right]) => right - left);
  console.log(`Linux accepted ${accepted}; refused: ${JSON.stringify(Object.fromEntries(reasons))}`);
}
console.log(`${differences} differences`);
process.exitCode = differences === 0 ? 0 : 1;
