/** The engine of one thread: its memories, its compiled modules, and the way of a run through all stages. */

import { outcome } from '../contract/outcome.ts';
import type { ProgramAnswer, ProgramTask } from '../contract/program-task.ts';
import type { RunResult } from '../contract/result.ts';
import type {
  AddProgramTask,
  CreateSandboxTask,
  LiveMessage,
  MapTask,
  SandboxAnswer,
} from '../contract/sandbox-task.ts';
import type { ReplayAnswer, ReplayTask, RunTask, StartedFacts, TaskAnswer, TraceMessage } from '../contract/task.ts';
import { NOTHING_OBSERVED, unrunResult } from '../contract/unrun-result.ts';
import { LiveRun } from './live.ts';
import { newVerification, type ReadRun, readRun, verifyRun } from './load.ts';
import { buildVm, runFootprint, vmLimits } from './machine.ts';
import { runMapCommand } from './map-command.ts';
import { runProgramTask } from './program-task.ts';
import { LoadRejected, ProblemFound } from './refused.ts';
import { type ReplayAnswer as Replay, type ReplayRequest, replayRun } from './replay.ts';
import { runReplayTask } from './replay-task.ts';
import { Resources } from './resources.ts';
import { executedResult, observationsOf } from './result.ts';
import { runKeyOf, sandboxRunKeyOf } from './run-key.ts';
import { addProgram, createSandbox } from './sandbox.ts';
import { attach, detach, readSandboxRun, sandboxExtras } from './sandbox-run.ts';

/** Microseconds between two readings of `performance.now()`. */
function microseconds(from: number, to: number): number {
  return Math.round((to - from) * 1000);
}

export class Engine {
  readonly #resources = new Resources();

  /** Runs a task to its answer. Guest faults and refusals are answers; an exception is a defect of ours. */
  run(task: RunTask): TaskAnswer {
    const send = task.tracePort === null ? undefined : (message: TraceMessage) => task.tracePort?.postMessage(message);
    const result = unrunResult(task.id, task.spec, 'internal', task.queueUs);
    try {
      return this.#run(task, result, send);
    } catch (stop) {
      if (stop instanceof ProblemFound) return { kind: 'problem', problem: stop.problem };
      if (stop instanceof LoadRejected) return rejected(result, stop);
      throw stop;
    } finally {
      send?.({ type: 'end' });
      task.sandbox?.port?.postMessage({ type: 'end' } satisfies LiveMessage);
    }
  }

