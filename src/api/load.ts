/** Whether the process has room for new work: its memory against its cap, and how late its event loop is. */

import { totalmem } from 'node:os';
import type { LimitName, Limits } from '../contract/limits.ts';
import type { Problem } from '../contract/problem.ts';

/** New work is refused from this part of the cap on; what is left is for what has begun. */
export const MEMORY_SHARE = 0.8;
/** A reading serves all who ask within this time, ms. */
const READING_LIFE_MS = 250;
/** A refused client asks again after so long, s. */
const RETRY_AFTER_SECONDS = 5;

export interface Readings {
  /** Resident memory of the process, bytes. */
  readonly memoryBytes: () => number;
  /** How late the event loop was of late, ms. */
  readonly eventLoopDelayMs: () => number;
}

/** What the process may take: the setting, or the memory of its control group, or that of the machine. */
export function memoryCap({ maxProcessBytes }: Pick<Limits, 'maxProcessBytes'>): number {
  if (maxProcessBytes > 0) return maxProcessBytes;
  // 0: unknown; without a limit it is a number larger than any memory.
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

export interface Shed {
  readonly reason: 'memory' | 'event_loop';
  readonly problem: Problem;
}

export class Load {
  readonly #limits: Limits;
  readonly #readings: Readings;
  readonly #now: () => number;
  readonly #capBytes: number;
  #until = Number.NEGATIVE_INFINITY;
  #refusal: Shed | null = null;

  /** @param now milliseconds, of a clock that never goes back */
  constructor(limits: Limits, readings: Readings, now: () => number) {
    this.#limits = limits;
    this.#readings = readings;
    this.#now = now;
    this.#capBytes = memoryCap(limits);
  }

  /** Why new work must wait; null: it need not. */
  refusal(): Shed | null {
    const now = this.#now();
    if (now < this.#until) return this.#refusal;
    this.#until = now + READING_LIFE_MS;
    this.#refusal = this.#look();
    return this.#refusal;
  }

  #look(): Shed | null {
    const { maxEventLoopDelayMs } = this.#limits;
    if (this.#readings.memoryBytes() >= MEMORY_SHARE * this.#capBytes) {
      return shed('memory', 'maxProcessBytes', `The server has used ${100 * MEMORY_SHARE} % of its memory`);
    }
    if (maxEventLoopDelayMs > 0 && this.#readings.eventLoopDelayMs() >= maxEventLoopDelayMs) {
      return shed('event_loop', 'maxEventLoopDelayMs', 'The server is late already with what it has to do');
    }
    return null;
  }
}

function shed(reason: Shed['reason'], limit: LimitName, what: string): Shed {
  const detail = `${what} (limit ${limit}). New work is refused; reads, deletions and health are answered.`;
  return { reason, problem: { code: 'overloaded', detail, limit, retryAfterSeconds: RETRY_AFTER_SECONDS } };
}
