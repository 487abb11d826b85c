/** Kills a writing process at random points and looks at what it has left. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import { MAX_STORE_PAGE } from '../../src/store/store.ts';
import { AMPLE } from '../support/store-drivers.ts';
import { Ledger } from './ledger.ts';
import { observe } from './subject.ts';

const WRITER = fileURLToPath(new URL('./writer.ts', import.meta.url));
/** One in so many processes is killed while it starts: at its first migration, its sweep, its recovery. */
const KILLED_AT_START = 5;
const LONGEST_START_MS = 600;
/** The others are killed so many lines and then so many milliseconds after their first line, at most. */
const MOST_LINES = 400;
const LONGEST_PAUSE_MS = 10;

export interface Report {
  readonly rounds: number;
  readonly acknowledged: number;
  readonly things: number;
}

/** Rounds on one folder: each starts a writer, kills it, and checks all that any of them was told. */
export async function crashRounds(folder: string, rounds: number): Promise<Report> {
  const ledger = new Ledger();
  for (let round = 0; round < rounds; round += 1) {
    await writeAndKill(folder, round, ledger);
    checkFiles(folder);
    await checkContents(folder, ledger);
  }
  return { rounds, acknowledged: ledger.acknowledged, things: [...ledger.things()].length };
}

async function writeAndKill(folder: string, round: number, ledger: Ledger): Promise<void> {
  const child = spawn(process.execPath, [WRITER, folder, String(round)], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let complaints = '';
  child.stderr.on('data', (data) => {
    complaints += data.toString();
  });
  const killAfter = (most: number) => setTimeout(() => child.kill('SIGKILL'), Math.random() * most);
  const atStart = Math.random() < 1 / KILLED_AT_START;
  if (atStart) killAfter(LONGEST_START_MS);
  let linesToKill = atStart ? Number.POSITIVE_INFINITY : Math.random() * MOST_LINES;
  for await (const line of createInterface(child.stdout)) {
    linesToKill -= 1;
    if (linesToKill < 0) {
      killAfter(LONGEST_PAUSE_MS);
      linesToKill = Number.POSITIVE_INFINITY;
    }
    // The last line may be cut.
    if (line.endsWith('}')) ledger.note(line);
  }
  const [, signal] = await exited;
  assert.equal(signal, 'SIGKILL', `the writer ended by itself: ${complaints}`);
}

/** The files alone, before anything is repaired. */
function checkFiles(folder: string): void {
  if (!existsSync(join(folder, 'waggle.db'))) return;
  const database = new DatabaseSync(join(folder, 'waggle.db'));
  try {
    assert.deepEqual(
      database
        .prepare('PRAGMA integrity_check')
        .all()
        .map(({ integrity_check }) => integrity_check),
      ['ok'],
    );
  } finally {
    database.close();
  }
  const blobs = join(folder, 'blobs');
  if (!existsSync(blobs)) return;
  for (const name of readdirSync(blobs).filter((one) => !one.endsWith('.tmp'))) {
    const hash = createHash('sha256')
      .update(readFileSync(join(blobs, name)))
      .digest('hex');
    assert.equal(hash, name, 'a blob that does not hash to its name');
  }
}

async function checkContents(folder: string, ledger: Ledger): Promise<void> {
  const store = await openSqliteStore(folder, { quota: AMPLE });
  for (const { kind, id } of ledger.things()) ledger.see(kind, id, await observe(store, kind, id));
  const unfinished = await store.runs.listUnfinished(0, MAX_STORE_PAGE);
  assert.deepEqual(unfinished.map(({ id }) => id).sort(), ledger.openRuns().slice(0, MAX_STORE_PAGE).sort());
  await store.close();
  checkBooks(folder);
}

/** After a start and an end that were in order: no blob is left over or missing, and each quota is the sum of its rows. */
function checkBooks(folder: string): void {
  const database = new DatabaseSync(join(folder, 'waggle.db'), { readOnly: true });
  try {
    const used = database.prepare('SELECT DISTINCT hash FROM blob_uses ORDER BY hash').all();
    assert.deepEqual(
      readdirSync(join(folder, 'blobs')).sort(),
      used.map(({ hash }) => hash),
    );
    const counted = database.prepare('SELECT tenant, items, bytes FROM usage WHERE items > 0 ORDER BY tenant').all();
    const summed = database
      .prepare(
        `SELECT tenant, count(*) AS items, sum(size) AS bytes FROM
           (SELECT tenant, size FROM programs UNION ALL SELECT tenant, size FROM runs UNION ALL SELECT tenant, size FROM shares)
         GROUP BY tenant ORDER BY tenant`,
      )
      .all();
    assert.deepEqual(counted, summed);
  } finally {
    database.close();
  }
}
