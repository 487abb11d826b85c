/** Feeds readers with changed inputs and collects what must not happen. */

import { Random } from './random.ts';
import { READER_TARGETS, type ReaderTarget } from './reader-targets.ts';

/** A reader that needs longer twice for the same input is slow. */
const SLOW_MS = 100;
/** Failures after which it makes no sense to go on. */
const MOST_FAILURES = 5;

export interface ReaderFailure {
  readonly target: string;
  readonly seed: number;
  readonly what: string;
  readonly input: Uint8Array;
}

export interface ReaderCounts {
  readonly read: number;
  readonly refused: number;
  readonly slowestMs: number;
}

/** One reading: whether it was refused, and how long it kept this thread. Throws what the target has not declared. */
function readOnce(target: ReaderTarget, input: Uint8Array): { refused: boolean; ms: number } {
  const before = process.threadCpuUsage();
  let refused = false;
  try {
    target.read(input.slice());
  } catch (error) {
    if (!target.errors.some((known) => error instanceof known)) throw error;
    refused = true;
  }
  const { user, system } = process.threadCpuUsage(before);
  return { refused, ms: (user + system) / 1000 };
}

/**
 * @param count inputs, all targets together: each gets as many
 * @param firstSeed input n of all is made from firstSeed + n
 */
export function fuzzReaders(
  count: number,
  firstSeed: number,
  progress: (done: number) => void = () => {},
): { counts: ReadonlyMap<string, ReaderCounts>; failures: readonly ReaderFailure[] } {
  const counts = new Map<string, { read: number; refused: number; slowestMs: number }>();
  const failures: ReaderFailure[] = [];
  for (const { name } of READER_TARGETS) counts.set(name, { read: 0, refused: 0, slowestMs: 0 });
  for (let done = 0; done < count && failures.length < MOST_FAILURES; done++) {
    const target = READER_TARGETS[done % READER_TARGETS.length]!;
    const input = target.change(new Random(firstSeed + done), target.seeds);
    const tally = counts.get(target.name)!;
    const fail = (what: string) => failures.push({ target: target.name, seed: firstSeed + done, what, input });
    try {
      const first = readOnce(target, input);
      const ms = first.ms > SLOW_MS ? Math.min(first.ms, readOnce(target, input).ms) : first.ms;
      if (ms > SLOW_MS) fail(`took ${ms.toFixed(0)} ms, twice`);
      if (first.refused) tally.refused++;
      else tally.read++;
      tally.slowestMs = Math.max(tally.slowestMs, ms);
    } catch (error) {
      fail(error instanceof Error ? `${error.stack}` : String(error));
    }
    progress(done + 1);
  }
  return { counts, failures };
}
