/**
 * Runs the items of a batch on all threads and tells of each as it finishes, one line of NDJSON a item. Pieces of a few items go to a thread
 * together; no more of them than there are threads, and one, are under way or wait to be read, so that a slow reader holds the batch back.
 */

import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import type { BatchRunAnswer } from '../contract/batch-task.ts';
import { formOfRun, NO_REST } from '../contract/finished-run.ts';
import type { OutcomeCode } from '../contract/outcome.ts';
import { PROBLEMS, type Problem, type ProblemCode } from '../contract/problem.ts';
import { problemDocument } from '../contract/problem-document.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import { NOTHING_OBSERVED, unrunResult } from '../contract/unrun-result.ts';
import type { RunMode } from '../metrics/labels.ts';
import type { BatchItem } from './batch-items.ts';
import type { Principal } from './principal.ts';
import type { Services } from './services.ts';

/** Items that go to a thread together, at most. A piece ends earlier by time, and when others want the thread. */
export const MAX_PIECE_ITEMS = 32;
/** An item that may execute more than this goes alone, so that none waits for it to be told of: some 50 ms of a thread. */
export const MAX_SHARED_INSTRUCTIONS = 10_000_000;

export interface BatchStart {
  readonly items: AsyncIterable<BatchItem>;
  /** How many they are. */
  readonly count: number;
  readonly principal: Principal;
  readonly mode: RunMode;
  /** Are runs to be made even if they were made before? */
  readonly fresh: boolean;
  /** Bound to the request id. */
  readonly log: FastifyBaseLogger;
  readonly requestId: string;
  /** Cancels what runs. */
  readonly stop: AbortSignal;
  /** How an item ends that was not begun when `stop` came. */
  readonly notBegun: 'cancelled' | 'draining';
}

/** What a stopped batch says of the items that it did not begin. */
const NOT_BEGUN: Problem = {
  code: 'draining',
  detail: 'This item was not begun: the server is shutting down. Send it again.',
};

interface RunItem {
  readonly index: number;
  readonly id: string;
  readonly spec: RunSpec;
  /** What its result is remembered by; null: nothing is. */
  readonly key: string | null;
  /** It may take long, or was in a piece that lost its thread: no other item waits for it, and it harms none. */
  readonly alone: boolean;
}

/** What a piece came to. */
interface Done {
  readonly lines: string;
  /** Items that were not begun. */
  readonly rest: readonly RunItem[];
}

type Tally = Partial<Record<OutcomeCode | ProblemCode, number>>;

/** Lines of the answer, several at a time, in the order in which the runs end. */
export async function* runBatch(services: Services, start: BatchStart): AsyncGenerator<string> {
  const batch = new RunningBatch(services, start);
  try {
    yield* batch.lines();
  } finally {
    await batch.finish();
  }
}

class RunningBatch {
  readonly #services: Services;
  readonly #start: BatchStart;
  readonly #items: AsyncIterator<BatchItem>;
  /** Items whose turn comes first: they were handed to a thread and not begun. */
  readonly #again: RunItem[] = [];
  readonly #underWay = new Map<Promise<Done>, Promise<{ readonly piece: Promise<Done>; readonly done: Done }>>();
  readonly #tally: Tally = {};
  #pieceItems: number;
  /** Lines of items that no thread sees. */
  #refused = '';

  constructor(services: Services, start: BatchStart) {
    this.#services = services;
    this.#start = start;
    this.#items = start.items[Symbol.asyncIterator]();
    const share = Math.ceil(start.count / (2 * services.pool.threads));
    this.#pieceItems = Math.min(Math.max(share, 1), MAX_PIECE_ITEMS);
  }

  async *lines(): AsyncGenerator<string> {
    const underWay = this.#underWay;
    const { threads } = this.#services.pool;
    for (;;) {
      while (underWay.size <= threads) {
        const items = await this.#next();
        if (items.length === 0) break;
        const piece = this.#run(items);
        underWay.set(
          piece,
          piece.then((done) => ({ piece, done })),
        );
      }
      const refused = this.#refused;
      this.#refused = '';
      if (refused !== '') yield refused;
      if (underWay.size === 0) return;
      const { piece, done } = await Promise.race(underWay.values());
      underWay.delete(piece);
      this.#again.push(...done.rest);
      if (done.lines !== '') yield done.lines;
    }
  }

