/**
 * A stream of step batches on their fixed grid, as far as the credit goes. Batches depend on the run alone; when they are made, and where a
 * slice ends, depends on credit and time.
 */

import type { MessagePort, Transferable } from 'node:worker_threads';
import { TRACE } from '../contract/memory.ts';
import { BATCH_STEPS, type FrameState, type StepRow } from '../contract/step.ts';
import { explainStep, type PatchFacts, patchBytes } from '../contract/step-facts.ts';
import { CODE_PAGE_SLOTS, CODE_PAGES, REPLAY_CONTROL, type ReplayWork, type StepMessage } from '../contract/task.ts';
import { PARTIAL_AFTER_MS } from '../contract/trace.ts';
import type { StepPatch, StepSink } from '../vm/trace-ring.ts';
import { BatchWriter } from './batch-writer.ts';
import { framesOf, type Replaying } from './replay.ts';
import { PendingPatches, readFacts, readHead } from './step-reader.ts';

/** A stream keeps its thread for so long even when others wait, ms. */
const SLICE_MS = 20;

export type StreamWork = Extract<ReplayWork, { kind: 'stream' }>;

/** Thrown from the watch to leave a replay at a place of the grid; caught where the replay was started. */
export class StreamStop {
  readonly next: number;

  constructor(next: number) {
    this.next = next;
  }
}

export class StepStream implements StepSink {
  readonly #replaying: Replaying;
  readonly #work: StreamWork;
  readonly #port: Pick<MessagePort, 'postMessage'>;
  readonly #now: () => number;
  readonly #control: Int32Array<SharedArrayBuffer>;
  readonly #patches = new PendingPatches();
  readonly #writer: BatchWriter;
  readonly #known: Set<number>;
  readonly #wanted: ReadonlySet<number> | null;
  /** First step that is sent: a place of the grid. */
  readonly #from: number;
  /** The batch under way: its place, its rows and keyframe as JSON, when it was begun or last told. */
  #first = -1;
  #rows: StepRow[] = [];
  #keyframe: readonly FrameState[] = [];
  /** Bytes of its patches; more than a batch may have: it is a gap, and its rows are not kept. */
  #patchBytes = 0;
  #told = 0;
  #begun = Number.NaN;
  #next: number;

  /** @param now milliseconds, as performance.now() */
  constructor(
    replaying: Replaying,
    work: StreamWork,
    port: Pick<MessagePort, 'postMessage'>,
    control: Int32Array<SharedArrayBuffer>,
    now: () => number = () => performance.now(),
  ) {
    this.#now = now;
    this.#replaying = replaying;
    this.#work = work;
    this.#port = port;
    this.#control = control;
    this.#from = work.from - (work.from % BATCH_STEPS);
    this.#next = this.#from;
    this.#writer = new BatchWriter(replaying.memory, replaying.code, replaying.fold);
    this.#known = new Set(work.known ?? []);
    const { programs } = replaying.code.names;
    this.#wanted =
      work.programs === null
        ? null
        : new Set(programs.flatMap((name, index) => (work.programs!.includes(name) ? [index] : [])));
    if (work.encoding === 'binary' && work.known === null) {
      const { regions } = replaying.code.names;
      this.#spend(JSON.stringify(regions).length);
      this.#send({ type: 'regions', regions });
    }
  }

  /** The first step that has not been sent in a whole batch. */
  get next(): number {
    return this.#next;
  }

