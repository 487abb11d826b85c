/** A service for one test, which ends with the test. */

import type { TestContext } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import type { Readings } from '../../src/api/load.ts';
import { buildService, type Service } from '../../src/app.ts';
import { type Config, readConfig } from '../../src/config.ts';
import type { Limits } from '../../src/contract/limits.ts';
import type { ProblemDocument } from '../../src/contract/problem-document.ts';
import type { RunAnswerBody } from '../../src/contract/result.ts';
import type { RunBody } from '../../src/contract/run.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { Store } from '../../src/store/store.ts';

export const SCRIPTED_WORKER = new URL('../fixtures/workers/scripted.ts', import.meta.url).href;

const CALM: Readings = { memoryBytes: () => 0, eventLoopDelayMs: () => 0 };

export interface BuildOptions {
  readonly limits?: Partial<Limits>;
  readonly config?: Partial<Config>;
  /** Milliseconds; default: performance.now(). */
  readonly now?: () => number;
  /** Default: room enough, however busy the machine of the test is. */
  readonly readings?: Readings;
  /** Default: one in memory. */
  readonly store?: Store;
  /** Default: the scripted worker; null: the real one. */
  readonly worker?: string | null;
}

export interface BuiltService extends Service {
  /** Log lines so far. */
  readonly lines: Record<string, unknown>[];
  /** POST /v1/runs without a port. */
  readonly post: (body: unknown, headers?: Record<string, string>) => Promise<Answer>;
  /** Resolves when so many runs are on threads. */
  readonly busy: (threads: number) => Promise<void>;
  /** Resolves when so many runs wait. */
  readonly queued: (runs: number) => Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** A result or a problem: a test reads the fields of the one that it expects. */
  readonly body: RunAnswerBody & ProblemDocument;
}

/** Each request is run, so that a test may send the same body twice. */
const UNREMEMBERED = { maxMemoBytes: 0 };

/** Builds a service with one thread; inject or listen on it as the test needs. */
export async function build(
  t: TestContext,
  { limits = {}, config = {}, store, worker = SCRIPTED_WORKER, now, readings = CALM }: BuildOptions = {},
): Promise<BuiltService> {
  const lines: Record<string, unknown>[] = [];
  const defaults = readConfig({ WAGGLE_WORKERS: '1', WAGGLE_PORT: '0', WAGGLE_ADMIN_PORT: '0' });
  const service = await buildService(
    { ...defaults, ...config, limits: { ...defaults.limits, ...UNREMEMBERED, ...limits } },
    {
      ...(worker === null ? {} : { worker }),
      ...(now === undefined ? {} : { now }),
      readings,
      store: store ?? new MemoryStore({ quota: { ...defaults.limits, ...limits } }),
      logStream: { write: (line) => void lines.push(JSON.parse(line)) },
    },
  );
  t.after(() => service.close());
  const gauge = async (line: string): Promise<void> => {
    while (!(await service.admin.inject('/metrics')).body.includes(line)) await immediate();
  };
  return {
    ...service,
    lines,
    busy: (threads) => gauge(`waggle_pool_busy_threads ${threads}\n`),
    queued: (runs) => gauge(`waggle_pool_queue_size ${runs}\n`),
    post: async (body, headers = {}) => {
      const response = await service.api.inject({
        method: 'POST',
        url: '/v1/runs',
        headers: { 'content-type': 'application/json', ...headers },
        payload: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
      });
      return { status: response.statusCode, headers: response.headers, body: response.json() };
    },
  };
}

/** A body for the scripted worker, which behaves as the entry's name says. */
export function scripted(entry: string, changes: Partial<RunBody> = {}): RunBody {
  return { programs: [{ name: entry, type: 'xdp', asm: 'r0 = 2\nexit' }], entry, ...changes };
}