  /** One line a batch, closed words and numbers only; defects have lines of their own. */
  async finish(): Promise<void> {
    // When nobody reads any more, what is under way has still to end.
    await Promise.allSettled(this.#underWay.keys());
    const { mode, count, log } = this.#start;
    log.info({ mode, items: count, ended: this.#tally }, 'batch');
  }

  /** The next items for a thread; none: there are no more. */
  async #next(): Promise<RunItem[]> {
    const items: RunItem[] = [];
    while (items.length < this.#pieceItems) {
      const item = this.#again.shift() ?? (await this.#read());
      if (item === null) break;
      if (item.alone && items.length > 0) {
        this.#again.unshift(item);
        break;
      }
      items.push(item);
      if (item.alone) break;
    }
    return items;
  }

  async #read(): Promise<RunItem | null> {
    for (;;) {
      const { value: item, done } = await this.#items.next();
      if (done === true) return null;
      const { index } = item;
      if ('problem' in item) {
        this.#refused += this.#problemLine(index, item.problem);
        continue;
      }
      const { spec } = item;
      const key = this.#services.memo.keyOf(spec);
      const one = { index, id: randomUUID(), spec, key, alone: spec.budgets.instructions > MAX_SHARED_INSTRUCTIONS };
      const recalled = this.#recall(one);
      if (recalled === null && !this.#start.stop.aborted) return one;
      this.#refused += recalled ?? this.#notBegun(one);
    }
  }

  /** The line of a run that was made before. */
  #recall({ index, id, key }: RunItem): string | null {
    const { memo, metrics, runs } = this.#services;
    if (key === null) return null;
    const known = this.#start.fresh ? null : memo.find(key, id);
    metrics.observeMemo(known !== null);
    if (known === null) return null;
    const { result } = known;
    metrics.observeRecalled(result.outcome.code, this.#start.mode);
    runs.keep({ tenant: this.#start.principal.tenant, id }, formOfRun(known));
    this.#count(result.outcome.code);
    return `{"index":${index},"status":200,"result":${JSON.stringify(result)}}\n`;
  }

  async #run(items: readonly RunItem[]): Promise<Done> {
    const { principal, stop } = this.#start;
    if (stop.aborted) return { lines: items.map((item) => this.#notBegun(item)).join(''), rest: [] };
    const { answer, cancel } = this.#services.pool.batch({ runs: items, principal: principal.bucket });
    stop.addEventListener('abort', cancel, { once: true });
    try {
      const told = await answer;
      if (told.kind === 'cancelled') return { lines: '', rest: items };
      if (told.kind === 'failed') return this.#failed(items, told.code, told.defect);
      const { answers } = told;
      this.#adapt(items.length, answers.length);
      return {
        lines: answers.map((one, place) => this.#line(items[place]!, one)).join(''),
        rest: items.slice(answers.length),
      };
    } finally {
      stop.removeEventListener('abort', cancel);
    }
  }

  /** Where pieces are cut short, smaller ones are handed over. */
  #adapt(given: number, made: number): void {
    this.#pieceItems = made < given ? Math.max(1, made) : Math.min(2 * this.#pieceItems, MAX_PIECE_ITEMS);
  }

  #failed(items: readonly RunItem[], code: 'worker_lost' | 'internal', defect: Error): Done {
    const [item] = items;
    if (item === undefined || items.length > 1) {
      return { lines: '', rest: items.map((one) => ({ ...one, alone: true })) };
    }
    this.#start.log.error({ run: item.id, mode: this.#start.mode, outcome: code, err: defect }, 'run');
    return { lines: this.#unrunLine(item, code), rest: [] };
  }

  #notBegun(item: RunItem): string {
    if (this.#start.notBegun === 'draining') return this.#problemLine(item.index, NOT_BEGUN);
    return this.#unrunLine(item, 'cancelled');
  }

  #unrunLine(item: RunItem, code: OutcomeCode): string {
    const result = unrunResult(item.id, item.spec, code, 0);
    const text = JSON.stringify(result);
    return this.#line(item, { kind: 'result', facts: result, text, rest: NO_REST, observations: NOTHING_OBSERVED });
  }

  #line({ index, id, key, spec }: RunItem, answer: BatchRunAnswer): string {
    if (answer.kind === 'problem') return this.#problemLine(index, answer.problem);
    const { principal, mode } = this.#start;
    const { facts, observations, rest, text } = answer;
    const kept = { result: text, rest, spec, sandbox: null };
    this.#services.metrics.observeRun(facts, observations, mode);
    this.#services.quotas.charge(principal.bucket, Number(facts.counters.instructions));
    this.#services.runs.keep({ tenant: principal.tenant, id }, kept);
    if (key !== null) this.#services.memo.remember(key, facts.outcome.code, kept);
    this.#count(facts.outcome.code);
    return `{"index":${index},"status":200,"result":${text}}\n`;
  }

  #problemLine(index: number, problem: Problem): string {
    this.#count(problem.code);
    const document = problemDocument(problem, this.#start.requestId);
    return `${JSON.stringify({ index, status: PROBLEMS[problem.code].status, problem: document })}\n`;
  }

  #count(code: OutcomeCode | ProblemCode): void {
    this.#tally[code] = (this.#tally[code] ?? 0) + 1;
  }
}
