/** One sandbox: programs, maps and prog arrays that last from run to run. Runs and map commands go one after the other, slots change at any time. */

import type { Problem } from '../contract/problem.ts';
import type { Rejection, Verification } from '../contract/result.ts';
import type { ProgramRequest } from '../contract/run-spec.ts';
import type {
  LateProgram,
  Linked,
  LinkedSandbox,
  MapCommand,
  MapFacts,
  ProgramFacts,
  SandboxAnswer,
  SandboxImage,
  SandboxState,
} from '../contract/sandbox-task.ts';
import { NOTHING_OBSERVED, unrunResult } from '../contract/unrun-result.ts';
import type { RunPool } from '../pool/pool.ts';
import type { RunAnswer, RunHandle, RunRequest, SandboxHost } from '../pool/run-job.ts';
import { Line } from './line.ts';
import { ProgArrays } from './prog-arrays.ts';

/** A sandbox as it is kept while nothing happens on it. */
export interface SandboxParts {
  readonly state: SandboxState;
  readonly programs: readonly ProgramFacts[];
  readonly maps: readonly MapFacts[];
}

export interface SandboxIdentity {
  readonly id: string;
  readonly tenant: string;
  /** ms since 1970. */
  readonly createdAt: number;
}

type MapAnswer = Extract<SandboxAnswer, { kind: 'elements' | 'changed' | 'errno' | 'problem' }>;

export type ProgramAnswer =
  | {
      readonly kind: 'added';
      readonly number: number;
      readonly facts: ProgramFacts;
      readonly verification: Verification;
    }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  | { readonly kind: 'problem'; readonly problem: Problem };

/** What a sandbox costs beside its maps' bytes and its programs' code: objects of this thread. */
const OVERHEAD_BYTES = 4096;

export class Sandbox {
  readonly identity: SandboxIdentity;
  readonly maps: readonly MapFacts[];
  readonly progArrays: ProgArrays;
  /** ms since 1970. */
  expiresAt: number;
  readonly #programs: ProgramFacts[];
  readonly #linkedPrograms: Linked[];
  readonly #linked: LinkedSandbox;
  #image: SandboxImage;
  readonly #line = new Line();
  readonly #loading = new Line();
  readonly #cancels = new Set<() => void>();
  /** Reaches the run that goes on. */
  #post: ((program: LateProgram) => void) | null = null;
  #closed = false;
  /** Requests that wait or go on. */
  #waiting = 0;
  /** Runs that have executed, and ended. */
  runs = 0;
  /** Runs that were lost with their thread: the maps are as before them. */
  restores = 0;

  constructor(identity: SandboxIdentity, { state, programs, maps }: SandboxParts, expiresAt: number) {
    this.identity = identity;
    this.maps = maps;
    this.expiresAt = expiresAt;
    this.#programs = [...programs];
    this.#linkedPrograms = [...state.linked.programs];
    this.#linked = state.linked;
    this.#image = state.image;
    this.progArrays = new ProgArrays(maps, programs, state.progArrays);
  }

  get programs(): readonly ProgramFacts[] {
    return this.#programs;
  }

  /** Number of the program with this name; -1: there is none. */
  numberOf(program: string): number {
    return this.#programs.findIndex(({ name }) => name === program);
  }

  /** Runs, map commands, copies and additions that wait or go on. */
  get queued(): number {
    return this.#waiting;
  }

  get isRunning(): boolean {
    return this.#post !== null;
  }

  /** Bytes that it takes while it is idle. */
  get bytes(): number {
    const code = this.#programs.reduce((sum, { insns }) => sum + insns * 8, 0);
    return this.#image.data.length + this.#image.descriptors.length + code + OVERHEAD_BYTES;
  }

