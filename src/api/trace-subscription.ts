/** One subscription of a trace socket: a run that is started or found, what is told of it, its steps, and questions about them. */

import type { Problem } from '../contract/problem.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import type { SandboxRunBody } from '../contract/sandbox.ts';
import type { StartedFacts } from '../contract/task.ts';
import { DEFAULT_CREDIT_BYTES, MAX_CREDIT_BYTES, type Subscribe } from '../contract/trace.ts';
import type { Sandbox } from '../sandboxes/sandbox.ts';
import { finishedRun } from './find-run.ts';
import { checkSandboxQueue, findSandbox } from './find-sandbox.ts';
import { ProblemError } from './problem-error.ts';
import { sandboxRunSpec } from './sandbox-runs.ts';
import { problemIn } from './schema-violation.ts';
import { startRun } from './start-run.ts';
import type { TraceContext } from './trace-context.ts';
import { type Question, TraceQuestions } from './trace-questions.ts';
import { TraceStream } from './trace-stream.ts';
import { TraceTelling } from './trace-telling.ts';

/** Where a subscription stands: the run goes on, its steps are told, all has been told, or nobody wants more. */
type State = 'running' | 'streaming' | 'ended' | 'left';

/** Where a run's body stands in a subscribe. */
export const SPEC_POINTER = '/spec';

/** Whose run it is. */
export type Subject =
  | { readonly spec: RunSpec }
  /** A run on a sandbox; `bytes`: size of the message that brought its body. */
  | { readonly sandbox: string; readonly body: SandboxRunBody; readonly bytes: number }
  | { readonly run: string };

/** A run that is to begin. */
interface NewRun {
  readonly spec: RunSpec;
  readonly sandbox?: Sandbox;
}

export class TraceSubscription {
  readonly #context: TraceContext;
  readonly #message: Subscribe;
  readonly #handle: number;
  readonly #changed: (subscription: TraceSubscription) => void;
  readonly #telling: TraceTelling;
  readonly #questions: TraceQuestions;
  readonly #runEnded = Promise.withResolvers<Problem | null>();
  readonly #left = new AbortController();
  #state: State = 'running';
  #run: { readonly id: string; readonly cancel: () => void } | null = null;
  /** A new run has no `#run` while its programs are looked up. */
  #isCancelled = false;
  #credit: number;
  #stream: TraceStream | null = null;
  #draining = false;

  /** @param changed called when the run has ended, and when all has been told */
  constructor(
    context: TraceContext,
    message: Subscribe,
    handle: number,
    changed: (subscription: TraceSubscription) => void,
  ) {
    this.#context = context;
    this.#message = message;
    this.#handle = handle;
    this.#changed = changed;
    this.#credit = message.credit ?? DEFAULT_CREDIT_BYTES;
    this.#telling = new TraceTelling(context.outbox, message.id, handle);
    this.#questions = new TraceQuestions(context, { id: () => this.#run?.id ?? '', ended: this.#runEnded.promise });
  }

