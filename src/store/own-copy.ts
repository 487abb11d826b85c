/** Copies of plain data that share no bytes with their source. */

/**
 * A deep copy of plain data. Unlike structuredClone it copies only the bytes that a Uint8Array shows, not the whole buffer under it, and
 * bytes of shared memory stop being shared.
 */
export function ownCopy<Value>(value: Value): Value {
  return copy(value) as Value;
}

function copy(value: unknown): unknown {
  // Not slice() of the value itself: of a Buffer it would be a view.
  if (value instanceof Uint8Array) return Uint8Array.prototype.slice.call(value);
  if (Array.isArray(value)) return value.map(copy);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, copy(field)]));
}
