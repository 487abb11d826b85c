/** The items of a batch, each read on its own: a body in JSON or NDJSON in, runs and problems out, in order and one at a time. */

import type { Limits } from '../contract/limits.ts';
import type { Problem } from '../contract/problem.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import type { JsonReader, JsonReading } from './json-body.ts';
import { ProblemError } from './problem-error.ts';
import type { RunReader } from './run-reader.ts';

/** An item that can be run, or why it cannot. */
export type BatchItem =
  | { readonly index: number; readonly spec: RunSpec }
  | { readonly index: number; readonly problem: Problem };

/** One item as it came: its value, and its size in bytes. */
export type RawItem = JsonReading & { readonly bytes: number };

/** Items one after another, decoded when they are asked for. */
export async function* readItems(raw: Iterable<RawItem>, read: RunReader): AsyncGenerator<BatchItem> {
  let index = 0;
  for (const one of raw) {
    yield await readItem(one, index, read);
    index += 1;
  }
}

async function readItem(raw: RawItem, index: number, read: RunReader): Promise<BatchItem> {
  if ('problem' in raw) return { index, problem: raw.problem };
  try {
    return { index, spec: await read(raw.value, raw.bytes) };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return { index, problem: error.problem };
  }
}

const NEWLINE = 0x0a;
const SPACE = 0x20;

/** The lines of an NDJSON body, blank ones left out. */
function* lines(body: Buffer): Generator<Buffer> {
  for (let start = 0; start < body.length; ) {
    const found = body.indexOf(NEWLINE, start);
    const end = found < 0 ? body.length : found;
    const line = body.subarray(start, end);
    if (line.some((byte) => byte > SPACE)) yield line;
    start = end + 1;
  }
}

/** A batch whose items can be counted, and are not read yet. */
export interface RawBatch {
  readonly count: number;
  items(): Iterable<RawItem>;
}

/**
 * The batch of an NDJSON body: each line is parsed when its turn comes.
 * @throws ProblemError limit_exceeded, bad_json when there is no item
 */
export function batchOfLines(body: Buffer, read: JsonReader, limits: Limits): RawBatch {
  let count = 0;
  for (const _ of lines(body)) {
    count += 1;
    if (count > limits.maxBatchItems) throw tooMany(limits.maxBatchItems);
  }
  if (count === 0)
    throw new ProblemError({ code: 'bad_json', detail: 'A batch has one line at least, and each line is a run.' });
  return {
    count,
    *items() {
      for (const line of lines(body)) yield { ...read(line), bytes: line.length };
    },
  };
}

/**
 * The batch of a body in JSON.
 * @param bodyBytes size of the body as it came
 * @throws ProblemError schema_violation, limit_exceeded
 */
export function batchOfJson(body: unknown, bodyBytes: number, limits: Limits): RawBatch {
  const items = itemsOf(body);
  if (items.length > limits.maxBatchItems) throw tooMany(limits.maxBatchItems);
  // What is small as a whole has no part that is too large.
  const isSmall = bodyBytes <= limits.maxBodyBytesBesideObject;
  return {
    count: items.length,
    *items() {
      for (const value of items) {
        yield { value, bytes: isSmall ? bodyBytes : Buffer.byteLength(JSON.stringify(value)) };
      }
    },
  };
}

function itemsOf(body: unknown): readonly unknown[] {
  const fault = (pointer: string, detail: string): ProblemError =>
    new ProblemError({
      code: 'schema_violation',
      detail: `${pointer === '' ? 'the body' : pointer}: ${detail}`,
      errors: [{ pointer, detail }],
    });
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw fault('', 'must be an object');
  for (const name of Object.keys(body)) if (name !== 'items') throw fault(`/${name}`, 'is not known here');
  const { items } = body as { items?: unknown };
  if (!Array.isArray(items)) throw fault('/items', items === undefined ? 'is required' : 'must be an array');
  if (items.length === 0) throw fault('/items', 'must have one item at least');
  return items;
}

function tooMany(most: number): ProblemError {
  return new ProblemError({
    code: 'limit_exceeded',
    detail: `A batch has at most ${most} items (limit maxBatchItems): send the rest in another one.`,
    limit: 'maxBatchItems',
  });
}
