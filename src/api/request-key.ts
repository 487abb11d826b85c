/** requestKey: what two requests have in common that ask for the same. It is made on the API thread, of what was decoded and not of what was written. */

import { hash } from 'node:crypto';

/** Any plain data: objects whatever the order of their fields, bytes by length and hash. */
function canonical(value: unknown): unknown {
  if (value instanceof Uint8Array) return ['bytes', value.length, hash('sha256', value, 'base64')];
  if (Array.isArray(value)) return ['list', ...value.map(canonical)];
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return ['fields', ...fields.flatMap(([name, field]) => [name, canonical(field)])];
}

/** SHA-256 of plain data such as a RunSpec, `sha256:` and hexadecimal digits. */
export function requestKey(value: unknown): string {
  return `sha256:${hash('sha256', JSON.stringify(canonical(value)), 'hex')}`;
}
