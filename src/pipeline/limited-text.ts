/** A text that grows piece by piece up to a limit, so that a hostile program cannot make a text of any size. */

import type { EngineLimits } from '../contract/task.ts';
import { ProblemFound } from './refused.ts';

export class LimitedText {
  readonly #most: number;
  readonly #pieces: string[] = [];
  #bytes = 0;

  constructor({ maxProgramViewBytes }: Pick<EngineLimits, 'maxProgramViewBytes'>) {
    this.#most = maxProgramViewBytes;
  }

  /** @throws ProblemFound limit_exceeded */
  add(piece: string): void {
    this.#bytes += Buffer.byteLength(piece);
    if (this.#bytes > this.#most) {
      const detail = `this view of the program has more than ${this.#most} bytes (limit maxProgramViewBytes)`;
      throw new ProblemFound('limit_exceeded', '', detail, { limit: 'maxProgramViewBytes' });
    }
    this.#pieces.push(piece);
  }

  /** The text in UTF-8. */
  bytes(): Uint8Array {
    return new TextEncoder().encode(this.#pieces.join(''));
  }
}
