/** Body of a run thread: one task at a time, in the order in which they come. */

import type { ReplayAnswer, TaskAnswer, WorkerTask } from '../src/contract/task.ts';
import { Engine } from '../src/pipeline/engine.ts';

/** The thread's memories and compiled modules; no guest's state outlives its run in it. */
const engine = new Engine();

export default function run(task: WorkerTask): TaskAnswer | ReplayAnswer {
  switch (task.kind) {
    case 'run':
      return engine.run(task);
    case 'replay':
      return engine.runReplay(task);
  }
}
