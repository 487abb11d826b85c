/** seek, inspect and runTo: questions about any step of one subscription's run, answered in their order by running it again. */

import type { Problem } from '../contract/problem.ts';
import type { StepState } from '../contract/step.ts';
import type { ReplayWork } from '../contract/task.ts';
import { type ClientMessage, MAX_INSPECT_COUNT, MAX_WAITING_QUESTIONS, type ServerMessage } from '../contract/trace.ts';
import type { ReplayHandle } from '../pool/replay-job.ts';
import { findRun, replayed, sourceWithSteps } from './find-run.ts';
import { ProblemError } from './problem-error.ts';
import type { TraceContext } from './trace-context.ts';

export type Question = Extract<ClientMessage, { type: 'seek' | 'inspect' | 'runTo' }>;
type QuestionOf<Type extends Question['type']> = Extract<Question, { type: Type }>;
type WindowWork = Extract<ReplayWork, { kind: 'window' }>;

/** What a question needs to know of its subscription's run. */
export interface AskedRun {
  /** Id of the run; '' when it did not begin. */
  readonly id: () => string;
  /** Resolves when the run has ended: null, or the problem it ended with. Never rejects. */
  readonly ended: Promise<Problem | null>;
}

export class TraceQuestions {
  readonly #context: TraceContext;
  readonly #run: AskedRun;
  #tail: Promise<void> = Promise.resolve();
  #replay: ReplayHandle | null = null;
  #stopped = false;
  #waiting = 0;

  constructor(context: TraceContext, run: AskedRun) {
    this.#context = context;
    this.#run = run;
  }

  /** Questions without an answer. */
  get waiting(): number {
    return this.#waiting;
  }

  ask(question: Question): void {
    const { outbox, questions } = this.#context;
    if (!questions.enter()) {
      const detail = `${MAX_WAITING_QUESTIONS} questions wait for their answer already.`;
      outbox.fail({ code: 'limit_exceeded', detail }, question.id);
      return;
    }
    this.#waiting += 1;
    this.#tail = this.#tail
      .then(() => this.#serve(question))
      .finally(() => {
        this.#waiting -= 1;
        questions.leave();
      });
  }

  /** From now on nothing is answered any more. */
  stop(): void {
    this.#stopped = true;
    this.#replay?.cancel();
  }

  async #serve(question: Question): Promise<void> {
    const { outbox, questions, defect } = this.#context;
    try {
      const problem = await this.#run.ended;
      if (this.#stopped) return;
      if (problem !== null) throw new ProblemError(problem);
      await questions.inTurn(async () => {
        if (this.#stopped) return;
        const answer = await this.#answer(question);
        if (!this.#stopped) await outbox.sendAndWait(answer);
      });
    } catch (error) {
      if (this.#stopped) return;
      if (error instanceof ProblemError) outbox.fail(inQuestion(error.problem, question), question.id);
      else defect(error, question.id);
    }
  }

  #answer(question: Question): Promise<ServerMessage> {
    switch (question.type) {
      case 'seek':
        return this.#seek(question);
      case 'inspect':
        return this.#inspect(question);
      case 'runTo':
        return this.#runTo(question);
    }
  }

  async #seek({ id, step, count = 0 }: QuestionOf<'seek'>): Promise<ServerMessage> {
    const { rows, next, state } = await this.#window({ from: stepOf(step), count, maps: [] });
    const { maps: _, ...rest } = state;
    return { type: 'state', id, rows, next: next === null ? null : String(next), ...rest };
  }

  async #inspect(question: QuestionOf<'inspect'>): Promise<ServerMessage> {
    const { id, step, what } = question;
    const map = what.startsWith(MAP_PREFIX) ? what.slice(MAP_PREFIX.length) : null;
    const { start, end } = rangeOf(question, 0, Number.MAX_SAFE_INTEGER);
    const shown = map === null ? { maps: [] } : { maps: [map], elements: { start, count: end - start } };
    const { state } = await this.#window({ from: stepOf(step), count: 0, ...shown });
    const head = { type: 'inspected', id, step: state.step, what } as const;
    if (map === null) return { ...head, ...partOf(state, question) };
    return { ...head, start, entries: state.maps[map] ?? [] };
  }

  async #runTo({ id, from, until, direction }: QuestionOf<'runTo'>): Promise<ServerMessage> {
    const answer = await this.#ask({ kind: 'find', from: stepOf(from), until, back: direction === 'back' });
    const { step } = replayed('found', answer);
    return { type: 'found', id, step: step === null ? null : String(step) };
  }

  async #window(work: Omit<WindowWork, 'kind' | 'state'>) {
    const { rows, next, state } = replayed('window', await this.#ask({ kind: 'window', state: true, ...work }));
    if (state === null) throw new Error('a window came without its state');
    return { rows, next, state };
  }

  /** Throws ProblemError for a run that is not kept or has no steps. */
  async #ask(work: ReplayWork) {
    const { services, principal } = this.#context;
    const { tenant, bucket } = principal;
    const kept = findRun(services.runs, { tenant, id: this.#run.id() });
    if (kept.state === 'running') throw new Error('a run that has ended is not kept');
    const source = sourceWithSteps(kept.run);
    this.#replay = services.pool.replay({
      principal: bucket,
      source,
      work,
      listener: null,
      credit: 0,
      continued: false,
    });
    try {
      return await this.#replay.answer;
    } finally {
      this.#replay = null;
    }
  }
}

/** A map is named by `what` of the question, not by a list of maps as over HTTP. */
function inQuestion(problem: Problem, { type }: Question): Problem {
  if (type !== 'inspect' || problem.code !== 'bad_reference') return problem;
  return { ...problem, errors: [{ pointer: '/what', detail: problem.detail }] };
}

const MAP_PREFIX = 'map:';

/** A step as a number; one that a number cannot hold is beyond every run's end. */
function stepOf(step: number | string): number {
  return Math.min(Number(step), Number.MAX_SAFE_INTEGER);
}

interface Part {
  readonly start: number;
  readonly bytes: string;
}

/** The asked bytes of registers, stack, ctx or packet. Throws ProblemError when the run has no such thing. */
function partOf(state: StepState, question: QuestionOf<'inspect'>): Part {
  const [first, hex] = bytesOf(state, question.what);
  const { start, end } = rangeOf(question, first, first + hex.length / 2);
  return { start, bytes: hex.slice(2 * (start - first), 2 * (end - first)) };
}

/** Offset of the first byte, and the bytes in hex. */
function bytesOf(state: StepState, what: string): readonly [number, string] {
  if (what === 'stack') return [state.stack.start, state.stack.hex];
  if (what === 'registers') return [0, state.registers.map(littleEndian).join('')];
  const bytes = what === 'packet' ? state.packet : state.ctx;
  if (bytes === null) throw new ProblemError({ code: 'bad_request', detail: `This run has no ${what}.` });
  return [0, bytes.hex];
}

/** The asked range within what there is. */
function rangeOf({ start, count = MAX_INSPECT_COUNT }: QuestionOf<'inspect'>, first: number, end: number) {
  const from = Math.min(Math.max(start ?? first, first), end);
  return { start: from, end: Math.min(from + count, end) };
}

/** `0x1234` as the eight bytes of a register, in hex. */
function littleEndian(register: string): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(register));
  return bytes.toString('hex');
}
