/**
 * All steps of a run, taken one batch after the other by who wants them: each batch that is taken gives its bytes back as credit. Who takes
 * none holds a bounded number of bytes here and no thread of the pool.
 */

import type { ReplayAnswer, ReplaySource, ReplayWork, StepMessage } from '../contract/task.ts';
import type { RunPool } from '../pool/pool.ts';
import type { ReplayHandle } from '../pool/replay-job.ts';
import { replayed, stoppedReplay } from './find-run.ts';

/** Bytes of batches that may wait to be taken; one batch more may have been under way. */
export const BATCH_CREDIT_BYTES = 1024 * 1024;

export interface BatchRequest {
  readonly pool: Pick<RunPool, 'replay'>;
  readonly principal: string;
  readonly source: ReplaySource;
  /** Id in the batches' JSON. */
  readonly id: string;
  /** The first batch is the one that this step lies in. */
  readonly from: number;
  /** A larger batch is a gap. */
  readonly maxBatchBytes: number;
  /** Ends the batches at once. */
  readonly stop: AbortSignal;
}

/** A whole batch as JSON text (message `steps` of the trace socket), or a gap. */
export type StepBatch =
  | Extract<StepMessage, { type: 'gap' }>
  | { readonly type: 'batch'; readonly first: number; readonly next: number; readonly text: string };

/** Messages that a worker has sent and nobody has taken, and the answer behind the last one. */
class Inbox {
  readonly messages: StepBatch[] = [];
  answer: ReplayAnswer | undefined;
  error: unknown;
  #heard = Promise.withResolvers<void>();

  tell(): void {
    this.#heard.resolve();
  }

  /** The next message; null when the slice is over. */
  async take(): Promise<StepBatch | null> {
    for (;;) {
      const message = this.messages.shift();
      if (message !== undefined) return message;
      if (this.error !== undefined) throw this.error;
      if (this.answer !== undefined) return null;
      await this.#heard.promise;
      this.#heard = Promise.withResolvers();
    }
  }
}

const sizeOf = (batch: StepBatch): number => (batch.type === 'batch' ? Buffer.byteLength(batch.text) : 0);

/** Begins a slice of the stream, as far as the credit goes. */
function openSlice(request: BatchRequest, from: number, continued: boolean): { inbox: Inbox; handle: ReplayHandle } {
  const { pool, principal, source, id, maxBatchBytes } = request;
  const inbox = new Inbox();
  const stream: ReplayWork = {
    kind: 'stream',
    from,
    encoding: 'json',
    handle: 0,
    id,
    programs: null,
    known: null,
    maxBatchBytes,
  };
  const listener = (message: Exclude<StepMessage, { type: 'end' }>): void => {
    if (message.type === 'gap') inbox.messages.push(message);
    else if (message.type === 'batch' && typeof message.frame === 'string') {
      const { first, next, frame: text, partial } = message;
      // The same rows come again when the batch is whole.
      if (partial) handle.addCredit(Buffer.byteLength(text));
      else inbox.messages.push({ type: 'batch', first, next, text });
    }
    inbox.tell();
  };
  const handle = pool.replay({ principal, source, work: stream, listener, credit: BATCH_CREDIT_BYTES, continued });
  handle.answer.then(
    (answer) => {
      inbox.answer = answer;
      inbox.tell();
    },
    (error: unknown) => {
      inbox.error = error;
      inbox.tell();
    },
  );
  return { inbox, handle };
}

/**
 * The batches from the one of step `from` on to the run's end, in order.
 * @throws ProblemError when the replay is refused, or stopped before the run's end
 */
export async function* stepBatches(request: BatchRequest): AsyncGenerator<StepBatch, void, undefined> {
  const { stop } = request;
  let from = request.from;
  for (let continued = false; ; continued = true) {
    // Never an end that looks like the run's.
    if (stop.aborted) throw stoppedReplay();
    const { inbox, handle } = openSlice(request, from, continued);
    stop.addEventListener('abort', handle.cancel, { once: true });
    try {
      for (let batch = await inbox.take(); batch !== null; batch = await inbox.take()) {
        yield batch;
        handle.addCredit(sizeOf(batch));
      }
    } finally {
      // Nothing to a slice that is over.
      handle.cancel();
      stop.removeEventListener('abort', handle.cancel);
    }
    const { next, ended } = replayed('streamed', inbox.answer!);
    if (ended) return;
    from = next;
  }
}
