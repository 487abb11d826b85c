/** runKey: the hash of all that determines a run's result, engine version included. */

import { createHash } from 'node:crypto';
import type { RunSpec } from '../contract/run-spec.ts';
import { ENGINE } from '../contract/version.ts';

/** Canonical JSON: sorted keys, bytes by their hash. */
function canonical(value: unknown): unknown {
  if (value instanceof Uint8Array) return { sha256: createHash('sha256').update(value).digest('hex') };
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, inner]) => [key, canonical(inner)]),
  );
}

export function runKeyOf(spec: RunSpec): string {
  const hash = createHash('sha256').update(JSON.stringify([ENGINE, canonical(spec)]));
  return `sha256:${hash.digest('hex')}`;
}
