/**
 * Fuel: how many instructions a run may go on before it looks up. Slices are handed out of the run's budget; where a run ends is decided by
 * the budget alone, never by the size of a slice.
 */

import { CELL } from '../contract/memory.ts';
import type { GuestMemory } from './guest-memory.ts';

/** The first slice; later ones follow the measured speed. */
const FIRST_SLICE = 1_000_000;
const MIN_SLICE = 1_000;
const MAX_SLICE = 10_000_000;
/** A slice should last about so long, which bounds how late a deadline is noticed. */
const SLICE_MS = 5;
/**
 * Helpers outside the translated code look at the clock after so much work, since fuel counts instructions and not their cost: in bytes that
 * they went through, and each call counts as some.
 */
const WORK_PER_LOOK = 256 * 1024;
const WORK_PER_CALL = 4096;

export type StopReason = 'insn_budget' | 'wall_budget' | 'cancelled';

export interface FuelLimits {
  readonly instructions: number;
  /** On the clock of `now`, milliseconds. */
  readonly deadline: number;
  readonly isCancelled: () => boolean;
  readonly now: () => number;
}

export class FuelTank {
  readonly #memory: GuestMemory;
  readonly #limits: FuelLimits;
  #slice = FIRST_SLICE;
  #sliceStart: number;
  #helperWork = 0;
  #handed = 0;

  constructor(memory: GuestMemory, limits: FuelLimits) {
    this.#memory = memory;
    this.#limits = limits;
    this.#sliceStart = limits.now();
    this.#hand(0, Math.min(FIRST_SLICE, limits.instructions));
  }

  /** Instructions executed when `fuel` is left. */
  executed(fuel: number): number {
    return this.#handed - fuel;
  }

  /** The same, from the cell that translated code leaves behind at calls and exits. */
  executedAtCell(): number {
    return this.executed(this.#memory.view.getInt32(CELL.FUEL, true));
  }

  #hand(executed: number, slice: number): number {
    this.#handed = executed + slice;
    this.#memory.view.setBigUint64(CELL.HANDED, BigInt(this.#handed), true);
    this.#memory.view.setInt32(CELL.FUEL, slice, true);
    return slice;
  }

  /** The next slice, or why the run ends here. `fuel` is 0 or less. */
  refill(fuel: number): number | StopReason {
    const executed = this.executed(fuel);
    if (executed >= this.#limits.instructions) return 'insn_budget';
    const stop = this.look();
    if (stop !== undefined) return stop;
    const now = this.#limits.now();
    const elapsed = Math.max(now - this.#sliceStart, 0.01);
    this.#slice = Math.round(Math.min(Math.max((this.#slice * SLICE_MS) / elapsed, MIN_SLICE), MAX_SLICE));
    this.#sliceStart = now;
    return this.#hand(executed, Math.min(this.#slice, this.#limits.instructions - executed));
  }

  /** Deadline and cancellation. */
  look(): StopReason | undefined {
    if (this.#limits.isCancelled()) return 'cancelled';
    return this.#limits.now() >= this.#limits.deadline ? 'wall_budget' : undefined;
  }

  /** Before another repetition: a test point as every start of a program. */
  beforeInvocation(): StopReason | undefined {
    if (this.executedAtCell() >= this.#limits.instructions) return 'insn_budget';
    const fuel = this.#memory.view.getInt32(CELL.FUEL, true);
    if (fuel > 0) return undefined;
    const refilled = this.refill(fuel);
    return typeof refilled === 'number' ? undefined : refilled;
  }

  /** At each helper that runs outside. */
  atHelper(): StopReason | undefined {
    this.#helperWork += WORK_PER_CALL + this.#memory.takeWork();
    if (this.#helperWork < WORK_PER_LOOK) return undefined;
    this.#helperWork = 0;
    return this.look();
  }
}
