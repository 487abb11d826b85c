/** What becomes of an accepted run or batch when its turn has come: from its stored body to its end. */

import type { FastifyBaseLogger } from 'fastify';
import { PROBLEMS, type Problem } from '../contract/problem.ts';
import { problemDocument } from '../contract/problem-document.ts';
import type { RunBody } from '../contract/run.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import { unrunResult } from '../contract/unrun-result.ts';
import type { StoredRun } from '../store/store.ts';
import type { RunEnd } from '../store/stored-end.ts';
import { type BatchItem, batchOfLines, readItems } from './batch-items.ts';
import type { JsonReader } from './json-body.ts';
import { ProblemError } from './problem-error.ts';
import { runBatch } from './run-batch.ts';
import type { RunReader } from './run-reader.ts';
import type { Services } from './services.ts';
import { endOf, executeRun } from './start-run.ts';

/** Starts of the process that may find a run unfinished; then it is believed to end the process, and is given up. */
export const MAX_STARTS = 10;

/** One whose turn has come. */
export interface Turn {
  readonly tenant: string;
  /** The bucket: the name that the fair queue knows. */
  readonly principal: string;
  /** performance.now() when it was queued, ms. */
  readonly since: number;
  /** Aborted when the client cancels it, or when the process must end. */
  readonly stop: AbortController;
  /** Does the client not want it any more? */
  readonly isCancelled: boolean;
}

/** What both kinds need. */
export interface ExecutionTools {
  readonly services: Services;
  readonly read: RunReader;
  readonly readLine: JsonReader;
  readonly log: FastifyBaseLogger;
}

/** How a run ends; null: it is put off until the process has started again. */
export async function executeAccepted(
  { services, read, log }: ExecutionTools,
  turn: Turn,
  { id, request, starts }: StoredRun,
): Promise<RunEnd | null> {
  const { tenant, principal: bucket, since, stop } = turn;
  const spec = await readSpec(read, request);
  if (!('entry' in spec)) return { kind: 'problem', problem: spec };
  const unrun = (code: 'worker_lost' | 'cancelled'): RunEnd => {
    const queueUs = Math.round((performance.now() - since) * 1000);
    return { kind: 'finished', run: { result: unrunResult(id, spec, code, queueUs), started: null, source: null } };
  };
  if (starts > MAX_STARTS) return unrun('worker_lost');
  if (turn.isCancelled) return unrun('cancelled');
  if (stop.signal.aborted) return null;
  const run = executeRun(services, { id, spec, principal: { tenant, bucket }, mode: 'async', log, admitted: true });
  stop.signal.addEventListener('abort', run.cancel, { once: true });
  const answer = await run.answer;
  stop.signal.removeEventListener('abort', run.cancel);
  const isStopped = answer.kind === 'result' && answer.result.outcome.code === 'cancelled';
  return isStopped && !turn.isCancelled ? null : endOf(spec, answer);
}

async function readSpec(read: RunReader, request: string): Promise<RunSpec | Problem> {
  try {
    return await read(JSON.parse(request) as RunBody, Buffer.byteLength(request));
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return error.problem;
  }
}

/** The lines of a batch in the order of its items, or why it is none any more; null: it is put off. */
export async function executeAcceptedBatch(
  { services, read, readLine, log }: ExecutionTools,
  turn: Turn,
  { id, request, starts }: StoredRun,
): Promise<string | Problem | null> {
  const { limits } = services;
  const { tenant, principal: bucket, stop } = turn;
  try {
    const batch = batchOfLines(Buffer.from(request), readLine, limits);
    const { count } = batch;
    const lines = runBatch(services, {
      items: starts > MAX_STARTS ? givenUp(count) : readItems(batch.items(), read),
      count,
      principal: { tenant, bucket },
      mode: 'async',
      fresh: false,
      log: log.child({ batch: id }),
      requestId: id,
      stop: stop.signal,
      notBegun: 'cancelled',
    });
    const ordered = await inOrder(lines, count, limits.maxBatchResultBytes, id);
    return stop.signal.aborted && !turn.isCancelled ? null : ordered;
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return error.problem;
  }
}

async function* givenUp(count: number): AsyncGenerator<BatchItem> {
  const problem: Problem = {
    code: 'internal',
    detail: `The server has started ${MAX_STARTS} times without ending this batch, and gave it up.`,
  };
  for (let index = 0; index < count; index += 1) yield { index, problem };
}

const LINE_INDEX = /^\{"index":([0-9]+),/;

/** Lines by their index; what does not fit any more is replaced by a problem. */
async function inOrder(lines: AsyncIterable<string>, count: number, most: number, requestId: string): Promise<string> {
  const ordered = Array.from({ length: count }, () => '');
  let bytes = 0;
  for await (const some of lines) {
    for (const line of some.split('\n')) {
      const index = Number(LINE_INDEX.exec(line)?.[1] ?? -1);
      if (index < 0) continue;
      bytes += Buffer.byteLength(line);
      ordered[index] = bytes <= most ? line : tooLong(index, most, requestId);
    }
  }
  return `${ordered.join('\n')}\n`;
}

function tooLong(index: number, most: number, requestId: string): string {
  const detail = `The lines of this batch are larger than maxBatchResultBytes, which is ${most} here; send this item in another batch.`;
  const problem: Problem = { code: 'limit_exceeded', detail, limit: 'maxBatchResultBytes' };
  const { status } = PROBLEMS[problem.code];
  return JSON.stringify({ index, status, problem: problemDocument(problem, requestId) });
}
