/** Bodies and answers of the routes under /v1/sandboxes. */

import { type Static, Type } from 'typebox';
import { HexBytes, Verification } from './result.ts';
import { Bytes, Name, Program, RunBody } from './run.ts';
import { closed, literals, nullable } from './schema.ts';

/** Time to live of a sandbox that asks for none, s. */
export const DEFAULT_TTL_SECONDS = 3_600;
/** Modes of an update: BPF_ANY, BPF_NOEXIST, BPF_EXIST. */
export const UPDATE_MODES = ['any', 'noexist', 'exist'] as const;
export type UpdateMode = (typeof UPDATE_MODES)[number];

const Ttl = Type.Integer({
  minimum: 1,
  default: DEFAULT_TTL_SECONDS,
  description: 'Seconds until it ends; at most maxSandboxTtl of /v1/limits',
});

const { object, programs, maps, verify, profile } = RunBody.properties;

export const SandboxBody = Type.Object(
  {
    object,
    programs,
    maps,
    verify,
    profile,
    snapshot: Type.Optional(
      Type.String({ maxLength: 64, description: 'Instead of all the others: the id of a snapshot to start from' }),
    ),
    ttl: Type.Optional(Ttl),
  },
  closed,
);
export type SandboxBody = Static<typeof SandboxBody>;

export const TtlBody = Type.Object({ ttl: Ttl }, closed);
export const CopyBody = Type.Object({ ttl: Type.Optional(Ttl) }, closed);

const run = RunBody.properties;
export const SandboxRunBody = Type.Object(
  {
    entry: run.entry,
    input: run.input,
    repeat: run.repeat,
    maxTailCalls: run.maxTailCalls,
    budgets: run.budgets,
    seed: run.seed,
    detail: run.detail,
    return: run.return,
  },
  closed,
);
export type SandboxRunBody = Static<typeof SandboxRunBody>;

export const SandboxProgramBody = Program;

const ProgramEntry = Type.Object(
  {
    name: Type.String(),
    type: Type.String(),
    attachType: nullable(Type.String()),
    flags: Type.Array(Type.String()),
    insns: Type.Integer({ description: 'Instruction slots' }),
  },
  closed,
);

export const MapEntry = Type.Object(
  {
    name: Type.String(),
    type: Type.String(),
    keySize: Type.Integer(),
    valueSize: Type.Integer(),
    maxEntries: Type.Integer(),
    flags: Type.Array(Type.String()),
    frozen: Type.Boolean(),
  },
  closed,
);
export type MapEntry = Static<typeof MapEntry>;

export const SandboxDocument = Type.Object(
  {
    id: Type.String(),
    createdAt: Type.String({ description: 'RFC 3339' }),
    expiresAt: Type.String({ description: 'RFC 3339; PATCH moves it' }),
    state: literals(['idle', 'running']),
    queued: Type.Integer({ description: 'Runs, map commands, copies and additions that wait or go on' }),
    runs: Type.Integer({ description: 'Runs that have executed, and ended' }),
    restores: Type.Integer({
      description: 'Runs that were lost with their thread: the maps were put back to before them',
    }),
    bytes: Type.Integer({ description: 'Memory that it takes while it is idle' }),
    programs: Type.Array(ProgramEntry),
    maps: Type.Array(MapEntry),
  },
  closed,
);
export type SandboxDocument = Static<typeof SandboxDocument>;

/** verification: null for one that was made from a snapshot, whose programs were verified when it was first made. */
export const CreatedSandbox = Type.Object(
  { ...SandboxDocument.properties, verification: nullable(Verification) },
  closed,
);
export type CreatedSandbox = Static<typeof CreatedSandbox>;

export const AddedProgram = Type.Object({ ...ProgramEntry.properties, verification: Verification }, closed);
export type AddedProgram = Static<typeof AddedProgram>;

export const SnapshotDocument = Type.Object(
  { id: Type.String(), bytes: Type.Integer(), expiresAt: Type.String({ description: 'RFC 3339' }) },
  closed,
);
export type SnapshotDocument = Static<typeof SnapshotDocument>;

export const MapList = Type.Object({ maps: Type.Array(MapEntry) }, closed);
export type MapList = Static<typeof MapList>;

export const EntryBody = Type.Object({ value: Bytes }, closed);
export const EntryDocument = Type.Object({ key: HexBytes, value: HexBytes }, closed);
export type EntryDocument = Static<typeof EntryDocument>;
export const EntryPage = Type.Object(
  {
    entries: Type.Array(EntryDocument),
    next: nullable(Type.String({ description: 'The value of `after` for the next page' })),
  },
  closed,
);
export type EntryPage = Static<typeof EntryPage>;

const Generation = Type.Integer({ description: 'Completed changes of the array; rows of a chain quote it' });

export const SlotBody = Type.Object({ program: Name }, closed);
export const SlotDocument = Type.Object(
  { index: Type.Integer(), program: nullable(Type.String()), generation: Generation },
  closed,
);
export type SlotDocument = Static<typeof SlotDocument>;
export const SlotPage = Type.Object(
  {
    maxEntries: Type.Integer(),
    generation: Generation,
    owner: nullable(
      Type.Object(
        {
          type: Type.String(),
          attachType: nullable(Type.String()),
          xdpHasFrags: Type.Boolean(),
        },
        { ...closed, description: 'What the first program has bound the array to, for good' },
      ),
    ),
    slots: Type.Array(Type.Object({ index: Type.Integer(), program: Type.String() }, closed)),
    next: nullable(Type.Integer({ description: 'The value of `after` for the next page' })),
  },
  closed,
);
export type SlotPage = Static<typeof SlotPage>;

/** A slot index as a key. */
const SLOT_KEY = '^(0|[1-9][0-9]{0,9})$';
export const SwapBody = Type.Object(
  {
    slots: Type.Record(Type.String({ pattern: SLOT_KEY }), nullable(Name), {
      ...closed,
      minProperties: 1,
      description: 'Slot index to the name of a program, or null to empty the slot',
    }),
  },
  closed,
);
export const SwapDocument = Type.Object(
  {
    generation: Generation,
    slots: Type.Record(Type.String(), nullable(Type.String())),
  },
  closed,
);
export type SwapDocument = Static<typeof SwapDocument>;

export const GraphDocument = Type.Object(
  {
    programs: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          type: Type.String(),
          inSlot: Type.Boolean({ description: 'A slot holds it' }),
          tailCalls: Type.Integer({ description: 'Tail calls in its code' }),
        },
        closed,
      ),
    ),
    progArrays: Type.Array(
      Type.Object({ name: Type.String(), maxEntries: Type.Integer(), generation: Generation }, closed),
    ),
    slots: Type.Array(
      Type.Object(
        {
          map: Type.String(),
          index: Type.Integer(),
          program: Type.String(),
          dead: Type.Boolean({ description: 'No tail call of any program can take it' }),
        },
        closed,
      ),
    ),
    edges: Type.Array(
      Type.Object(
        {
          from: Type.String(),
          pc: Type.Integer(),
          map: nullable(Type.String({ description: 'null: it depends on the run' })),
          index: nullable(Type.Integer({ description: 'null: it depends on the run' })),
          to: Type.Array(Type.String({ description: 'Programs in the slots that it can take now' })),
        },
        closed,
      ),
    ),
    unreachable: Type.Array(
      Type.String({ description: 'Programs that no tail call of another program leads to: they can only be entries' }),
    ),
  },
  closed,
);
export type GraphDocument = Static<typeof GraphDocument>;
