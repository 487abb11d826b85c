/** Where a JSON value has a key that would reach an object's prototype when somebody copies it carelessly. */

import { token } from './schema-violation.ts';

/** The JSON pointer of the first such key, `__proto__` or the `prototype` of a `constructor`; null: there is none. */
export function prototypeKey(value: unknown): string | null {
  // A stack of our own: a body may be nested deeper than calls may.
  const left = [{ value, pointer: '' }];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue;
    for (const [key, inner] of Object.entries(next.value)) {
      const pointer = `${next.pointer}/${token(key)}`;
      if (key === '__proto__') return pointer;
      if (key === 'constructor' && isObject(inner) && Object.hasOwn(inner, 'prototype')) return `${pointer}/prototype`;
      if (isObject(inner)) left.push({ value: inner, pointer });
    }
  }
  return null;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
