/** Many runs in one process: does it grow, and does an owner of a memory see anything of the last one? */

import assert from 'node:assert/strict';
import { limitsWith } from '../../src/contract/limits.ts';
import { PERMISSION, SHADOW_OFFSET, STACK } from '../../src/contract/memory.ts';
import type { TaskAnswer } from '../../src/contract/task.ts';
import { Engine } from '../../src/pipeline/engine.ts';
import { type RunDescription, runSpec } from '../support/engine-run.ts';
import { leaver, scanner } from './owners.ts';

const MIB = 1024 * 1024;
/**
 * V8's heap, its machine code and the allocator's reserves come and go by some ten MiB, and a short warm-up leaves the module cache to be
 * filled; one memory that is kept for each run, or a module, would be gigabytes after 50,000.
 */
const RSS_MARGIN_MIB = 128;

export interface SoakOptions {
  /** Every second run scans what the one before left; each is a change of owner. */
  readonly runs: number;
  /** Runs before the first measurement of RSS. */
  readonly warmUpRuns: number;
  readonly reportEvery: number;
  /** Of the scan of each memory at the end, see `leftovers`. */
  readonly bound: number;
}

/** Bytes that are compared with zeroes at once. */
const CHUNK_BYTES = 65_536;

export interface SoakReport {
  readonly runs: number;
  readonly memories: number;
  readonly rssMib: number;
}

/** Memories that the process has made, by watching the constructor. */
class MemoryWatch {
  readonly memories: WebAssembly.Memory[] = [];
  readonly #original = WebAssembly.Memory;

  constructor() {
    const { memories } = this;
    WebAssembly.Memory = class extends WebAssembly.Memory {
      constructor(descriptor: ConstructorParameters<typeof WebAssembly.Memory>[0]) {
        super(descriptor);
        memories.push(this);
      }
    };
  }

  [Symbol.dispose](): void {
    WebAssembly.Memory = this.#original;
  }
}

/**
 * Bytes that are not zero, by their offset; the permissions of an entry program's frame are always open and are left out.
 * @param bound so many bytes of the guest's half, and of the shadow, are looked at: looking at an untouched page takes a page fault
 */
export function leftovers(memory: WebAssembly.Memory, bound = SHADOW_OFFSET): number[] {
  const frameStart = SHADOW_OFFSET + STACK.BASE - STACK.MAX_BYTES;
  const bytes = new Uint8Array(memory.buffer);
  assert.ok(bytes.subarray(frameStart, frameStart + STACK.MAX_BYTES).every((one) => one === PERMISSION.READ_WRITE));
  const found: number[] = [];
  const zeroes = new Uint8Array(CHUNK_BYTES);
  for (const half of [0, SHADOW_OFFSET]) {
    for (let start = half; start < half + bound; start += CHUNK_BYTES) {
      const chunk = bytes.subarray(start, start + CHUNK_BYTES);
      if (Buffer.compare(chunk, zeroes) === 0) continue;
      for (const [index, byte] of chunk.entries()) {
        const at = start + index;
        if (byte !== 0 && (at < frameStart || at >= frameStart + STACK.MAX_BYTES)) found.push(at);
      }
    }
  }
  return found;
}

function run(engine: Engine, description: RunDescription): Extract<TaskAnswer, { kind: 'result' }>['result'] {
  const cancel = new Int32Array(new SharedArrayBuffer(4));
  const task = { kind: 'run', id: 'soak', limits: limitsWith(), queueUs: 0, tracePort: null, cancel } as const;
  const answer = engine.run({ ...task, spec: runSpec(description) });
  assert.equal(answer.kind, 'result', JSON.stringify(answer));
  return (answer as Extract<TaskAnswer, { kind: 'result' }>).result;
}

/** @throws AssertionError when something was found or the process has grown */
export function soak(options: SoakOptions, report: (progress: SoakReport) => void): void {
  const { runs, warmUpRuns, reportEvery, bound } = options;
  using watch = new MemoryWatch();
  const engine = new Engine();
  const { memories } = watch;
  const atStart = memories.length;
  const rssMib = () => process.memoryUsage.rss() / MIB;
  let rssBefore = 0;
  const codes = new Set<string>();
  for (let done = 0; done < warmUpRuns + runs; done += 2) {
    codes.add(run(engine, leaver(done / 2)).outcome.code);
    const { outcome, r0 } = run(engine, scanner(done / 2));
    assert.deepEqual([outcome.code, r0], ['exit', '0x0'], `the owner after ${JSON.stringify(leaver(done / 2))}`);
    if (done === warmUpRuns) rssBefore = rssMib();
    if (done % reportEvery === 0) report({ runs: done, memories: memories.length, rssMib: rssMib() });
  }
  assert.deepEqual(
    [...codes].sort(),
    ['exit', 'insn_budget', 'null_deref', 'oob_read'],
    'the owners do what they should',
  );
  report({ runs: warmUpRuns + runs, memories: memories.length, rssMib: rssMib() });
  assert.equal(memories.length, atStart, 'no memory is made for a run');
  assert.ok(rssMib() - rssBefore < RSS_MARGIN_MIB, `RSS went from ${rssBefore} to ${rssMib()} MiB`);
  for (const memory of memories) assert.deepEqual(leftovers(memory, bound), []);
}
