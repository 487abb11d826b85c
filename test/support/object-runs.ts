/** Runs of compiled objects with what Linux answered (test/fixtures/kernel-runs.json), and the requests of examples/. */

import { readFileSync } from 'node:fs';
import { bytesOf, type RunDescription } from './engine-run.ts';
import { fixtureRows, objectBytes } from './fixtures.ts';

export interface ObjectRunRow {
  readonly object: string;
  readonly entry: string;
  /** What the packet is called. */
  readonly packet: string;
  readonly packetHex: string;
  readonly returnValue: number;
  readonly packetOut: string;
  readonly maps: Readonly<Record<string, readonly { readonly key: string; readonly value: string }[]>>;
}

export const OBJECT_RUNS: readonly ObjectRunRow[] = fixtureRows<ObjectRunRow>('kernel-runs.json');

export function objectRun({ object, entry, packetHex, maps }: ObjectRunRow): RunDescription {
  return { object: objectBytes(object), entry, packet: bytesOf(packetHex), returnMaps: Object.keys(maps) };
}

/** A request of examples/ as a description. */
export function exampleRun(name: string): RunDescription {
  const text = readFileSync(new URL(`../../examples/parser-chain.${name}.json`, import.meta.url), 'utf8');
  const body = JSON.parse(text) as {
    object: { elf: { base64: string } };
    entry: string;
    input: { packet: { hex: string } };
    return: { maps: string[] };
  };
  return {
    object: new Uint8Array(Buffer.from(body.object.elf.base64, 'base64')),
    entry: body.entry,
    packet: bytesOf(body.input.packet.hex),
    returnMaps: body.return.maps,
  };
}

interface Element {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Elements in hex by ascending key: the order of a hash is nobody's promise. */
export function sortedElements(elements: readonly Element[]): { key: string; value: string }[] {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  return elements
    .map(({ key, value }) => ({ key: hex(key), value: hex(value) }))
    .toSorted((left, right) => (left.key < right.key ? -1 : 1));
}
