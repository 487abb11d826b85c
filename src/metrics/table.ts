/** Every metric of the service, one row each (prefix waggle_). A row with label sets is zero-initialised over all their combinations. */

import { LABELS } from './labels.ts';

interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Label name to its closed set; `null`: the set is known when the app is built (routes). */
  readonly labels?: Readonly<Record<string, readonly string[] | null>>;
  readonly buckets?: readonly number[];
}

const SECONDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60];

export const METRICS = {
  runs_total: { type: 'counter', help: 'Runs by outcome.', labels: { outcome: LABELS.outcome, mode: LABELS.mode } },
  chain_depth: {
    type: 'histogram',
    help: 'Tail calls taken by one invocation.',
    buckets: [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 33],
  },
  tail_calls_total: {
    type: 'counter',
    help: 'Tail calls, taken or missed by reason.',
    labels: { result: LABELS.tailCallResult },
  },
  run_instructions: {
    type: 'histogram',
    help: 'Instructions executed by one run.',
    buckets: [0, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10],
  },
  instructions_total: { type: 'counter', help: 'Instructions executed.' },
  run_duration_seconds: {
    type: 'histogram',
    help: 'Time of a run by phase.',
    labels: { phase: LABELS.phase },
    buckets: SECONDS,
  },
  budget_used_ratio: {
    type: 'histogram',
    help: 'Part of a budget that a run used.',
    labels: { budget: LABELS.budget },
    buckets: [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 1],
  },
  faults_total: { type: 'counter', help: 'Faults of guests by code.', labels: { code: LABELS.fault } },
  verifier_rejections_total: {
    type: 'counter',
    help: 'Programs refused by the verifier.',
    labels: { rule: LABELS.rule },
  },
  helper_calls_total: { type: 'counter', help: 'Helper calls.', labels: { helper: LABELS.helper } },
  slot_updates_total: {
    type: 'counter',
    help: 'Changes of slots of prog arrays: stored, or refused by errno.',
    labels: { result: LABELS.slotResult },
  },
  live_slot_updates_total: { type: 'counter', help: 'Changes of slots while a run on their sandbox went on.' },
  sandboxes: { type: 'gauge', help: 'Sandboxes by state.', labels: { state: LABELS.sandboxState } },
  pool_threads: { type: 'gauge', help: 'Run threads.' },
  pool_busy_threads: { type: 'gauge', help: 'Run threads with a run.' },
  pool_queue_size: { type: 'gauge', help: 'Runs that wait for a thread.' },
  pool_oldest_task_age_seconds: { type: 'gauge', help: 'Age of the run that waits longest.' },
  pool_wait_seconds: { type: 'histogram', help: 'Wait from admission to a thread.', buckets: SECONDS },
  pool_recycles_total: { type: 'counter', help: 'Replaced run threads.', labels: { reason: LABELS.recycleReason } },
  trace_connections: { type: 'gauge', help: 'Open trace sockets.' },
  trace_steps_total: { type: 'counter', help: 'Steps sent on trace sockets, in whole batches.' },
  trace_bytes_total: { type: 'counter', help: 'Bytes of messages sent on trace sockets.' },
  trace_closes_total: { type: 'counter', help: 'Closed trace sockets by code.', labels: { code: LABELS.closeCode } },
  cache_requests_total: {
    type: 'counter',
    help: 'Look-ups in caches.',
    labels: { cache: ['programs', 'runs'], result: LABELS.cacheResult },
  },
  ratelimited_total: {
    type: 'counter',
    help: 'Requests refused by a rate.',
    labels: { policy: LABELS.ratePolicy },
  },
  shed_total: {
    type: 'counter',
    help: 'Requests refused since the process had no room.',
    labels: { reason: LABELS.shedReason },
  },
  http_request_duration_seconds: {
    type: 'histogram',
    help: 'Time of HTTP requests.',
    labels: { method: null, route: null, status: LABELS.statusClass },
    buckets: [0.001, 0.01, 0.1, 1, 10],
  },
  probe_runs_total: {
    type: 'counter',
    help: 'Runs of our own: the readiness probe, a new thread that proves itself.',
    labels: { result: LABELS.probeResult },
  },
  build_info: { type: 'gauge', help: 'Always 1; the labels say what runs.', labels: { version: null, node: null } },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;
