/** What a run says while it goes on: prints are kept for the result, and with a listener chain rows and prints go out at once. */

import { CHAIN } from '../contract/memory.ts';
import type { ChainRow, PrintRow } from '../contract/result.ts';
import type { TraceMessage } from '../contract/task.ts';
import { chainLength, readChainRow } from '../vm/chain.ts';
import type { GuestMemory } from '../vm/guest-memory.ts';
import type { HelperCall, MapWrite } from '../vm/helpers/context.ts';
import type { VmListener } from '../vm/vm.ts';
import type { ReadRun } from './load.ts';
import { chainNames, hexOf } from './result.ts';

/** Rows in one message (trace-protocol.md). */
const ROWS_PER_MESSAGE = 256;

export class LiveRun implements VmListener {
  readonly prints: PrintRow[] = [];
  readonly #run: ReadRun;
  readonly #memory: GuestMemory;
  readonly #send: ((message: TraceMessage) => void) | undefined;
  readonly mapWrite: VmListener['mapWrite'];
  #rowsSent = 0;
  #mapWrites = 0;
  /** Steps of the first and the last line that there was no room for. */
  #lost: { readonly first: number; last: number } | null = null;

  constructor(run: ReadRun, memory: GuestMemory, send: ((message: TraceMessage) => void) | undefined) {
    this.#run = run;
    this.#memory = memory;
    this.#send = send;
    this.mapWrite = send === undefined ? undefined : (write) => this.#tellMapWrite(write);
  }

  print = (line: HelperCall & { readonly text: string }): void => {
    const row: PrintRow = { ...this.#place(line), text: line.text };
    if (this.prints.length >= this.#run.limits.maxPrintLines) {
      this.#lose(line.step);
      return;
    }
    this.prints.push(row);
    this.#send?.({ type: 'print', row });
  };

  #lose(step: number): void {
    this.#lost ??= { first: step, last: step };
    this.#lost.last = step;
  }

  #place({ program, pc, step }: HelperCall): Pick<PrintRow, 'step' | 'program' | 'pc'> {
    return { step: String(step), program: this.#run.programs[program]?.name ?? '', pc };
  }

  #tellMapWrite(write: HelperCall & MapWrite): void {
    if (this.#mapWrites >= this.#run.limits.maxMapLines) {
      this.#lose(write.step);
      return;
    }
    this.#mapWrites++;
    const row = {
      ...this.#place(write),
      map: this.#run.maps[write.map]?.name ?? '',
      key: hexOf(write.key).hex,
      value: write.value === null ? null : hexOf(write.value).hex,
    };
    this.#send?.({ type: 'map', row });
  }

  /** Sends rows of the chain's first part as they come; its last part is known only at the end. */
  progress = (): void => {
    this.#sendRows(Math.min(chainLength(this.#memory), CHAIN.KEPT));
  };

  /** Sends the rest of the rows that the result keeps. */
  finish(): void {
    const length = chainLength(this.#memory);
    this.#sendRows(Math.min(length, CHAIN.KEPT));
    this.#rowsSent = Math.max(this.#rowsSent, length - CHAIN.KEPT);
    this.#sendRows(length);
    if (this.#lost !== null) this.#send?.({ type: 'lost', ...this.#lost });
  }

  #sendRows(end: number): void {
    if (this.#send === undefined) return;
    const names = chainNames(this.#run);
    while (this.#rowsSent < end) {
      const rows: ChainRow[] = [];
      for (; this.#rowsSent < end && rows.length < ROWS_PER_MESSAGE; this.#rowsSent++) {
        rows.push(readChainRow(this.#memory, this.#rowsSent, names));
      }
      this.#send({ type: 'chain', rows });
    }
  }
}
