/** bpf_map_lookup_elem, bpf_map_update_elem, bpf_map_delete_elem: the part that is not written in place by the translator. */

import type { HelperContext } from './context.ts';

/** r1 map, r2 key -> address of the value, or 0. */
export function mapLookupElem(context: HelperContext): void {
  const map = context.map(1);
  context.setResult(map.lookup(context.bytesAt(2, map.spec.keySize, 'read')));
}

/** r1 map, r2 key, r3 value, r4 flags -> 0 or a negative errno. */
export function mapUpdateElem(context: HelperContext): void {
  const map = context.map(1);
  const key = context.bytesAt(2, map.spec.keySize, 'read');
  const value = context.bytesAt(3, map.spec.valueSize, 'read');
  const change = context.elementChange(map, key);
  const result = map.update(key, value, context.argument(4));
  if (result === 0) change?.(map.changed);
  context.setResult(result);
}

/** r1 map, r2 key -> 0 or a negative errno. */
export function mapDeleteElem(context: HelperContext): void {
  const map = context.map(1);
  const key = context.bytesAt(2, map.spec.keySize, 'read');
  const change = context.elementChange(map, key);
  const result = map.delete(key);
  if (result === 0) change?.(0);
  context.setResult(result);
}
