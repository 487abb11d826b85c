/** bpf_get_prandom_u32, seeded: the same run draws the same numbers. */

import { CELL } from '../../contract/memory.ts';
import type { HelperContext } from './context.ts';

const GOLDEN = 0x9e37_79b9;

/** A counter in the state's low word, keyed by its high word, through MurmurHash3's 32-bit finaliser. */
export function getPrandomU32(context: HelperContext): void {
  const { view } = context.memory;
  const counter = (view.getUint32(CELL.RANDOM, true) + GOLDEN) >>> 0;
  view.setUint32(CELL.RANDOM, counter, true);
  let mixed = counter ^ view.getUint32(CELL.RANDOM + 4, true);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  context.setResult((mixed ^ (mixed >>> 16)) >>> 0);
}
