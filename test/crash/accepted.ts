/** Kills the service in the middle of its accepted runs, starts it again twice, and looks at what became of each run. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type RunningServer, startServer } from '../support/process.ts';

/** Requests under way at a time. */
const CLIENTS = 16;
/** Attempts to hear the end of a run, each of up to 30 s. */
const ATTEMPTS = 20;
/** Loops of a run: it lasts a millisecond or two, so that many wait when the process is killed. */
const LOOPS = 100_000;

export interface AcceptedReport {
  /** Runs that were accepted before the kill. */
  readonly accepted: number;
  /** Of them, those whose result was told before the kill. */
  readonly told: number;
  /** Ends that the second process made. */
  readonly madeAgain: number;
}

/** A run whose result depends on its number. */
const bodyOf = (number: number): string =>
  JSON.stringify({
    programs: [
      {
        name: 'p',
        type: 'xdp',
        asm: `call bpf_get_prandom_u32\nr1 = ${LOOPS}\nloop:\nr0 *= 31\nr0 += r1\nr1 += -1\nif r1 != 0 goto loop\nexit`,
      },
    ],
    entry: 'p',
    input: { packet: { hex: '00'.repeat(64) } },
    verify: 'off',
    seed: number,
  });

async function post(server: RunningServer, number: number): Promise<string | null> {
  const headers = {
    'content-type': 'application/json',
    prefer: 'respond-async',
    'idempotency-key': `run-${number}`,
  };
  try {
    const response = await fetch(`${server.api}/v1/runs`, { method: 'POST', headers, body: bodyOf(number) });
    const answer = (await response.json()) as { id?: string };
    assert.equal(response.status, 202, JSON.stringify(answer));
    return answer.id!;
  } catch (error) {
    // The process was killed while it answered.
    if (error instanceof TypeError || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The body of the result; null: it has not ended within the wait. */
async function resultText(server: RunningServer, id: string, wait: number): Promise<string | null> {
  const response = await fetch(`${server.api}/v1/runs/${id}?wait=${wait}s`);
  const text = await response.text();
  if (response.status === 202) return null;
  assert.equal(response.status, 200, text);
  return text;
}

async function endedText(server: RunningServer, id: string): Promise<string> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const text = await resultText(server, id, 30);
    if (text !== null) return text;
  }
  throw new Error(`run ${id} does not end`);
}

/** Does `work` with each number, several at a time. */
async function each(count: number, work: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const client = async (): Promise<void> => {
    for (let number = next; number < count; number = next) {
      next += 1;
      await work(number);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

const start = (t: Pick<TestContext, 'after'>, folder: string): Promise<RunningServer> =>
  startServer(t, {
    command: process.execPath,
    arguments: ['src/server.ts'],
    environment: { WAGGLE_DATA_DIR: folder, WAGGLE_WORKERS: '2', WAGGLE_MAX_EVENT_LOOP_DELAY_MS: '0' },
  });

async function kill(server: RunningServer): Promise<void> {
  server.child.kill('SIGKILL');
  assert.equal(await server.exited, 'SIGKILL');
}

/** Accepts `count` runs on a new data folder, and kills the process when some have ended. */
export async function crashOfAccepted(
  t: Pick<TestContext, 'after'>,
  folder: string,
  count: number,
): Promise<AcceptedReport> {
  const first = await start(t, folder);
  const ids = new Map<number, string>();
  const told = new Map<string, string>();
  const accepting = each(count, async (number) => {
    const id = await post(first, number);
    if (id !== null) ids.set(number, id);
  });
  // All but a few have been accepted, and the threads are far behind: now.
  while (ids.size < count - CLIENTS) await delay(1);
  for (const id of [...ids.values()].slice(0, CLIENTS)) {
    const text = await resultText(first, id, 0);
    if (text !== null) told.set(id, text);
  }
  await kill(first);
  await accepting;
  const accepted = ids.size;
  assert.equal(new Set(ids.values()).size, accepted, 'an id was given twice');

  const second = await start(t, folder);
  // Who did not hear the answer, or did, sends the same again.
  await each(count, async (number) => {
    const id = await post(second, number);
    assert.ok(id !== null);
    assert.equal(id, ids.get(number) ?? id, `run ${number} was accepted twice`);
    ids.set(number, id);
  });
  const ended = new Map<number, string>();
  await each(count, async (number) => {
    const id = ids.get(number)!;
    const text = await endedText(second, id);
    const result = JSON.parse(text);
    assert.deepEqual([result.id, result.seed, result.outcome.code], [id, String(number), 'exit']);
    assert.equal(told.get(id) ?? text, text, `run ${number} was told in two ways`);
    ended.set(number, text);
  });
  assert.equal(new Set([...ended.values()].map((text) => JSON.parse(text).r0)).size, count, 'a result of another run');
  const madeAgain = second.lines.filter(({ msg }) => msg === 'run').length;
  await kill(second);

  const third = await start(t, folder);
  await each(count, async (number) => {
    assert.equal(await resultText(third, ids.get(number)!, 0), ended.get(number), `run ${number} has changed`);
  });
  assert.equal(third.lines.filter(({ msg }) => msg === 'run').length, 0, 'a run that had ended was run again');
  third.child.kill('SIGTERM');
  assert.equal(await third.exited, 0);
  return { accepted, told: told.size, madeAgain };
}
