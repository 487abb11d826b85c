/** The metrics of one app: its own registry, filled from the table, and the functions that observe. */

import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { OutcomeCode } from '../contract/outcome.ts';
import type { RunFacts } from '../contract/result.ts';
import type { Observations } from '../contract/task.ts';
import { VERSION } from '../contract/version.ts';
import { CountedHistogram } from './counted-histogram.ts';
import { closedLabel, LABELS, OTHER, type RunMode } from './labels.ts';
import { METRICS, type MetricName } from './table.ts';

export const PREFIX = 'waggle_';

/** What the gauges show, read at each scrape. */
export interface GaugeSource {
  readonly threads: number;
  readonly busy: number;
  readonly queued: number;
  readonly oldestSeconds: number;
  /** Sandboxes by state. */
  readonly sandboxes: Readonly<Record<(typeof LABELS.sandboxState)[number], number>>;
}

export interface Route {
  readonly method: string;
  readonly route: string;
}

/** Requests that no route takes. */
export const UNMATCHED: Route = { method: OTHER, route: 'unmatched' };

export class Metrics {
  readonly registry = new Registry();
  readonly #counters = new Map<MetricName, Counter>();
  readonly #gauges = new Map<MetricName, Gauge>();
  readonly #histograms = new Map<MetricName, Histogram>();
  readonly #chainDepth: CountedHistogram;
  readonly #routes = new Set<string>();

  constructor() {
    const { help, buckets } = METRICS.chain_depth;
    this.#chainDepth = new CountedHistogram(`${PREFIX}chain_depth`, help, buckets).register(this.registry);
    for (const name of Object.keys(METRICS) as MetricName[]) if (name !== 'chain_depth') this.#create(name);
    this.#gauge('build_info').set({ version: VERSION, node: process.version }, 1);
    this.addRoutes([UNMATCHED]);
  }

