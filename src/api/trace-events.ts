/**
 * Steps as events of the Chrome trace-event format: each program and each call of a function is a slice (B, E), a tail call that is taken an
 * arrow (s, f), one that falls through an instant (i). Steps of the same slice add nothing, so that a loop costs no events.
 *
 *   entry ##########                    next ######
 *             f ##### tail call  ------------^
 */

import { OUTCOMES } from '../contract/outcome.ts';
import type { ChainRow, PrintRow, RunResult } from '../contract/result.ts';
import type { StepRow } from '../contract/step.ts';

/** The one track: a run has one processor. */
const TRACK = { pid: 1, tid: 1 } as const;
/** Microseconds are the format's unit; a step counts as one nanosecond. */
const STEPS_PER_MICROSECOND = 1000;
const TAIL_CALL = 'bpf_tail_call';

export interface TraceEvent {
  readonly ph: 'B' | 'E' | 'i' | 's' | 'f' | 'M';
  readonly pid: number;
  readonly tid: number;
  readonly name?: string;
  readonly cat?: string;
  /** Microseconds. */
  readonly ts?: number;
  /** Of an instant: as wide as its thread. */
  readonly s?: 't';
  /** Of an arrow: the same at both ends. */
  readonly id?: number;
  /** Of an arrow's end: it points to the slice around it. */
  readonly bp?: 'e';
  readonly args?: Readonly<Record<string, string | number | null>>;
}

export class TraceEvents {
  readonly #programs: readonly string[];
  /** Rows of the chain that the result keeps, by step. */
  readonly #chain: ReadonlyMap<number, ChainRow>;
  readonly #prints: readonly PrintRow[];
  #printed = 0;
  /** Open slices; the index is the frame depth. */
  #open = 0;
  /** Step of the tail call that led to the next step; undefined: none did. */
  #hop: number | undefined;
  /** The next step begins another invocation. */
  #ended = false;
  #events: TraceEvent[] = [];

  constructor({ chain, output }: RunResult, programs: readonly string[]) {
    this.#programs = programs;
    this.#chain = new Map(chain.map((row) => [Number(row.step), row]));
    this.#prints = output.prints;
  }

  /** Names of the track. */
  static heading(title: string): TraceEvent[] {
    return [
      { ph: 'M', ...TRACK, name: 'process_name', args: { name: title } },
      { ph: 'M', ...TRACK, name: 'thread_name', args: { name: 'chain (1 step = 1 ns)' } },
    ];
  }

  /** The events of the rows, which follow each other without a gap. */
  rows(rows: readonly StepRow[]): TraceEvent[] {
    for (const row of rows) this.#row(row);
    return this.#take();
  }

  /** Steps [from, to) are not known: what was open ends, and begins again behind them. */
  gap(from: number, to: number): TraceEvent[] {
    this.#closeTo(0, from);
    this.#hop = undefined;
    this.#instant(from, 'steps left out', 'gap', { from, to });
    return this.#take();
  }

  /** The end in front of step `step`: everything closes. A run that did not end by itself has a mark at its last step; null: none. */
  end(step: number, ending: Pick<RunResult, 'outcome' | 'fault'> | null): TraceEvent[] {
    const last = Math.max(step - 1, 0);
    if (ending !== null && ending.outcome.kind !== 'exit') {
      const { outcome, fault } = ending;
      const more = fault === null ? { text: OUTCOMES[outcome.code].text } : { pc: fault.pc, message: fault.message };
      this.#instant(last, outcome.code, outcome.kind, more);
    }
    this.#closeTo(0, step);
    return this.#take();
  }

  #take(): TraceEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #row(row: StepRow): void {
    const step = Number(row.step);
    this.#enter(row, step);
    for (let print = this.#prints[this.#printed]; print !== undefined; print = this.#prints[this.#printed]) {
      if (Number(print.step) > step) break;
      if (Number(print.step) === step) this.#instant(step, 'bpf_trace_printk', 'print', { text: print.text });
      this.#printed += 1;
    }
    this.#hop = undefined;
    if (row.call?.helper === TAIL_CALL) this.#tailCall(row, step);
    this.#ended = row.insn === 'exit' && row.depth === 0;
  }

  /** Closes and opens slices until the innermost one is the step's. */
  #enter(row: StepRow, step: number): void {
    const { depth } = row;
    if (this.#ended) this.#closeTo(0, step);
    const hop = this.#hop;
    if (hop !== undefined) this.#closeTo(depth, step);
    else this.#closeTo(depth + 1, step);
    if (this.#open > depth) return;
    // Behind a gap the outer frames are not known.
    while (this.#open < depth) this.#begin(step, '?', 'function', {});
    const program = this.#programs[row.program] ?? `program#${row.program}`;
    const isProgram = depth === 0 || hop !== undefined;
    const { source } = row;
    this.#begin(step, isProgram ? program : row.function, isProgram ? 'program' : 'function', {
      program,
      step,
      pc: row.pc,
      ...(source === undefined ? {} : { source: `${source.file}:${source.line}` }),
    });
    if (hop !== undefined) this.#push('f', step, 'tail call', 'hop', {}, { id: hop, bp: 'e' });
  }

  #tailCall(row: StepRow, step: number): void {
    const [, map = null, index = null] = row.call!.arguments;
    const known = this.#chain.get(step);
    const at = { map: known?.map ?? map, index: known?.index ?? index };
    if (row.call!.result === null) {
      this.#instant(step, 'tail call missed', 'miss', { ...at, miss: known?.miss ?? 'unknown' });
      return;
    }
    this.#hop = step;
    this.#push('s', step, 'tail call', 'hop', { ...at, to: row.call!.result }, { id: step });
  }

  #begin(step: number, name: string, category: string, args: NonNullable<TraceEvent['args']>): void {
    this.#open += 1;
    this.#push('B', step, name, category, args);
  }

  #closeTo(depth: number, step: number): void {
    for (; this.#open > depth; this.#open--) {
      this.#events.push({ ph: 'E', ...TRACK, ts: step / STEPS_PER_MICROSECOND });
    }
  }

  #instant(step: number, name: string, category: string, args: NonNullable<TraceEvent['args']>): void {
    this.#push('i', step, name, category, args, { s: 't' });
  }

  #push(
    ph: TraceEvent['ph'],
    step: number,
    name: string,
    cat: string,
    args: NonNullable<TraceEvent['args']>,
    more: Partial<TraceEvent> = {},
  ): void {
    this.#events.push({ ph, ...TRACK, ts: step / STEPS_PER_MICROSECOND, name, cat, ...more, args });
  }
}
