/**
 * The ring of step records in a VM's memory (layout: TRACE in contract/memory.ts), and the stop of a replay in front of a step. Records are
 * handed on when the ring is full, before a helper changes what they may refer to, and when a run ends.
 */

import { CELL, TRACE } from '../contract/memory.ts';
import { GuestMemory } from './guest-memory.ts';

/** An effect beyond what a step's record holds. */
export type StepPatch =
  | { readonly step: number; readonly address: number; readonly bytes: Uint8Array }
  /** value null: the element is gone. `address`: of the value, 0 when it is gone. */
  | { readonly step: number; readonly map: number; readonly key: Uint8Array; readonly value: Uint8Array | null };

export interface StepSink {
  /** `count` records from `address` on; `first` is the number of the first one's step. They are overwritten afterwards. */
  readonly records: (first: number, address: number, count: number) => void;
  readonly patch: (patch: StepPatch) => void;
}

/** Thrown by the ring when a replay has come to its stop; caught where the run was started. */
export class StepStop {
  readonly step: number;
  /** Of the instruction that would have run next. */
  readonly program: number;
  readonly pc: number;

  constructor(step: number, program: number, pc: number) {
    this.step = step;
    this.program = program;
    this.pc = pc;
  }
}

export class TraceRing {
  /** Bytes of guest memory that it takes. */
  static readonly FOOTPRINT = GuestMemory.footprint(TRACE.RECORDS * TRACE.RECORD_BYTES);
  readonly #memory: GuestMemory;
  readonly #sink: StepSink;
  readonly #stopAt: number;
  readonly #base: number;
  /** Step of the record at the ring's base. */
  #first = 0;

  /** `stopAt`: the step in front of which the run stops; Infinity runs to the end. */
  constructor(memory: GuestMemory, sink: StepSink, stopAt: number) {
    this.#memory = memory;
    this.#sink = sink;
    this.#stopAt = stopAt;
    this.#base = memory.allocate(TRACE.RECORDS * TRACE.RECORD_BYTES);
    this.#rewind();
  }

  #rewind(): void {
    const room = Math.min(TRACE.RECORDS, this.#stopAt - this.#first);
    this.#memory.view.setUint32(CELL.TRACE_RECORD, this.#base, true);
    this.#memory.view.setUint32(CELL.TRACE_END, this.#base + room * TRACE.RECORD_BYTES, true);
  }

  /** Steps that have begun. */
  get steps(): number {
    const next = this.#memory.view.getUint32(CELL.TRACE_RECORD, true);
    return this.#first + (next - this.#base) / TRACE.RECORD_BYTES;
  }

  /** Hands the records on and starts over. */
  drain(): void {
    const { steps } = this;
    if (steps > this.#first) this.#sink.records(this.#first, this.#base, steps - this.#first);
    this.#first = steps;
    this.#rewind();
  }

  /** No room for another record: the ring is full, or the replay's stop is here. */
  full(program: number, pc: number): number {
    this.drain();
    if (this.#first >= this.#stopAt) throw new StepStop(this.#first, program, pc);
    return this.#base;
  }

  /** Before a helper changes memory: earlier records are handed on while what they refer to still stands. */
  beforeHelper(): void {
    const { steps } = this;
    // The helper's own record has no value yet, so it stays.
    if (steps - 1 <= this.#first) return;
    this.#sink.records(this.#first, this.#base, steps - 1 - this.#first);
    const own = this.#base + (steps - 1 - this.#first) * TRACE.RECORD_BYTES;
    this.#memory.bytes.copyWithin(this.#base, own, own + TRACE.RECORD_BYTES);
    this.#first = steps - 1;
    this.#rewind();
    this.#memory.view.setUint32(CELL.TRACE_RECORD, this.#base + TRACE.RECORD_BYTES, true);
  }

  /** The run ends in the middle of the step under way, which therefore has no effect. */
  cutShort(): void {
    const next = this.#memory.view.getUint32(CELL.TRACE_RECORD, true);
    if (next > this.#base) this.#memory.bytes[next - TRACE.RECORD_BYTES + TRACE.CUT] = 1;
  }

  /** Bytes that something beside translated stores has written at the step under way. */
  patchBytes(address: number, bytes: Uint8Array): void {
    this.#sink.patch({ step: this.steps - 1, address, bytes });
  }

  patchMap(map: number, key: Uint8Array, value: Uint8Array | null): void {
    this.#sink.patch({ step: this.steps - 1, map, key, value });
  }
}
