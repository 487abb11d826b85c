/** The Chrome trace-event format ("Trace Event Format", JSON Object Format) as far as it is public: schema, and what a schema cannot say. */

import assert from 'node:assert/strict';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { closed } from '../../src/contract/schema.ts';

const Where = { pid: Type.Integer(), tid: Type.Integer() };
/** Microseconds, with decimals for what is shorter. */
const When = { ts: Type.Number({ minimum: 0 }) };
const What = { name: Type.String({ minLength: 1 }), cat: Type.Optional(Type.String()) };
const Arguments = { args: Type.Optional(Type.Object({}, { additionalProperties: true })) };
const Id = Type.Union([Type.Integer(), Type.String()]);

/** One row a phase that the viewers know and that may be used here. */
const Event = Type.Union([
  Type.Object({ ph: Type.Literal('B'), ...Where, ...When, ...What, ...Arguments }, closed),
  Type.Object({ ph: Type.Literal('E'), ...Where, ...When, name: Type.Optional(Type.String()), ...Arguments }, closed),
  Type.Object(
    { ph: Type.Literal('X'), ...Where, ...When, ...What, dur: Type.Number({ minimum: 0 }), ...Arguments },
    closed,
  ),
  Type.Object(
    {
      ph: Type.Literal('i'),
      ...Where,
      ...When,
      ...What,
      s: Type.Optional(Type.Union([Type.Literal('g'), Type.Literal('p'), Type.Literal('t')])),
      ...Arguments,
    },
    closed,
  ),
  Type.Object({ ph: Type.Literal('s'), ...Where, ...When, ...What, id: Id, ...Arguments }, closed),
  Type.Object(
    { ph: Type.Literal('f'), ...Where, ...When, ...What, id: Id, bp: Type.Optional(Type.Literal('e')), ...Arguments },
    closed,
  ),
  Type.Object(
    {
      ph: Type.Literal('M'),
      ...Where,
      name: Type.Union([Type.Literal('process_name'), Type.Literal('thread_name')]),
      args: Type.Object({ name: Type.String() }, closed),
    },
    closed,
  ),
]);
export type FormatEvent = Static<typeof Event>;

const TraceFile = Type.Object(
  {
    traceEvents: Type.Array(Event),
    displayTimeUnit: Type.Optional(Type.Union([Type.Literal('ms'), Type.Literal('ns')])),
    otherData: Type.Optional(Type.Object({}, { additionalProperties: true })),
  },
  closed,
);

/** A slice that has ended, in the order of its end. */
export interface Slice {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** Slices around it. */
  readonly depth: number;
}

export interface TraceFileParts {
  readonly events: readonly FormatEvent[];
  readonly slices: readonly Slice[];
}

/**
 * Reads a file.
 * @throws AssertionError when it is not one: JSON, schema, order of time, B and E balanced on each thread, both ends of each arrow inside a slice
 */
export function readTraceFile(text: string): TraceFileParts {
  const file = JSON.parse(text) as Static<typeof TraceFile>;
  assert.deepEqual([...Value.Errors(TraceFile, file)].slice(0, 5), []);
  const open = new Map<string, { name: string; start: number }[]>();
  const arrows = new Map<number | string, string>();
  const slices: Slice[] = [];
  let before = 0;
  for (const event of file.traceEvents) {
    if (event.ph === 'M') continue;
    assert.ok(event.ts >= before, `time goes back at ${JSON.stringify(event)}`);
    before = event.ts;
    const track = `${event.pid}/${event.tid}`;
    const stack = open.get(track) ?? [];
    open.set(track, stack);
    if (event.ph === 'B') stack.push({ name: event.name, start: event.ts });
    else if (event.ph === 'E') {
      const slice = stack.pop();
      assert.ok(slice !== undefined, `E without B at ${event.ts}`);
      slices.push({ ...slice, end: event.ts, depth: stack.length });
    } else if (event.ph === 's') {
      assert.ok(stack.length > 0 && !arrows.has(event.id), `an arrow begins outside every slice at ${event.ts}`);
      arrows.set(event.id, 'begun');
    } else if (event.ph === 'f') {
      assert.ok(stack.length > 0, `an arrow ends outside every slice at ${event.ts}`);
      assert.equal(arrows.get(event.id), 'begun', `arrow ${event.id}`);
      arrows.set(event.id, 'ended');
    }
  }
  assert.deepEqual(
    [...open.values()].map((stack) => stack.length),
    [...open.keys()].map(() => 0),
    'a slice is left open',
  );
  assert.deepEqual(
    [...arrows].filter(([, state]) => state !== 'ended'),
    [],
    'an arrow has no end',
  );
  return { events: file.traceEvents, slices };
}
