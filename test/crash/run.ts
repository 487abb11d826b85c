/** `npm run crash`: kills a writing process 200 times (or as often as the argument says), on a new data folder every 20 times. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crashRounds } from './rounds.ts';

const ROUNDS_OF_A_FOLDER = 20;
const all = Number(process.argv[2] ?? 200);

let acknowledged = 0;
for (let done = 0; done < all; done += ROUNDS_OF_A_FOLDER) {
  const folder = await mkdtemp(join(tmpdir(), 'waggle-crash-'));
  const rounds = Math.min(ROUNDS_OF_A_FOLDER, all - done);
  // When it throws, the folder stays for whoever looks for the reason.
  const report = await crashRounds(folder, rounds);
  await rm(folder, { recursive: true });
  acknowledged += report.acknowledged;
  console.log(
    `${done + rounds} kills: ${acknowledged} acknowledged writes, none lost; ${report.things} things in the last folder`,
  );
}
