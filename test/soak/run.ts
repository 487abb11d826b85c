/** `npm run soak -- [--runs N]`: 50,000 runs and changes of owner in one process; exit status 1 when it grows or something is left. */

import { parseArgs } from 'node:util';
import { SHADOW_OFFSET } from '../../src/contract/memory.ts';
import { soak } from './soak.ts';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '50000' } } });
const options = { runs: Number(values.runs), warmUpRuns: 10_000, reportEvery: 5_000, bound: SHADOW_OFFSET };
soak(options, ({ runs, memories, rssMib }) => {
  console.log(`${runs} runs, ${memories} memories, RSS ${rssMib.toFixed(0)} MiB`);
});
console.log('no growth, and nothing left of any owner');
