/** In a thread: runs a program that never ends by itself until its wall budget, and tells how it ended and how late. */

import { parentPort, workerData } from 'node:worker_threads';
import { runVm, testVm, type VmDescription } from '../support/engine-run.ts';

export interface WallTask {
  readonly description: VmDescription;
  readonly wallMs: number;
}

export interface WallAnswer {
  readonly code: string;
  readonly instructions: number;
  readonly lateMs: number;
}

const { description, wallMs } = workerData as WallTask;
const deadline = performance.now() + wallMs;
const done = runVm(testVm(description), { instructions: 1e15, maxTailCalls: 0x7fff_ffff, deadline });
const answer: WallAnswer = { code: done.code, instructions: done.instructions, lateMs: performance.now() - deadline };
parentPort?.postMessage(answer);