  get id(): string {
    return this.#message.id;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  /** Everything has been told; questions are still answered. */
  get hasEnded(): boolean {
    return this.#state === 'ended' || this.#state === 'left';
  }

  /** Questions wait for their answer. */
  get isAsked(): boolean {
    return this.#questions.waiting > 0;
  }

  /** The server works for it. */
  get isBusy(): boolean {
    return this.isRunning || this.isAsked || this.#stream?.isWorking === true;
  }

  /** Where another socket would go on. */
  get place(): { readonly id: string; readonly run: string; readonly step: string } | null {
    if (this.hasEnded || this.#run === null) return null;
    return { id: this.id, run: this.#run.id, step: String(this.#stream?.next ?? this.#from) };
  }

  get #from(): number {
    return Math.min(Number(this.#message.from ?? 0), Number.MAX_SAFE_INTEGER);
  }

  /** Begins; `cancel` ends a run that was found running. */
  begin(subject: Subject, cancel: () => void = () => {}): void {
    if (!('run' in subject)) void this.#followNew(subject);
    else {
      this.#run = { id: subject.run, cancel };
      void this.#followKept(subject.run);
    }
  }

  /** Ends the run, for everybody. */
  cancel(): void {
    if (!this.isRunning) return;
    this.#isCancelled = true;
    this.#run?.cancel();
  }

  addCredit(bytes: number): void {
    if (this.#stream !== null) this.#stream.addCredit(bytes);
    else this.#credit = Math.min(this.#credit + bytes, MAX_CREDIT_BYTES);
  }

  ask(question: Question): void {
    this.#questions.ask(question);
  }

  /** The server shuts down: no further steps; a running run is still answered. */
  drain(): void {
    this.#draining = true;
    this.#stream?.stop();
    if (this.#state === 'streaming') this.#state = 'ended';
  }

  /** Nobody wants to hear of it any more; the run goes on. */
  leave(): void {
    this.#state = 'left';
    this.#stream?.stop();
    this.#questions.stop();
    this.#left.abort();
  }

  async #newRun(subject: Exclude<Subject, { run: string }>): Promise<NewRun> {
    const { services, principal } = this.#context;
    if ('spec' in subject) return { spec: await services.programs.resolve(subject.spec) };
    const { tenant } = principal;
    const sandbox = await findSandbox(services, tenant, subject.sandbox);
    checkSandboxQueue(sandbox, services);
    return { sandbox, spec: sandboxRunSpec(subject.body, sandbox, services, subject.bytes, tenant) };
  }

  async #followNew(subject: Exclude<Subject, { run: string }>): Promise<void> {
    const { services, principal, log } = this.#context;
    await this.#follow(async () => {
      const wanted = await this.#newRun(subject);
      const { spec } = wanted;
      const run = startRun(services, {
        ...wanted,
        principal,
        mode: 'trace',
        log,
        listener: (heard) => {
          if (this.#state !== 'running') return;
          if (heard.type === 'started') {
            this.#telling.started(run.id, heard, spec.budgets);
            this.#checkFilter(heard);
          } else if (heard.type === 'chain') this.#telling.chain(heard.rows);
          else if (heard.type === 'lost') this.#telling.lost(heard.first, heard.last);
          else this.#telling.line(heard);
        },
      });
      this.#run = run;
      if (this.#isCancelled) run.cancel();
      const answer = await run.answer;
      if (answer.kind === 'problem') throw new ProblemError(answer.problem);
      await this.#tellInRoom(() => this.#telling.result(answer.result));
      return spec.budgets.traceBytes;
    });
  }

  async #followKept(id: string): Promise<void> {
    await this.#follow(async () => {
      const { services, principal } = this.#context;
      const run = await finishedRun(services.runs, { tenant: principal.tenant, id }, this.#left.signal);
      if (run === null) return 0;
      const { started, result } = run;
      await this.#tellInRoom(() => {
        if (started !== null && this.#unknownProgram(started) !== null) {
          this.#telling.started(id, started, result.budgets);
          this.#checkFilter(started);
        } else this.#telling.finished(run);
      });
      return result.budgets.traceBytes;
    });
  }

  /** What may be large waits until it does not pile up behind what is unsent. */
  #tellInRoom(tell: () => void): Promise<void> {
    const tellIfWanted = (): void => {
      if (this.#state === 'running') tell();
    };
    return this.#context.outbox.whenRoom(tellIfWanted, this.#left.signal);
  }

  #unknownProgram({ programs }: StartedFacts): Problem | null {
    const known = programs.map(({ name }) => name);
    const unknown = this.#message.programs?.find((name) => !known.includes(name));
    return unknown === undefined ? null : noProgram(unknown, known);
  }

  /** Ends the telling when the run has not all programs that are wanted. */
  #checkFilter(started: StartedFacts): void {
    const problem = this.#unknownProgram(started);
    if (problem === null) return;
    this.#context.outbox.fail(problem, this.id);
    this.#end();
  }

  /** @param tell tells the run up to its result, and answers with the bytes that its steps may have; throws ProblemError */
  async #follow(tell: () => Promise<number>): Promise<void> {
    try {
      const traceBytes = await tell();
      this.#runEnded.resolve(null);
      if (this.#state !== 'running') return;
      if (this.#message.detail === 'steps') this.#tellSteps(traceBytes);
      else this.#end();
    } catch (error) {
      const problem = this.#problemOf(error);
      this.#runEnded.resolve(problem);
      if (!(error instanceof ProblemError)) this.#context.defect(error, this.id);
      else if (this.#state === 'running') {
        this.#context.outbox.fail(problem, this.id);
        this.#end();
      }
    }
  }

  #problemOf(error: unknown): Problem {
    if (!(error instanceof ProblemError)) return { code: 'internal', detail: 'The run failed by a defect.' };
    return this.#message.spec === undefined ? error.problem : problemIn(SPEC_POINTER, error.problem);
  }

  #tellSteps(traceBytes: number): void {
    const { id, programs } = this.#message;
    if (this.#draining) {
      this.#state = 'ended';
      this.#changed(this);
      return;
    }
    this.#state = 'streaming';
    const request = {
      id,
      handle: this.#handle,
      run: this.#run!.id,
      from: this.#from,
      programs: programs ?? null,
      credit: this.#credit,
      traceBytes,
      admitted: this.#message.run === undefined,
    };
    this.#stream = new TraceStream(this.#context, request, () => this.#end());
    this.#changed(this);
    this.#stream.advance();
  }

  #end(): void {
    this.#state = 'ended';
    this.#context.outbox.send({ type: 'end', id: this.id });
    this.#changed(this);
  }
}

function noProgram(name: string, known: readonly string[]): Problem {
  const detail = `programs: there is no program '${name}' in this run; there are: ${known.join(', ')}.`;
  return { code: 'bad_reference', detail, errors: [{ pointer: '/programs', detail }] };
}
