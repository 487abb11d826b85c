/** A batch of steps as a client gets it, in either encoding. */

import type { FrameState, StepRow } from '../contract/step.ts';
import type { ServerMessage } from '../contract/trace.ts';
import { type Batch, readBatch, readBatchHeader } from './batch-reader.ts';
import type { CodeBook } from './code-book.ts';

type StepsMessage = Extract<ServerMessage, { type: 'steps' }>;

export interface TraceBatch {
  /** Place on the grid of BATCH_STEPS. */
  readonly first: number;
  /** Rows. */
  readonly count: number;
  /** The same place follows again, with more rows. */
  readonly partial: boolean;
  /** The frame of the socket as it came. */
  readonly frame: Uint8Array | string;
  /** Bytes that it counts against the credit. */
  readonly bytes: number;
  /** Registers of all frames in front of step `first`, innermost first. */
  keyframe(): readonly FrameState[];
  /** @throws BatchError for a binary frame that is not as the format says */
  rows(): readonly StepRow[];
}

const UTF8 = new TextEncoder();

export function jsonBatch(message: StepsMessage, frame: string): TraceBatch {
  const { first, count, partial = false, keyframe, rows } = message;
  const bytes = UTF8.encode(frame).length;
  return { first: Number(first), count, partial, frame, bytes, keyframe: () => keyframe, rows: () => rows };
}

/** Only the header is read until somebody wants the rows. @throws BatchError */
export function binaryBatch(frame: Uint8Array, book: CodeBook): TraceBatch {
  const { first, count, partial } = readBatchHeader(frame);
  let read: Batch | undefined;
  const batch = (): Batch => {
    read ??= readBatch(frame);
    return read;
  };
  return {
    first,
    count,
    partial,
    frame,
    bytes: frame.length,
    keyframe: () => batch().keyframe,
    rows: () => batch().facts.map((facts) => book.explain(facts)),
  };
}
