/** Random numbers that a seed determines. */

export class Random {
  #state: number;

  /** @param seed any integer below 2^53; equal seeds give equal sequences */
  constructor(seed: number) {
    this.#state = (seed ^ Math.floor(seed / 0x1_0000_0000)) >>> 0;
    // Neighbouring seeds would begin alike without this.
    for (let round = 0; round < 4; round++) this.bits();
  }

  /** 32 random bits, unsigned: a counter through a multiply-xor mixer. */
  bits(): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** 0 to `count` - 1. */
  below(count: number): number {
    return this.bits() % count;
  }

  /** Both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(choices: readonly T[]): T {
    const chosen = choices[this.below(choices.length)];
    if (chosen === undefined) throw new RangeError('nothing to choose from');
    return chosen;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  /** A signed 32-bit number; small, all-ones and border values come more often than chance would have them. */
  immediate(): number {
    switch (this.below(4)) {
      case 0:
        return this.between(-16, 16);
      case 1:
        return this.pick([-0x8000_0000, 0x7fff_ffff, -1, 0xff, 0xffff, 0x8000, -0x8000, 0x1_0000, 63, 31, 64, 32]);
      default:
        return this.bits() | 0;
    }
  }
}
