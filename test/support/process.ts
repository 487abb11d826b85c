/** The server as a process, for tests of its start and its end. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';

const ROOT = new URL('../..', import.meta.url);

/** One JSON line of the server's log. */
interface LogLine {
  readonly msg: string;
  /** Of the line of readiness. */
  readonly api?: string;
  readonly admin?: string;
  readonly startupMs?: number;
  /** Of the line of a run. */
  readonly outcome?: string;
}

export interface RunningServer {
  readonly child: ChildProcess;
  readonly api: string;
  readonly admin: string;
  /** Log lines so far. */
  readonly lines: LogLine[];
  /** What was written for people. */
  greeting(): string;
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
}

export interface ServerCommand {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts the server on free ports, with a data folder of its own unless the environment names one, and waits until it is ready; it ends with the test. Rejects when it exits before. */
export async function startServer(
  t: Pick<TestContext, 'after'>,
  { command, arguments: list, environment = {} }: ServerCommand,
): Promise<RunningServer> {
  const ownFolder = await mkdtemp(join(tmpdir(), 'waggle-data-'));
  const child = spawn(command, [...list], {
    cwd: ROOT,
    env: {
      ...process.env,
      WAGGLE_PORT: '0',
      WAGGLE_ADMIN_PORT: '0',
      WAGGLE_WORKERS: '1',
      WAGGLE_DATA_DIR: ownFolder,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
    await rm(ownFolder, { recursive: true, force: true });
  });
  let told = '';
  child.stderr.on('data', (data) => {
    told += data.toString();
  });
  const lines: LogLine[] = [];
  const ready = Promise.withResolvers<LogLine>();
  createInterface(child.stdout).on('line', (line) => {
    const parsed = JSON.parse(line) as LogLine;
    lines.push(parsed);
    if (parsed.msg === 'ready') ready.resolve(parsed);
  });
  void exited.then((code) => ready.reject(new Error(`the server ended with ${code}: ${told}`)));
  const { api = '', admin = '' } = await ready.promise;
  return { child, api, admin, lines, greeting: () => told, exited };
}

/** POST /v1/runs over a real connection. */
export async function postRun(url: string, body: unknown): Promise<Response> {
  return fetch(`${url}/v1/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** Resolves when the server has a run on a thread. */
export async function untilBusy(admin: string): Promise<void> {
  while (!(await (await fetch(`${admin}/metrics`)).text()).includes('waggle_pool_busy_threads 1\n'));
}
