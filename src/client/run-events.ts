/** What a run does besides its steps, as a client hears it: tail calls, prints, writes to maps, the result. */

import type { ChainRow, MapWriteRow, PrintRow, RunResult } from '../contract/result.ts';
import type { ServerMessage } from '../contract/trace.ts';

export class RunEvents {
  readonly chain: ChainRow[] = [];
  readonly prints: PrintRow[] = [];
  readonly mapWrites: MapWriteRow[] = [];
  readonly result = Promise.withResolvers<RunResult>();
  /** Steps of the run; 0 until its result is known. */
  steps = 0;
  #last: RunResult | undefined;
  #isComplete = false;

  /** A subscription tells everything from the start. After a cut that is told again, unless it was complete. */
  begin(): void {
    if (this.#isComplete) return;
    this.chain.length = 0;
    this.prints.length = 0;
  }

  /** What the result says of a run that did not begin. */
  get whyUnbegun(): string {
    if (this.#last === undefined) return 'there is no result';
    const { rejection, outcome } = this.#last;
    return rejection === null ? outcome.code : `${outcome.code}: ${rejection.message}`;
  }

  hear(message: Extract<ServerMessage, { type: 'chain' | 'print' | 'map' | 'result' }>): void {
    if (this.#isComplete) return;
    if (message.type === 'chain') this.chain.push(...message.rows);
    else if (message.type === 'result') {
      this.#isComplete = true;
      this.#last = message.result;
      this.steps = Number(message.result.counters.instructions);
      this.result.resolve(message.result);
    } else if (message.type === 'print') {
      const { type: _, id: __, ...row } = message;
      this.prints.push(row);
    } else {
      const { type: _, id: __, ...row } = message;
      this.mapWrites.push(row);
    }
  }
}
