/** `npm run soak -- [--runs N]`: 50,000 runs and changes of owner in one process; exit status 1 when it grows or something is left. */

import { parseArgs } from 'node:util';
import { soak } from './soak.ts';

const REPORT_EVERY = 5_000;

const { values } = parseArgs({ options: { runs: { type: 'string', default: '50000' } } });
soak(Number(values.runs), REPORT_EVERY, ({ runs, memories, rssMib }) => {
  console.log(`${runs} runs, ${memories} memories, RSS ${rssMib.toFixed(0)} MiB`);
});
console.log('no growth, and nothing left of any owner');
