/** A sandbox as bytes, for the store. Only bytes that this service wrote itself are read back. */

import { deserialize, serialize } from 'node:v8';
import { ENGINE } from '../contract/version.ts';
import type { SandboxParts } from './sandbox.ts';

interface Snapshot {
  /** The layout of the maps' bytes belongs to the engine that wrote them. */
  readonly engine: string;
  readonly parts: SandboxParts;
}

export function writeSnapshot(parts: SandboxParts): Uint8Array {
  return new Uint8Array(serialize({ engine: ENGINE, parts } satisfies Snapshot));
}

/** The parts, or which engine they belong to, when it is not this one. */
export function readSnapshot(bytes: Uint8Array): { readonly parts: SandboxParts } | { readonly engine: string } {
  const { engine, parts } = deserialize(bytes) as Snapshot;
  return engine === ENGINE ? { parts } : { engine };
}
