/** One way of running one program, ready to be timed. */

import { readFileSync } from 'node:fs';
import type { RunSpec } from '../src/contract/run-spec.ts';
import { type RunDescription, runSpec } from '../test/support/engine-run.ts';
import type { BenchRow } from './rows.ts';

export interface Subject {
  /** Runs the program so often. */
  readonly run: (repeat: number) => SubjectRun;
}

export interface SubjectRun {
  /** Of the last repetition, u32. */
  readonly result: number;
  /** Nanoseconds of all repetitions together. */
  readonly elapsed: number;
}

/** Times a body that answers the result. */
export function timed(body: () => number): SubjectRun {
  const start = process.hrtime.bigint();
  const result = body();
  return { result, elapsed: Number(process.hrtime.bigint() - start) };
}

export function programBytes(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`programs/${name}`, import.meta.url)));
}

function littleEndian(value: number, bytes: number): string {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUInt32LE(value);
  return buffer.toString('hex');
}

/** The row as a run of the API. */
export function rowSpec(row: BenchRow, extra: Partial<RunDescription> = {}): RunSpec {
  const { elements } = row;
  const entries = Array.from(
    { length: elements?.count ?? 0 },
    (_, key) => [littleEndian(key, 4), littleEndian(key, 8)] as const,
  );
  const settings = { type: null, keySize: null, valueSize: null, maxEntries: null, entries };
  return runSpec({
    object: programBytes(`${row.object}.o`),
    entry: row.entry,
    packet: row.packet(),
    ...(elements === undefined ? {} : { maps: { [elements.map]: settings } }),
    returnMaps: [],
    ...extra,
  });
}
