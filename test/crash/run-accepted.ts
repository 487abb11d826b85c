/** `npm run crash:runs`: kills the service during 1,000 accepted runs (or as many as the argument says). */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crashOfAccepted } from './accepted.ts';

const count = Number(process.argv[2] ?? 1_000);
const folder = await mkdtemp(join(tmpdir(), 'waggle-crash-'));
const ending: (() => unknown)[] = [];
// When it throws, the folder stays for whoever looks for the reason.
try {
  const report = await crashOfAccepted({ after: (end) => void ending.push(end as () => unknown) }, folder, count);
  console.log(
    `${report.accepted} of ${count} runs accepted before the kill, ${report.told} results told; after it ${report.madeAgain} runs were made, ` +
      'each id has one end, and another restart changed none',
  );
  await rm(folder, { recursive: true });
} finally {
  for (const end of ending) await end();
}
