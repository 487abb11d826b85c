/** Helpers that run outside the translated code, by number. (ktime_get_ns, get_smp_processor_id, array lookups and tail_call are written in place.) */

import { HELPER } from '../../spec/helper-numbers.ts';
import type { HelperContext } from './context.ts';
import { mapDeleteElem, mapLookupElem, mapUpdateElem } from './maps.ts';
import { getPrandomU32 } from './random.ts';
import { tracePrintk } from './trace-printk.ts';

export type HelperFunctions = Readonly<Record<number, (context: HelperContext) => void>>;

export const HELPER_FUNCTIONS: HelperFunctions = {
  [HELPER.map_lookup_elem]: mapLookupElem,
  [HELPER.map_update_elem]: mapUpdateElem,
  [HELPER.map_delete_elem]: mapDeleteElem,
  [HELPER.trace_printk]: tracePrintk,
  [HELPER.get_prandom_u32]: getPrandomU32,
};