  #state(): SandboxState {
    const linked = { ...this.#linked, programs: [...this.#linkedPrograms] };
    return { linked, image: this.#image, progArrays: this.progArrays.state() };
  }

  /** A copy, as it stands between two pieces of work; null: the sandbox has ended meanwhile. */
  async parts(): Promise<SandboxParts | null> {
    return this.#turn(this.#line, async () => this.partsNow());
  }

  /** Takes a turn in a line; null: the sandbox has ended before it came. */
  async #turn<T>(line: Line, work: () => Promise<T>): Promise<T | null> {
    this.#waiting += 1;
    try {
      return await line.take(async () => (this.#closed ? null : work()));
    } finally {
      this.#waiting -= 1;
    }
  }

  /** A copy, as it stands now: of a run that goes on, without its effects. */
  partsNow(): SandboxParts {
    return { state: this.#state(), programs: [...this.#programs], maps: this.maps };
  }

  /** A run: it begins when everything before it has ended. */
  submit(pool: RunPool, request: RunRequest): RunHandle {
    const { promise, resolve, reject } = Promise.withResolvers<RunAnswer>();
    const since = performance.now();
    let handle: RunHandle | undefined;
    let ended = false;
    const cancel = (): void => {
      handle?.cancel();
      if (handle !== undefined || ended) return;
      ended = true;
      resolve(unrun(request, since));
    };
    this.#cancels.add(cancel);
    this.#waiting += 1;
    this.#line
      .take(async () => {
        if (ended || this.#closed) return unrun(request, since);
        const waitedUs = microsecondsSince(since);
        const host = this.#host();
        handle = pool.submit({ ...request, sandbox: host });
        const answer = await handle.answer;
        const started = host.started();
        if (answer.kind === 'result' && answer.result.outcome.code === 'worker_lost') this.restores += 1;
        return withSandbox(answer, started, waitedUs);
      })
      .then(resolve, reject);
    const leave = (): void => {
      this.#waiting -= 1;
      this.#cancels.delete(cancel);
    };
    promise.then(leave, leave);
    return { answer: promise, cancel };
  }

  #host(): SandboxHost & { readonly started: () => SandboxState | null } {
    let start: SandboxState | null = null;
    let isExecuted = false;
    return {
      // Programs that came meanwhile have a number, and may stand in the slot log.
      started: () => (start === null ? null : { ...start, linked: this.#state().linked }),
      begin: (post) => {
        this.#post = post;
        start = this.#state();
        this.progArrays.start();
        return start;
      },
      attached: (memory, progArrays) => {
        isExecuted = true;
        this.progArrays.attach(memory, progArrays);
      },
      ended: (image) => {
        this.#post = null;
        if (isExecuted) this.runs += 1;
        this.progArrays.detach();
        if (image !== null) this.#image = image;
      },
    };
  }

  /** A command of user space on a map that is no prog array; it waits for what goes on. null: the sandbox has ended. */
  async command(loader: RunPool, principal: string, map: number, command: MapCommand): Promise<MapAnswer | null> {
    return this.#turn(this.#line, async () => {
      const task = () => ({ kind: 'map_command', state: this.#state(), map, command }) as const;
      const answers = ['elements', 'changed', 'errno'] as const;
      const answer = await loader.ask<MapAnswer>({ principal, task, answers }).answer;
      if (answer.kind === 'changed') this.#image = answer.image;
      return answer;
    });
  }

  /** One more program; a run that goes on can tail-call it as soon as it stands in a slot. null: the sandbox has ended. */
  async addProgram(loader: RunPool, principal: string, program: ProgramRequest): Promise<ProgramAnswer | null> {
    return this.#turn(this.#loading, async () => {
      const { tenant } = this.identity;
      const { linked } = this.#state();
      const answer = await loader.ask<Extract<SandboxAnswer, { kind: 'program_added' | 'rejected' }>>({
        principal,
        task: (limits) => ({ kind: 'add_program', tenant, linked, program, limits }),
        answers: ['program_added', 'rejected'],
      }).answer;
      if (answer.kind !== 'program_added') return answer;
      const { facts, module, verification } = answer;
      if (!this.progArrays.bind(facts)) return { kind: 'rejected', rejection: wrongOwner(facts) };
      const number = this.#programs.length;
      this.#programs.push(facts);
      this.#linkedPrograms.push(answer.program);
      this.#post?.({ number, program: answer.program, module });
      return { kind: 'added', number, facts, verification };
    });
  }

  /** Cancels all that waits or runs. Nothing begins any more. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#cancels) cancel();
  }

  /** Resolves when all that waits or goes on has ended. */
  async settled(): Promise<void> {
    await Promise.all([this.#line.done(), this.#loading.done()]);
  }
}

function unrun({ id, spec }: RunRequest, since: number): RunAnswer {
  const result = unrunResult(id, spec, 'cancelled', microsecondsSince(since));
  return { kind: 'result', result, observations: NOTHING_OBSERVED, replay: null, defect: null };
}

function microsecondsSince(since: number): number {
  return Math.round((performance.now() - since) * 1000);
}

/** What a replay of the run starts from goes with its answer, and the wait for its turn counts as wait. */
function withSandbox(answer: RunAnswer, sandbox: SandboxState | null, waitedUs: number): RunAnswer {
  if (answer.kind !== 'result') return answer;
  const { result, replay } = answer;
  const timing = { ...result.timing, queueUs: result.timing.queueUs + waitedUs };
  const again = replay === null || sandbox === null ? replay : { ...replay, sandbox };
  return { ...answer, result: { ...result, timing }, replay: again };
}

function wrongOwner({ name }: ProgramFacts): Rejection {
  const message = `program '${name}' refers to a prog_array that belongs to programs of another type, attach type or xdp_has_frags`;
  return { rule: 'prog_array_owner', errno: 'EINVAL', program: name, pc: null, message, log: '' };
}
