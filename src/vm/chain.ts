/** Reads the rows of the chain that translated code has written (layout: contract/memory.ts). */

import { CELL, CHAIN, MISS } from '../contract/memory.ts';
import type { GuestMemory } from './guest-memory.ts';

/** Names for the numbers in a row. */
export interface ChainNames {
  readonly program: (number: number) => string;
  readonly map: (index: number) => string;
}

/** One attempt of a tail call, as api.md shows it. */
export interface ChainRow {
  /** Number of the step, decimal. */
  step: string;
  from: string;
  pc: number;
  map: string;
  index: number;
  to: string | null;
  /** Hops taken so far, this one included. */
  depth: number;
  taken: boolean;
  miss: 'index' | 'empty' | 'limit' | null;
  generation: number;
}

const MISS_NAMES = Object.fromEntries(Object.entries(MISS).map(([name, value]) => [value, name])) as Record<
  number,
  keyof typeof MISS
>;

/** Rows written so far, also those that the ring has dropped. */
export function chainLength(memory: GuestMemory): number {
  return memory.view.getUint32(CELL.CHAIN_ROWS, true);
}

/** Row number `row` of the run; it must be among the first or the last CHAIN.KEPT. */
export function readChainRow(memory: GuestMemory, row: number, names: ChainNames): ChainRow {
  const { view } = memory;
  const place = row < CHAIN.KEPT ? row : CHAIN.KEPT + (row % CHAIN.KEPT);
  const base = CHAIN.BASE + place * CHAIN.ROW_BYTES;
  const miss = MISS_NAMES[view.getUint8(base + CHAIN.MISS)]!;
  return {
    step: view.getBigUint64(base + CHAIN.STEP, true).toString(),
    from: names.program(view.getUint16(base + CHAIN.FROM, true)),
    pc: view.getUint32(base + CHAIN.PC, true),
    map: names.map(view.getUint16(base + CHAIN.MAP, true)),
    index: view.getUint32(base + CHAIN.INDEX, true),
    to: miss === 'taken' ? names.program(view.getUint16(base + CHAIN.TO, true) - 1) : null,
    depth: view.getUint32(base + CHAIN.DEPTH, true),
    taken: miss === 'taken',
    miss: miss === 'taken' ? null : miss,
    generation: view.getUint32(base + CHAIN.GENERATION, true),
  };
}

/** The rows that are kept: all of a short chain, else the first and the last CHAIN.KEPT. */
export function readChain(memory: GuestMemory, names: ChainNames): { rows: ChainRow[]; truncated: boolean } {
  const length = chainLength(memory);
  const truncated = length > 2 * CHAIN.KEPT;
  const rows: ChainRow[] = [];
  for (let row = 0; row < length; row++) {
    if (truncated && row === CHAIN.KEPT) row = length - CHAIN.KEPT;
    rows.push(readChainRow(memory, row, names));
  }
  return { rows, truncated };
}
