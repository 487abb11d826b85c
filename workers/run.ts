/** Body of a run thread: one task at a time, in the order in which they come. */

import type { WorkerAnswer, WorkerTask } from '../src/contract/task.ts';
import { runBatchTask } from '../src/pipeline/batch-task.ts';
import { Engine } from '../src/pipeline/engine.ts';

/** The thread's memories and compiled modules; no guest's state outlives its run in it. */
const engine = new Engine();

export default function run(task: WorkerTask): WorkerAnswer {
  switch (task.kind) {
    case 'run':
      return engine.run(task);
    case 'replay':
      return engine.runReplay(task);
    case 'batch':
      return runBatchTask(engine, task);
    case 'create_sandbox':
      return engine.createSandbox(task);
    case 'add_program':
      return engine.addProgram(task);
    case 'map_command':
      return engine.runMapCommand(task);
    case 'read_programs':
    case 'view_program':
      return engine.runProgramTask(task);
  }
}
