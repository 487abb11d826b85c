/** Streams of step batches as a run thread makes them, in this thread: slice after slice, as an API thread would ask for them. */

import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { limitsWith } from '../../src/contract/limits.ts';
import type { RunSpec } from '../../src/contract/run-spec.ts';
import {
  REPLAY_CONTROL,
  type ReplayAnswer,
  type ReplaySource,
  type ReplayWork,
  type StepMessage,
} from '../../src/contract/task.ts';
import { Engine } from '../../src/pipeline/engine.ts';
import { runTask } from './engine-run.ts';

const ENGINE = new Engine();
const MANY_BYTES = 1 << 30;

export type StreamWork = Extract<ReplayWork, { kind: 'stream' }>;
export type Batch = Extract<StepMessage, { type: 'batch' }>;

export const STREAM: StreamWork = {
  kind: 'stream',
  from: 0,
  encoding: 'binary',
  handle: 7,
  id: 's',
  programs: null,
  known: null,
  maxBatchBytes: 1 << 20,
};

export function newControl(credit = MANY_BYTES): Int32Array<SharedArrayBuffer> {
  const control = new Int32Array(new SharedArrayBuffer(4 * REPLAY_CONTROL.COUNT));
  control[REPLAY_CONTROL.CREDIT] = credit;
  return control;
}

/** What makes the run again, after it has run. */
export function sourceOf(spec: RunSpec, engine = ENGINE): ReplaySource {
  const answer = runTask(spec, { engine });
  if (answer.kind !== 'result' || answer.replay === null)
    throw new Error(`no run to replay: ${JSON.stringify(answer)}`);
  return { spec, ...answer.replay };
}

export interface ReplaySettings {
  readonly engine?: Engine;
  readonly control?: Int32Array<SharedArrayBuffer>;
  readonly maxReplayMs?: number;
}

/** One task, and what it said on its port. */
export function replayTask(
  source: ReplaySource,
  work: ReplayWork,
  { engine = ENGINE, control = newControl(), maxReplayMs = 60_000 }: ReplaySettings = {},
): { answer: ReplayAnswer; messages: StepMessage[] } {
  const { port1, port2 } = new MessageChannel();
  const answer = engine.runReplay({
    kind: 'replay',
    source,
    limits: limitsWith(),
    maxReplayMs,
    work,
    port: work.kind === 'stream' ? port2 : null,
    control,
  });
  const messages: StepMessage[] = [];
  for (let next = receiveMessageOnPort(port1); next !== undefined; next = receiveMessageOnPort(port1)) {
    messages.push(next.message as StepMessage);
  }
  port1.close();
  return { answer, messages };
}

/** The whole stream from `from` on, with so much credit for each slice. */
export function streamAll(source: ReplaySource, changes: Partial<StreamWork> = {}, credit = MANY_BYTES) {
  const messages: StepMessage[] = [];
  const known: number[] = [];
  let slices = 0;
  let work: StreamWork = { ...STREAM, ...changes };
  for (;;) {
    const { answer, messages: said } = replayTask(source, work, { control: newControl(credit) });
    if (answer.kind !== 'streamed') throw new Error(JSON.stringify(answer));
    slices++;
    messages.push(...said.filter((message) => message.type !== 'end'));
    known.push(...said.flatMap((message) => (message.type === 'code' ? [message.key] : [])));
    if (answer.ended) break;
    work = { ...work, from: answer.next, known: [...known] };
  }
  const batches = messages.filter((message): message is Batch => message.type === 'batch');
  return { messages, batches, slices, whole: batches.filter((batch) => !batch.partial) };
}
