/** The service as a process of its own, with limits for many sockets of one client, and what the system says of its memory. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = new URL('..', import.meta.url);

const ENVIRONMENT = {
  WAGGLE_PORT: '0',
  WAGGLE_ADMIN_PORT: '0',
  WAGGLE_LOG_LEVEL: 'info',
  WAGGLE_MAX_TRACE_SOCKETS: '1000',
  WAGGLE_MAX_TRACE_BYTES: String(1024 * 1024 * 1024),
};

/** Bytes of memory of a process; NaN where the system does not say. */
export interface MemoryUse {
  readonly now: number;
  /** The most since its start. */
  readonly peak: number;
}

export class BenchService {
  readonly api: string;
  readonly #admin: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string, api: string, admin: string) {
    this.#child = child;
    this.#folder = folder;
    this.api = api;
    this.#admin = admin;
  }

  /** Resolves when it is ready. Throws when it ends before. */
  static async start(environment: Readonly<Record<string, string>> = {}): Promise<BenchService> {
    const folder = mkdtempSync(join(tmpdir(), 'waggle-bench-'));
    const child = spawn(process.execPath, ['src/server.ts'], {
      cwd: ROOT,
      env: { ...process.env, ...ENVIRONMENT, WAGGLE_DATA_DIR: folder, ...environment },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    for await (const line of createInterface(child.stdout)) {
      const { msg, api, admin } = JSON.parse(line) as { msg: string; api?: string; admin?: string };
      if (msg !== 'ready' || api === undefined || admin === undefined) continue;
      child.stdout.resume();
      return new BenchService(child, folder, api, admin);
    }
    throw new Error('the service ended before it was ready');
  }

  /** The value of a metric without labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.#admin}/metrics`)).text();
    const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`no metric ${name}`);
    return Number(value);
  }

  memory(): MemoryUse {
    let status = '';
    try {
      status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    } catch {
      // Not Linux.
    }
    const bytes = (field: string) => 1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
    return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
  }

  async end(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
