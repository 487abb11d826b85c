/** `npm run fuzz:slice`: a minute of fuzzing for CI, each time with other programs: against the oracle, and against Linux where bpf(2) is available. */

import { spawnSync } from 'node:child_process';
import { kernelAvailable } from '../support/kernel/available.ts';

const ORACLE_SECONDS = 40;
const KERNEL_SECONDS = 20;
/** Seeds of one second: more than are run in a slice. */
const SEEDS_A_SECOND = 100_000;

const seed = Math.floor(Date.now() / 1000) * SEEDS_A_SECOND;
const script = new URL('run.ts', import.meta.url).pathname;

/** @returns whether there was no difference; the seeds are in the output */
function fuzz(seconds: number, ...more: readonly string[]): boolean {
  const options = ['--seconds', String(seconds), '--seed', String(seed), ...more];
  console.log(`npm run fuzz -- ${options.join(' ')}`);
  return spawnSync(process.execPath, [script, ...options], { stdio: 'inherit' }).status === 0;
}

const agreesWithOracle = fuzz(ORACLE_SECONDS);
const noKernel = kernelAvailable();
if (noKernel !== null) console.log(noKernel);
const agreesWithLinux = noKernel !== null || fuzz(KERNEL_SECONDS, '--kernel');
if (!agreesWithOracle || !agreesWithLinux) process.exitCode = 1;
