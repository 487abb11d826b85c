/** A run from whatever door it came in: admitted to the pool, then observed in the metrics, logged in one line and kept under its id. */

import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import { type FinishedRun, finishedRunOf, formOfRun } from '../contract/finished-run.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import { NOTHING_OBSERVED } from '../contract/unrun-result.ts';
import type { RunMode } from '../metrics/labels.ts';
import type { RunAnswer, RunHandle } from '../pool/run-job.ts';
import type { TraceListener } from '../pool/trace-channel.ts';
import type { Sandbox } from '../sandboxes/sandbox.ts';
import type { RunEnd } from '../store/stored-end.ts';
import type { Principal } from './principal.ts';
import type { Services } from './services.ts';

export interface RunStart {
  readonly spec: RunSpec;
  readonly principal: Principal;
  readonly mode: RunMode;
  /** Is it to be made even if it was made before? */
  readonly fresh?: boolean;
  /** Bound to the request id. */
  readonly log: FastifyBaseLogger;
  readonly listener?: TraceListener;
  /** The sandbox that it runs on; not given: a stateless run. */
  readonly sandbox?: Sandbox;
}

export interface StartedRun extends RunHandle {
  readonly id: string;
}

/** The end of a run that nothing better can be said of. */
export const DEFECT: RunEnd = {
  kind: 'problem',
  problem: { code: 'internal', detail: 'A defect of the server ended this run; it is logged.' },
};

/** Starts a run. When its answer is there, it stands in `services.runs` too. */
export function startRun(services: Services, start: RunStart): StartedRun {
  const { spec, principal } = start;
  const id = randomUUID();
  const { answer, cancel } = executeRun(services, { ...start, id });
  const end = services.runs.begin({ tenant: principal.tenant, id }, cancel, start.sandbox !== undefined);
  answer.then(
    (value) => end(endOf(spec, value)),
    () => end(DEFECT),
  );
  return { id, answer, cancel };
}

/** A run under an id that it has already. */
export interface RunExecution extends RunStart {
  readonly id: string;
  /** It was admitted before. */
  readonly admitted?: boolean;
}

/** Runs, observes, charges and logs; who asks keeps the end. A run that was made before is not made again. */
export function executeRun(services: Services, execution: RunExecution): RunHandle {
  const { pool, metrics, quotas, memo } = services;
  const { id, spec, principal, mode, log, listener = null, admitted = false, sandbox, fresh = false } = execution;
  // Who listens wants to hear it happen, and a sandbox has a state of its own.
  const key = listener === null && sandbox === undefined ? memo.keyOf(spec) : null;
  if (key !== null) {
    const known = fresh ? null : memo.find(key, id);
    metrics.observeMemo(known !== null);
    if (known !== null) return recalled(services, execution, known);
  }
  const request = { id, spec, principal: principal.bucket, listener, admitted };
  const handle = sandbox === undefined ? pool.submit(request) : sandbox.submit(pool, request);
  const answer = handle.answer.then((value) => {
    if (value.kind === 'result') {
      metrics.observeRun(value.result, value.observations, mode);
      quotas.charge(principal.bucket, Number(value.result.counters.instructions));
      if (key !== null) memo.remember(key, value.result.outcome.code, formOfRun(finishedRunOf(spec, value)));
    }
    logRun(log, id, mode, value);
    return value;
  });
  return { answer, cancel: handle.cancel };
}

function recalled(
  { metrics }: Services,
  { id, mode, log }: RunExecution,
  { result, started, source }: FinishedRun,
): RunHandle {
  metrics.observeRecalled(result.outcome.code, mode);
  log.info({ run: id, mode, outcome: result.outcome.code, kind: result.outcome.kind, recalled: true }, 'run');
  const replay =
    started === null || source === null ? null : { ...started, slotLog: source.slotLog, steps: source.steps };
  const answer: RunAnswer = { kind: 'result', result, observations: NOTHING_OBSERVED, replay, defect: null };
  return { answer: Promise.resolve(answer), cancel() {} };
}

export function endOf(spec: RunSpec, answer: RunAnswer): RunEnd {
  if (answer.kind === 'problem') return answer;
  return { kind: 'finished', run: finishedRunOf(spec, answer) };
}

/** One line a run: closed words and numbers only, so that no guest text reaches the log. */
function logRun(log: FastifyBaseLogger, run: string, mode: RunMode, answer: RunAnswer): void {
  if (answer.kind === 'problem') {
    log.info({ run, mode, problem: answer.problem.code }, 'run refused');
    return;
  }
  const { outcome, counters, timing } = answer.result;
  const line = { run, mode, outcome: outcome.code, kind: outcome.kind, counters, timing };
  if (answer.defect === null) log.info(line, 'run');
  else log.error({ ...line, err: answer.defect }, 'run');
}