  patch(patch: StepPatch): void {
    if (Math.max(patch.step, 0) >= this.#from) this.#patches.add(patch);
  }

  records(first: number, address: number, count: number): void {
    const { fold } = this.#replaying;
    let done = Math.min(Math.max(this.#from - first, 0), count);
    fold.records(address, done);
    if (done === count) return;
    while (done < count) {
      const step = first + done;
      if (step % BATCH_STEPS === 0 && step !== this.#first) this.#begin(step);
      const end = Math.min(count, done + this.#first + BATCH_STEPS - step);
      for (; done < end; done++) this.#add(first + done, address + done * TRACE.RECORD_BYTES);
      if (first + done === this.#first + BATCH_STEPS) this.#finish(first + done);
    }
    this.#tellPartial(first + done);
  }

  /** The run has ended behind `steps` steps: what the last batch has is all of it. */
  end(steps: number): void {
    if (this.#first >= 0 && steps > this.#next) this.#emit(steps, false);
  }

  #begin(step: number): void {
    this.#first = step;
    this.#patchBytes = 0;
    const now = this.#now();
    if (Number.isNaN(this.#begun)) this.#begun = now;
    this.#told = now;
    if (this.#work.encoding === 'binary') this.#writer.begin();
    else {
      this.#rows = [];
      this.#replaying.fold.registers();
      this.#keyframe = framesOf(this.#replaying.fold);
    }
  }

  #add(step: number, at: number): void {
    const { memory, fold } = this.#replaying;
    const registers = fold.registers();
    const patches = this.#patches.take(step);
    if (this.#wanted === null || this.#wanted.has(readHead(memory, at).program)) {
      this.#patchBytes += patchBytes(patches);
      if (this.#isTooLarge) this.#rows = [];
      else this.#addRow(step, at, registers, patches);
    } else if (this.#work.encoding === 'binary') this.#writer.leaveOut();
    fold.record(at);
  }

  #addRow(step: number, at: number, registers: Uint32Array, patches: readonly PatchFacts[]): void {
    const { memory, code } = this.#replaying;
    if (this.#work.encoding === 'binary') {
      const { program, pc } = readHead(memory, at);
      this.#describe(program, pc);
      this.#writer.add(at, registers, patches);
    } else {
      const facts = readFacts(memory, code, registers, at, step, patches);
      this.#rows.push(explainStep(code.names, code.row(facts.program, facts.pc), facts));
    }
  }

  /** Sends the page of code that an instruction stands on, once. */
  #describe(program: number, pc: number): void {
    const page = Math.floor(pc / CODE_PAGE_SLOTS);
    const key = program * CODE_PAGES + page;
    if (this.#known.has(key)) return;
    this.#known.add(key);
    const rows = this.#replaying.code.page(program, page);
    this.#spend(JSON.stringify(rows).length);
    this.#send({ type: 'code', key, program, rows });
  }

  /** The batch is whole. Here, and only here, a stream may stop. */
  #finish(next: number): void {
    this.#emit(next, false);
    const control = this.#control;
    if (Atomics.load(control, REPLAY_CONTROL.CANCEL) !== 0) throw new StreamStop(next);
    if (Atomics.load(control, REPLAY_CONTROL.CREDIT) <= 0) throw new StreamStop(next);
    if (Atomics.load(control, REPLAY_CONTROL.YIELD) !== 0 && this.#now() - this.#begun >= SLICE_MS) {
      throw new StreamStop(next);
    }
  }

  #tellPartial(next: number): void {
    if (next === this.#next || this.#now() - this.#told < PARTIAL_AFTER_MS) return;
    this.#told = this.#now();
    if (this.#count > 0) this.#emit(next, true);
  }

  get #isTooLarge(): boolean {
    return this.#patchBytes > this.#work.maxBatchBytes;
  }

  get #count(): number {
    return this.#work.encoding === 'binary' ? this.#writer.count : this.#rows.length;
  }

  #emit(next: number, partial: boolean): void {
    const first = this.#first;
    const count = this.#count;
    if (!partial) this.#next = next;
    if (this.#isTooLarge) {
      if (!partial) this.#send({ type: 'gap', from: first, to: next });
      return;
    }
    if (count === 0) {
      this.#send({ type: 'bookmark', step: next });
      return;
    }
    const frame = this.#frame(first, count, partial);
    const size = typeof frame === 'string' ? Buffer.byteLength(frame) : frame.length;
    if (size > this.#work.maxBatchBytes) {
      if (!partial) this.#send({ type: 'gap', from: first, to: next });
      return;
    }
    this.#spend(size);
    this.#send({ type: 'batch', first, count, next, partial, frame }, typeof frame === 'string' ? [] : [frame.buffer]);
  }

  #frame(first: number, count: number, partial: boolean): string | Uint8Array<ArrayBuffer> {
    const { encoding, handle, id } = this.#work;
    if (encoding === 'binary') return this.#writer.frame(handle, first, partial, this.#wanted !== null);
    const head = { type: 'steps', id, first: String(first), count, ...(partial ? { partial } : {}) };
    return JSON.stringify({ ...head, keyframe: this.#keyframe, rows: this.#rows });
  }

  #spend(bytes: number): void {
    Atomics.sub(this.#control, REPLAY_CONTROL.CREDIT, bytes);
  }

  #send(message: StepMessage, transfer: Transferable[] = []): void {
    this.#port.postMessage(message, transfer);
  }
}
