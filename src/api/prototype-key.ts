/** Where a JSON value has a key that would reach an object's prototype when somebody copies it carelessly. */

import { token } from './schema-violation.ts';

/** A pointer tells so many tokens; of what is deeper it names the place that holds it. */
const MAX_TOLD_TOKENS = 32;

interface Place {
  readonly value: object;
  readonly key: string;
  readonly outer: Place | null;
}

/** The JSON pointer of the first such key, `__proto__` or the `prototype` of a `constructor`; null: there is none. */
export function prototypeKey(value: unknown): string | null {
  // A stack of our own: a body may be nested deeper than calls may.
  const left: Place[] = isObject(value) ? [{ value, key: '', outer: null }] : [];
  for (let place = left.pop(); place !== undefined; place = left.pop()) {
    for (const [key, inner] of Object.entries(place.value)) {
      if (key === '__proto__') return pointerOf(place, [key]);
      if (!isObject(inner)) continue;
      if (key === 'constructor' && Object.hasOwn(inner, 'prototype')) return pointerOf(place, [key, 'prototype']);
      left.push({ value: inner, key, outer: place });
    }
  }
  return null;
}

function pointerOf(place: Place, last: readonly string[]): string {
  const keys: string[] = [];
  for (let one = place; one.outer !== null; one = one.outer) keys.push(one.key);
  const all = [...keys.toReversed(), ...last];
  return all
    .slice(0, MAX_TOLD_TOKENS)
    .map((key) => `/${token(key)}`)
    .join('');
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
