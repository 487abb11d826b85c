/** Small schema makers that several contract files share. */

import { type TSchema, Type } from 'typebox';

/** No field that the schema does not name. */
export const closed = { additionalProperties: false } as const;

/** One of a closed list of strings, as an `enum` (one clear error, and a static type that survives a mapped list). */
export function literals<const T extends readonly string[]>(values: T, options: object = {}) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...options });
}

/** The schema, or null. */
export function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}
