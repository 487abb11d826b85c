/** What the routes share: one value, made by app.ts and handed to each resource. */

// Only for the fields that it adds to route schemas (hide, summary, tags).
import type {} from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { Limits } from '../contract/limits.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { RunPool } from '../pool/pool.ts';
import type { Sandboxes } from '../sandboxes/sandboxes.ts';
import type { KeptRuns } from '../store/kept-runs.ts';
import type { Store } from '../store/store.ts';
import type { Load } from './load.ts';
import type { Memo } from './memo.ts';
import type { Quotas } from './quotas.ts';
import type { StoredPrograms } from './stored-programs.ts';

/** Whether the server is shutting down, and who wants to hear of it. */
export interface Lifecycle {
  draining: boolean;
  /** Called once when draining begins; resolves when the listener is done with its clients. */
  readonly onDrain: Set<(deadlineMs: number) => Promise<void>>;
}

export interface Services {
  readonly limits: Limits;
  readonly allowedOrigins: readonly string[];
  readonly pool: RunPool;
  /** One thread for loading, so that programs can be added while all run threads are busy. */
  readonly loader: RunPool;
  readonly sandboxes: Sandboxes;
  readonly metrics: Metrics;
  readonly quotas: Quotas;
  readonly load: Load;
  /** Results by what was asked. */
  readonly memo: Memo;
  /** Runs by id, running and finished. */
  readonly runs: KeptRuns;
  /** What outlives the process. */
  readonly store: Store;
  /** Its programs, for runs and sandboxes. */
  readonly programs: StoredPrograms;
  readonly lifecycle: Lifecycle;
  /** Where the admin port is; it is known when the server listens. */
  readonly adminUrl: () => string;
}

export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
