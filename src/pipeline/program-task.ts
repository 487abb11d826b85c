/** Questions about stored programs, as tasks of a thread. */

import type { Problem } from '../contract/problem.ts';
import type { ProgramAnswer, ProgramTask } from '../contract/program-task.ts';
import type { KnownPrograms } from './known-programs.ts';
import { viewProgram } from './program-views.ts';
import { OBJECT_POINTER } from './read-programs.ts';
import { LoadRejected, ProblemFound } from './refused.ts';
import { readUpload } from './store-programs.ts';

/** A refusal is an answer; an exception is a defect of ours. */
export function runProgramTask(known: KnownPrograms, task: ProgramTask): ProgramAnswer {
  try {
    if (task.kind === 'view_program') return { kind: 'program_view', body: viewProgram(task, known) };
    return readUpload(task, known);
  } catch (stop) {
    if (stop instanceof ProblemFound) return { kind: 'problem', problem: placed(stop.problem, task) };
    if (stop instanceof LoadRejected) return { kind: 'problem', problem: refusedLoad(stop) };
    throw stop;
  }
}

/** An object stands in a run's body at another place. */
function placed(problem: Problem, task: ProgramTask): Problem {
  if (task.kind !== 'read_programs' || task.upload.kind !== 'object' || problem.errors === undefined) return problem;
  const { pointer } = task.upload;
  const errors = problem.errors.map((error) => (error.pointer === OBJECT_POINTER ? { ...error, pointer } : error));
  return { ...problem, errors };
}

/** What libbpf or bpf(2) refuses before the verifier: there is nothing to be stored. */
function refusedLoad({ rejection: { errno, message } }: LoadRejected): Problem {
  return { code: 'load_rejected', detail: message, errno };
}
