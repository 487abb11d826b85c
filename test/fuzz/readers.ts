/** `npm run fuzz:readers -- [--count N] [--seed S]`: changed inputs to every reader of a guest's bytes; exit status 1 when one fails. */

import { parseArgs } from 'node:util';
import { fuzzReaders } from './fuzz-readers.ts';

const PROGRESS_EVERY = 100_000;
/** Characters of a failing input; its seed makes the rest. */
const MOST_PRINTED = 400;

const { values } = parseArgs({
  options: { count: { type: 'string', default: '1000000' }, seed: { type: 'string', default: String(Date.now()) } },
});
const count = Number(values.count);
const start = performance.now();
const { counts, failures } = fuzzReaders(count, Number(values.seed), (done) => {
  if (done % PROGRESS_EVERY === 0) console.log(`${done} inputs, ${((performance.now() - start) / 1000).toFixed(0)} s`);
});
console.log(`seed ${values.seed}`);
console.table(Object.fromEntries(counts));
for (const { target, seed, what, input } of failures) {
  console.log(
    `\nFAILURE of ${target}, seed ${seed}: ${what}\n${Buffer.from(input).toString('base64').slice(0, MOST_PRINTED)}`,
  );
}
process.exitCode = failures.length > 0 ? 1 : 0;
