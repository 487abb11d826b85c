/** Steps and states, as REST and the trace socket give them (trace-protocol.md, "Steps"). */

import { type Static, Type } from 'typebox';
import { closed, nullable } from './schema.ts';

/** Steps of a batch on the socket: batches lie on a grid of this width. */
export const BATCH_STEPS = 512;
/** Steps that one request (REST page, seek) may ask for. */
export const MAX_WINDOW_STEPS = 4096;
/** Bytes of patches that the rows of one window may hold: a window ends behind the row that passes it. */
export const MAX_WINDOW_PATCH_BYTES = 8 * 1024 * 1024;

/** A 64-bit number as decimal text. */
const StepNumber = Type.String({ pattern: '^[0-9]{1,20}$' });
const HexBytes = Type.Object({ hex: Type.String() }, closed);
const Hex64 = Type.String({ pattern: '^0x[0-9a-f]{1,16}$' });

/** Where bytes lie: see Place in place.ts. */
const PLACE = { region: Type.String(), offset: Type.Integer() };

/** An effect of a step beyond its row: bytes at a place (hex), or an element of a map (key and value in hex). */
export const Patch = Type.Union([
  Type.Object({ step: StepNumber, ...PLACE, bytes: Type.String() }, closed),
  Type.Object({ step: StepNumber, map: Type.String(), key: Type.String(), value: Type.String() }, closed),
  Type.Object({ step: StepNumber, map: Type.String(), key: Type.String(), deleted: Type.Literal(true) }, closed),
]);
export type Patch = Static<typeof Patch>;

const SourceLine = Type.Object({ file: Type.String(), line: Type.Integer(), text: Type.String() }, closed);

/** One executed instruction. Values are `0x…`, bytes are hex. */
export const StepRow = Type.Object(
  {
    step: StepNumber,
    program: Type.Integer({ description: 'Index of the program in the run' }),
    pc: Type.Integer({ description: '8-byte slot in the program' }),
    depth: Type.Integer({ description: "Frames of calls below the entry program's" }),
    function: Type.String({ description: 'The function that the instruction belongs to' }),
    insn: Type.String(),
    source: Type.Optional(SourceLine),
    /** Register written, and its value; of a call of a function r10 of the callee's frame. Neither when the run ended inside the step. */
    dst: Type.Optional(Type.Integer()),
    value: Type.Optional(Hex64),
    /** A write to memory, and the bytes there afterwards as a number. */
    mem: Type.Optional(Type.Object({ ...PLACE, size: Type.Integer(), value: Hex64 }, closed)),
    /** Where a load, store or atomic operation went: `packet+14`, `stack-8`, `hits[0]+0`. */
    at: Type.Optional(Type.String()),
    /** A helper's call: arguments and result in people's terms. Of a tail call that was taken the result is the target's name, of one that fell through null. */
    call: Type.Optional(
      Type.Object(
        { helper: Type.String(), arguments: Type.Array(Type.String()), result: nullable(Type.String()) },
        closed,
      ),
    ),
    patches: Type.Optional(Type.Array(Patch)),
  },
  closed,
);
export type StepRow = Static<typeof StepRow>;

export const FrameState = Type.Object(
  {
    program: Type.Integer(),
    function: Type.Integer({ description: "First slot of the frame's function" }),
    registers: Type.Array(Hex64, { description: 'r0 to r10' }),
  },
  closed,
);
export type FrameState = Static<typeof FrameState>;

const MapElement = Type.Object(
  {
    key: HexBytes,
    value: HexBytes,
    offset: Type.Optional(
      Type.Integer({ description: "Where the value lies in the map's region, as rows name a store to it" }),
    ),
  },
  closed,
);

/** Everything just before a step runs; with step = number of steps, at the run's end. */
export const StepState = Type.Object(
  {
    step: StepNumber,
    /** Of the instruction that runs next; null at the end. */
    program: nullable(Type.Integer()),
    pc: nullable(Type.Integer()),
    registers: Type.Array(Hex64),
    frames: Type.Array(FrameState, { description: 'Innermost first' }),
    stack: Type.Object(
      {
        start: Type.Integer({ description: "Offset from the entry program's r10; the bytes go up to it" }),
        hex: Type.String(),
      },
      closed,
    ),
    packet: nullable(HexBytes),
    ctx: nullable(HexBytes),
    maps: Type.Record(Type.String(), Type.Array(MapElement)),
  },
  closed,
);
export type StepState = Static<typeof StepState>;

/** A page of steps (GET /v1/runs/{id}/steps). */
export const StepPage = Type.Object(
  {
    first: StepNumber,
    steps: Type.Array(StepRow),
    next: nullable(StepNumber),
  },
  closed,
);
export type StepPage = Static<typeof StepPage>;