  #create(name: MetricName): void {
    const row: {
      type: string;
      help: string;
      labels?: Record<string, readonly string[] | null>;
      buckets?: readonly number[];
    } = METRICS[name];
    const labels = row.labels ?? {};
    const shape = { name: PREFIX + name, help: row.help, labelNames: Object.keys(labels), registers: [this.registry] };
    if (row.type === 'counter') this.#counters.set(name, new Counter(shape));
    else if (row.type === 'gauge') this.#gauges.set(name, new Gauge(shape));
    else this.#histograms.set(name, new Histogram({ ...shape, buckets: [...row.buckets!] }));
    if (Object.values(labels).every((set) => set !== null) && shape.labelNames.length > 0) {
      for (const values of combinations(labels as Record<string, readonly string[]>)) {
        this.#counters.get(name)?.inc(values, 0);
        this.#gauges.get(name)?.set(values, 0);
        this.#histograms.get(name)?.zero(values);
      }
    }
  }

  #count(name: MetricName, labels: Record<string, string> = {}, by = 1): void {
    this.#counters.get(name)!.inc(labels, by);
  }

  #gauge(name: MetricName): Gauge {
    return this.#gauges.get(name)!;
  }

  #observe(name: MetricName, value: number, labels: Record<string, string> = {}): void {
    this.#histograms.get(name)!.observe(labels, value);
  }

  /** Makes the series of routes known; requests to any other are counted as unmatched. */
  addRoutes(routes: readonly Route[]): void {
    for (const { method, route } of routes) {
      this.#routes.add(`${method} ${route}`);
      for (const status of LABELS.statusClass) {
        this.#histograms.get('http_request_duration_seconds')!.zero({ method, route, status });
      }
    }
  }

  /** A finished run: every counter of its result, and what only the worker saw. */
  observeRun(result: RunFacts, observations: Observations, mode: RunMode): void {
    const { counters, timing, budgets, outcome } = result;
    const instructions = Number(counters.instructions);
    const execSeconds = Number(timing.execNs) / 1e9;
    this.#count('runs_total', { outcome: outcome.code, mode });
    this.#count('tail_calls_total', { result: 'taken' }, counters.tailCalls);
    for (const [miss, number] of Object.entries(counters.tailCallMisses)) {
      this.#count('tail_calls_total', { result: miss }, number);
    }
    this.#count('instructions_total', {}, instructions);
    this.#observe('run_instructions', instructions);
    observations.chainDepths.forEach((invocations, depth) => {
      if (invocations > 0) this.#chainDepth.observe(depth, invocations);
    });
    const phases = [
      timing.queueUs / 1e6,
      timing.loadUs / 1e6,
      timing.verifyUs / 1e6,
      timing.compileUs / 1e6,
      execSeconds,
    ];
    for (const [place, phase] of LABELS.phase.entries())
      this.#observe('run_duration_seconds', phases[place]!, { phase });
    this.#observe('budget_used_ratio', instructions / budgets.instructions, { budget: 'instructions' });
    this.#observe('budget_used_ratio', (execSeconds * 1000) / budgets.wallMs, { budget: 'wallMs' });
    if (budgets.tailCalls !== null && budgets.tailCalls > 0) {
      this.#observe('budget_used_ratio', counters.tailCalls / budgets.tailCalls, { budget: 'tailCalls' });
    }
    if (outcome.kind === 'fault') this.#count('faults_total', { code: outcome.code });
    if (observations.verifierRule !== null) {
      this.#count('verifier_rejections_total', { rule: closedLabel(LABELS.rule, observations.verifierRule) });
    }
    for (const [helper, calls] of Object.entries(observations.helperCalls)) {
      this.#count('helper_calls_total', { helper: closedLabel(LABELS.helper, helper) }, calls);
    }
    if (result.runKey !== null)
      this.#count('cache_requests_total', { cache: 'programs', result: result.cache.programs });
  }

  /** A run whose result was remembered: it executed nothing. */
  observeRecalled(outcome: OutcomeCode, mode: RunMode): void {
    this.#count('runs_total', { outcome, mode });
  }

  /** Was the result of a run looked for, and remembered? */
  observeMemo(hit: boolean): void {
    this.#count('cache_requests_total', { cache: 'runs', result: hit ? 'hit' : 'miss' });
  }

  // The pool's observer.
  waited(seconds: number): void {
    this.#observe('pool_wait_seconds', seconds);
  }

  recycled(reason: (typeof LABELS.recycleReason)[number]): void {
    this.#count('pool_recycles_total', { reason });
  }

  probed(passed: boolean): void {
    this.#count('probe_runs_total', { result: passed ? 'passed' : 'failed' });
  }

  /** A change of a slot, or its errno; live: while a run goes on. */
  observeSlotChange(result: string, live: boolean): void {
    this.#count('slot_updates_total', { result: closedLabel(LABELS.slotResult, result) });
    if (live) this.#count('live_slot_updates_total');
  }

  // The trace socket.
  traceOpened(): void {
    this.#gauge('trace_connections').inc();
  }

  traceSent(bytes: number): void {
    this.#count('trace_bytes_total', {}, bytes);
  }

  traceSteps(steps: number): void {
    this.#count('trace_steps_total', {}, steps);
  }

  traceClosed(code: number): void {
    this.#gauge('trace_connections').dec();
    this.#count('trace_closes_total', { code: closedLabel(LABELS.closeCode, String(code)) });
  }

  rateLimited(policy: string): void {
    this.#count('ratelimited_total', { policy });
  }

  shed(reason: (typeof LABELS.shedReason)[number]): void {
    this.#count('shed_total', { reason });
  }

  /** A finished HTTP request; route is the pattern, undefined when none took it. */
  observeRequest(method: string, route: string | undefined, status: number, seconds: number): void {
    const known = route !== undefined && this.#routes.has(`${method} ${route}`);
    const labels = known ? { method, route } : UNMATCHED;
    const statusClass = `${Math.floor(status / 100)}xx`;
    if (closedLabel(LABELS.statusClass, statusClass) === OTHER) return;
    this.#observe('http_request_duration_seconds', seconds, { ...labels, status: statusClass });
  }

  /** The text of /metrics. */
  async scrape(source: GaugeSource): Promise<string> {
    this.#gauge('pool_threads').set(source.threads);
    this.#gauge('pool_busy_threads').set(source.busy);
    this.#gauge('pool_queue_size').set(source.queued);
    this.#gauge('pool_oldest_task_age_seconds').set(source.oldestSeconds);
    for (const state of LABELS.sandboxState) this.#gauge('sandboxes').set({ state }, source.sandboxes[state]);
    return this.registry.metrics();
  }
}

/** Every combination of one value from each set. */
function combinations(sets: Readonly<Record<string, readonly string[]>>): Record<string, string>[] {
  return Object.entries(sets).reduce<Record<string, string>[]>(
    (rows, [label, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [label]: value }))),
    [{}],
  );
}
