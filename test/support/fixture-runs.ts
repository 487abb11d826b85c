/** Runs of the compiled objects whose outcome was measured on Linux 6.18 (test/fixtures/kernel-runs.json). */

import { fixtureRows, objectBytes } from './fixtures.ts';

interface Element {
  readonly key: string;
  readonly value: string;
}

/** What a run leaves behind, in hex. */
export interface FixtureOutcome {
  readonly returnValue: number;
  readonly packetOut: string;
  readonly maps: Readonly<Record<string, readonly Element[]>>;
}

export interface FixtureRun extends FixtureOutcome {
  readonly object: string;
  readonly entry: string;
  /** What the packet is. */
  readonly packet: string;
  readonly packetHex: string;
}

export const FIXTURE_RUNS = fixtureRows<FixtureRun>('kernel-runs.json');

export function nameOf(row: FixtureRun): string {
  return `${row.object}: ${row.entry}, ${row.packet}`;
}

export function objectOf(row: FixtureRun): Uint8Array {
  return objectBytes(row.object);
}

/** Elements in the order of their keys: Linux gives those of a hash in the order of a secret. */
export function sorted(elements: readonly Element[]): Element[] {
  return [...elements].sort((left, right) => (left.key < right.key ? -1 : 1));
}

/** The part of a row that is compared. */
export function outcomeOf(row: FixtureRun): FixtureOutcome {
  const maps = Object.fromEntries(Object.entries(row.maps).map(([name, elements]) => [name, sorted(elements)]));
  return { returnValue: row.returnValue, packetOut: row.packetOut, maps };
}
