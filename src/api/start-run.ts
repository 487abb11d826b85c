/** A run from whatever door it came in: admitted to the pool, then observed in the metrics and logged in one line. */

import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import type { RunSpec } from '../contract/run-spec.ts';
import type { RunMode } from '../metrics/labels.ts';
import type { RunAnswer, RunHandle } from '../pool/run-job.ts';
import type { TraceListener } from '../pool/trace-channel.ts';
import type { Services } from './services.ts';

export interface RunStart {
  readonly spec: RunSpec;
  readonly principal: string;
  readonly mode: RunMode;
  /** Bound to the request id. */
  readonly log: FastifyBaseLogger;
  readonly listener?: TraceListener;
}

export interface StartedRun extends RunHandle {
  readonly id: string;
}

export function startRun({ pool, metrics }: Services, { spec, principal, mode, log, listener }: RunStart): StartedRun {
  const id = randomUUID();
  const handle = pool.submit({ id, spec, principal, listener: listener ?? null });
  const answer = handle.answer.then((value) => {
    if (value.kind === 'result') metrics.observeRun(value.result, value.observations, mode);
    logRun(log, id, mode, value);
    return value;
  });
  return { id, answer, cancel: handle.cancel };
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
