/**
 * The process that is killed: writes to a store from several sides at once, and tells on standard output each write before it begins
 * (`+`) and after it is acknowledged (`=`). Arguments: folder, number of this process.
 */

import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import { MAX_STORE_PAGE } from '../../src/store/store.ts';
import { AMPLE } from '../support/store-drivers.ts';
import { OPEN, perform, stateOf, TENANT, type Write } from './subject.ts';

const SIDES = 8;
const [folder = '', round = '0'] = process.argv.slice(2);
const store = await openSqliteStore(folder, { quota: { ...AMPLE, maxStoredItems: 1e9, maxStoredBytes: 1e15 } });

const PAUSE = new Int32Array(new SharedArrayBuffer(4));
const PAUSE_MS = 1;

/** Writes at once, so that it is told whenever the process ends; the pipe may be full while its reader is busy. */
function tell(sign: '+' | '=', write: Write): void {
  let left = Buffer.from(`${sign}${JSON.stringify(write)}\n`);
  while (left.length > 0) {
    try {
      left = left.subarray(writeSync(1, left));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(PAUSE, 0, 0, PAUSE_MS);
    }
  }
}

async function write(kind: Write['kind'], id: string, state: string | null): Promise<void> {
  const one: Write = { kind, id, state };
  tell('+', one);
  await perform(store, one);
  tell('=', one);
}

const below = (bound: number): number => Math.floor(Math.random() * bound);
/** One in five becomes a blob. */
const newState = (): string => stateOf(below(1e9), below(5) === 0 ? 66_000 + below(100_000) : below(2_000));

/** One of several who write at the same time, each his own things one after another. */
async function side(number: number): Promise<never> {
  const programs = new Map<string, string>();
  for (let count = 0; ; count += 1) {
    const id = `${round}-${number}-${count}`;
    await write('run', `run ${id}`, OPEN);
    await write('share', `share ${id}`, newState());
    if (below(2) === 0) await write('share', `share ${id}`, null);
    await write('sandbox', `sandbox ${number}`, newState());
    const state = newState();
    for (const tenant of [TENANT, 'bob']) {
      await write('program', `${tenant} ${id}`, state);
      programs.set(`${tenant} ${id}`, state);
    }
    for (const program of programs.keys()) {
      if (below(2) === 0) continue;
      await write('program', program, null);
      programs.delete(program);
    }
    if (below(2) === 0) await write('run', `run ${id}`, newState());
    if (below(10) === 0) await store.sweep();
  }
}

/** What a process that starts does with the runs that the one before has left. */
async function recover(): Promise<void> {
  await store.runs.noteStart();
  for (const { id } of await store.runs.listUnfinished(0, MAX_STORE_PAGE)) await write('run', id, newState());
}

await recover();
await Promise.all(Array.from({ length: SIDES }, (_, number) => side(number)));
