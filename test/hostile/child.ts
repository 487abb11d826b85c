/**
 * A process of its own for one hostile case, so that its death is a test's failure and its memory can be measured:
 *
 *   node test/hostile/child.ts CASE-INDEX SECONDS
 *
 * The case runs again and again for so many seconds through the pool's own thread (workers/run.ts, with its resourceLimits), then an
 * honest run is timed. The last line on stdout is a Report.
 */

import { limitsWith } from '../../src/contract/limits.ts';
import type { RunSpec } from '../../src/contract/run-spec.ts';
import type { TaskAnswer } from '../../src/contract/task.ts';
import { RunThread } from '../../src/pool/run-thread.ts';
import { runSpec } from '../support/engine-run.ts';
import { CASES } from './cases.ts';
import { type Report, WALL_MS } from './report.ts';

const MS_PER_SECOND = 1000;
const KIB_PER_MIB = 1024;
/** A thread that needs longer is lost. */
const DEADLINE_MS = 60_000;

const [index, seconds] = process.argv.slice(2).map(Number);
const hostile = CASES[index ?? -1];
if (hostile === undefined || seconds === undefined) throw new Error('usage: child.ts CASE-INDEX SECONDS');
const thread = new RunThread(new URL('../../workers/run.ts', import.meta.url).href);

async function serve(spec: RunSpec): Promise<TaskAnswer> {
  const cancel = new Int32Array(new SharedArrayBuffer(4));
  const done = await thread.run(
    { kind: 'run', id: 'hostile', spec, limits: limitsWith(), queueUs: 0, tracePort: null, cancel },
    [],
    DEADLINE_MS,
  );
  if (done.kind !== 'answered') throw done.error;
  return done.answer as TaskAnswer;
}

function endOf(answer: TaskAnswer): string {
  if (answer.kind === 'result') return answer.result.outcome.code;
  return answer.problem.limit ?? `${answer.problem.code}: ${answer.problem.detail}`;
}

await serve(runSpec({ programs: { p: 'r0 = 2\nexit' } }));
const begin = performance.now();
const ends = new Set<string>();
let loadMs = 0;
let overrunMs = 0;
let runs = 0;
// What is refused at load is never hot: a third of the time shows as much.
const milliseconds = seconds * MS_PER_SECOND * (typeof hostile.ends === 'string' ? 1 : 1 / 3);
while (runs === 0 || performance.now() - begin < milliseconds) {
  const spec = hostile.run(runs);
  const left = Math.max(Math.round(milliseconds - (performance.now() - begin)), 1);
  const wallMs = Math.min(left, WALL_MS);
  const start = performance.now();
  const answer = await serve({ ...spec, budgets: { ...spec.budgets, wallMs } });
  const whole = performance.now() - start;
  ends.add(endOf(answer));
  runs++;
  const executed = answer.kind === 'result' ? Number(answer.result.timing.execNs) / 1e6 : 0;
  loadMs = Math.max(loadMs, whole - executed);
  overrunMs = Math.max(overrunMs, executed - wallMs);
}
const honest = performance.now();
const answer = await serve(runSpec({ programs: { p: `r0 = ${Math.floor(honest)}\nexit` } }));
const report: Report = {
  ends: [...ends],
  runs,
  loadMs,
  overrunMs,
  honestMs: performance.now() - honest,
  honestOk: answer.kind === 'result' && answer.result.returnValue === Math.floor(honest),
  rssMib: process.resourceUsage().maxRSS / KIB_PER_MIB,
};
console.log(JSON.stringify(report));
await thread.close();