  /** Makes a sandbox from its parts. */
  createSandbox(task: CreateSandboxTask): SandboxAnswer {
    return answered(() => createSandbox(this.#resources, task));
  }

  /** Reads, verifies and compiles one more program of a sandbox. */
  addProgram(task: AddProgramTask): SandboxAnswer {
    return answered(() => addProgram(this.#resources, task));
  }

  /** Carries out a command of user space on a sandbox's map. */
  runMapCommand(task: MapTask): SandboxAnswer {
    return answered(() => runMapCommand(this.#resources, task));
  }

  /** Reads programs to what is stored of them, or makes a view of one that is. */
  runProgramTask(task: ProgramTask): ProgramAnswer {
    return runProgramTask(this.#resources.known(task.tenant), task);
  }

  /**
   * Produces a window of steps, and the state in front of one, by running again on a private memory.
   * @throws ProblemFound, LoadRejected only when the run itself was refused
   */
  replay(request: ReplayRequest): Replay {
    return replayRun(this.#resources, request);
  }

  /** Makes steps of a run that has ended again, as a task asks for them. */
  runReplay(task: ReplayTask): ReplayAnswer {
    return runReplayTask(this.#resources, task);
  }

  #run(task: RunTask, result: RunResult, send: ((message: TraceMessage) => void) | undefined): TaskAnswer {
    const { spec, sandbox } = task;
    const begin = performance.now();
    const known = this.#resources.known(spec.tenant);
    result.runKey = sandbox === undefined ? runKeyOf(spec) : sandboxRunKeyOf(spec, sandbox.state);
    const sandboxRun = sandbox === undefined ? undefined : readSandboxRun(spec, sandbox.state, task.limits, known);
    const run = sandboxRun ?? readRun(spec, task.limits, known);
    const verification = newVerification(run.mode);
    result.verification = verification;
    const read = performance.now();
    const { reported, dead } = verifyRun(run, verification, known);
    result.rejection = reported?.rejection ?? null;
    const verified = performance.now();

    const bytes = runFootprint(run, spec.input.packet);
    if (bytes > spec.budgets.memoryBytes) return overMemory(result, bytes);
    const memory = this.#resources.memories.acquire(bytes);
    if (memory === undefined) throw new Error(`no memory of this thread has ${bytes} bytes free`);
    try {
      const { programs, allKnown } = this.#resources.compile(known, run, dead, false);
      result.cache = { programs: allKnown ? 'hit' : 'miss' };
      const compiled = performance.now();
      const extras = sandboxRun === undefined ? {} : sandboxExtras(sandboxRun, sandbox!, known);
      const vm = buildVm(run, spec, memory, this.#resources.driver, programs, extras);
      if (sandbox !== undefined) attach(vm, sandbox, this.#resources);
      const live = new LiveRun(run, memory, send);
      send?.({ type: 'started', ...startedFacts(run) });
      const start = performance.now();
      const done = vm.run(
        run.entry,
        spec.repeat,
        vmLimits(spec, () => Atomics.load(task.cancel, 0) !== 0),
        live,
      );
      const end = performance.now();
      live.finish();
      result.timing = {
        queueUs: task.queueUs,
        loadUs: microseconds(begin, read) + microseconds(compiled, start),
        verifyUs: microseconds(read, verified),
        compileUs: microseconds(verified, compiled),
        execNs: String(Math.round((end - start) * 1e6)),
      };
      const answer = executedResult(result, spec, run, vm, done, live.prints, verification);
      if (sandbox !== undefined) detach(vm, sandbox);
      const { slotLog, instructions: steps } = done;
      const replay = slotLog === null ? null : { slotLog, steps, ...startedFacts(run) };
      return { kind: 'result', result: answer, observations: observationsOf(done), replay };
    } finally {
      this.#resources.memories.release(memory, sandbox !== undefined);
    }
  }
}

/** A refusal on the way is an answer too. */
function answered(work: () => SandboxAnswer): SandboxAnswer {
  try {
    return work();
  } catch (stop) {
    if (stop instanceof ProblemFound) return { kind: 'problem', problem: stop.problem };
    if (stop instanceof LoadRejected) return { kind: 'rejected', rejection: stop.rejection };
    throw stop;
  }
}

function rejected(result: RunResult, stop: LoadRejected): TaskAnswer {
  result.outcome = outcome(stop.code);
  result.rejection = stop.rejection;
  const verifierRule = stop.code === 'rejected_verifier' ? stop.rejection.rule : null;
  return { kind: 'result', result, observations: { ...NOTHING_OBSERVED, verifierRule }, replay: null };
}

function overMemory(result: RunResult, bytes: number): TaskAnswer {
  const message = `maps, packet and context need ${bytes} bytes, budgets.memoryBytes is ${result.budgets.memoryBytes}`;
  result.outcome = outcome('memory_budget');
  result.rejection = { rule: 'memory_budget', errno: 'ENOMEM', program: null, pc: null, message, log: '' };
  return { kind: 'result', result, observations: NOTHING_OBSERVED, replay: null };
}

function startedFacts(run: ReadRun): StartedFacts {
  return {
    programs: run.programs.map((program, index) => ({ index, name: program.name, insns: program.code.length / 8 })),
    maps: run.maps.map((map) => map.name),
  };
}
