/** The answer of a run (api.md §1): schema, and with it the type that the engine produces and the API serialises. */

import { type Static, Type } from 'typebox';
import { OUTCOME_KINDS, OUTCOMES, type OutcomeCode } from './outcome.ts';
import { closed, literals, nullable as Nullable } from './schema.ts';
import { StepRow } from './step.ts';

/** A 64-bit integer as text: decimal. */
const Integer64 = Type.String({ pattern: '^[0-9]{1,20}$' });
export const HexBytes = Type.Object({ hex: Type.String() }, closed);

const OutcomeSchema = Type.Object(
  {
    kind: literals(OUTCOME_KINDS),
    code: literals(Object.keys(OUTCOMES) as OutcomeCode[]),
  },
  closed,
);

const Counters = Type.Object(
  {
    instructions: Integer64,
    programs: Type.Integer(),
    tailCalls: Type.Integer(),
    tailCallMisses: Type.Object({ index: Type.Integer(), empty: Type.Integer(), limit: Type.Integer() }, closed),
    chainDepth: Type.Integer(),
    helperCalls: Type.Integer(),
    mapOps: Type.Integer(),
    prints: Type.Integer(),
  },
  closed,
);

export const ChainRow = Type.Object(
  {
    step: Integer64,
    from: Type.String(),
    pc: Type.Integer(),
    map: Type.String(),
    index: Type.Integer(),
    to: Nullable(Type.String()),
    depth: Type.Integer(),
    taken: Type.Boolean(),
    miss: Nullable(Type.Union([Type.Literal('index'), Type.Literal('empty'), Type.Literal('limit')])),
    generation: Type.Integer(),
  },
  closed,
);
export type ChainRow = Static<typeof ChainRow>;

export const Source = Type.Object({ file: Type.String(), line: Type.Integer(), text: Type.String() }, closed);

const Fault = Type.Object(
  {
    code: Type.String(),
    program: Type.String(),
    pc: Type.Integer(),
    insn: Type.String(),
    source: Type.Optional(Source),
    address: Nullable(Type.String()),
    access: Nullable(Type.Union([Type.Literal('read'), Type.Literal('write')])),
    size: Nullable(Type.Integer()),
    region: Nullable(Type.String()),
    message: Type.String(),
  },
  closed,
);
export type Fault = Static<typeof Fault>;

export const Rejection = Type.Object(
  {
    rule: Type.String(),
    errno: Type.String(),
    program: Nullable(Type.String()),
    pc: Nullable(Type.Integer()),
    message: Type.String(),
    source: Type.Optional(Source),
    log: Type.String(),
  },
  closed,
);
export type Rejection = Static<typeof Rejection>;

export const Verification = Type.Object(
  {
    verdict: Type.Union([Type.Literal('accepted'), Type.Literal('rejected'), Type.Literal('partial')]),
    level: Type.Union([Type.Literal('off'), Type.Literal('structure'), Type.Literal('full')]),
    unsupported: Type.Array(Type.String()),
    programs: Type.Array(
      Type.Object({ name: Type.String(), insnsProcessed: Type.Integer(), stackDepth: Type.Integer() }, closed),
    ),
  },
  closed,
);
export type Verification = Static<typeof Verification>;

export const PrintRow = Type.Object(
  { step: Integer64, program: Type.String(), pc: Type.Integer(), text: Type.String() },
  closed,
);
export type PrintRow = Static<typeof PrintRow>;

/** A helper's write to a map, told while the run goes on; value null: the element was deleted. Keys and values in hex. */
export interface MapWriteRow {
  readonly step: string;
  readonly program: string;
  readonly pc: number;
  readonly map: string;
  readonly key: string;
  readonly value: string | null;
}

const MapElement = Type.Object({ key: HexBytes, value: HexBytes }, closed);

export const RunResult = Type.Object(
  {
    id: Type.String(),
    /** null: the pool answered and no worker read the sources. */
    runKey: Nullable(Type.String()),
    outcome: OutcomeSchema,
    returnValue: Nullable(Type.Integer()),
    r0: Nullable(Type.String()),
    action: Nullable(Type.String()),
    counters: Counters,
    chain: Type.Array(ChainRow),
    chainTruncated: Type.Boolean(),
    last: Nullable(Type.Object({ program: Type.String(), pc: Type.Integer(), insn: Type.String() }, closed)),
    fault: Nullable(Fault),
    rejection: Nullable(Rejection),
    verification: Nullable(Verification),
    output: Type.Object(
      {
        packet: Nullable(HexBytes),
        ctx: Nullable(HexBytes),
        maps: Type.Record(Type.String(), Type.Array(MapElement)),
        prints: Type.Array(PrintRow),
        events: Type.Array(
          Type.Object({ step: Integer64, map: Type.String(), kind: Type.String(), bytes: HexBytes }, closed),
        ),
      },
      closed,
    ),
    timing: Type.Object(
      {
        queueUs: Type.Integer(),
        loadUs: Type.Integer(),
        verifyUs: Type.Integer(),
        compileUs: Type.Integer(),
        execNs: Integer64,
      },
      closed,
    ),
    budgets: Type.Object(
      {
        instructions: Type.Integer(),
        tailCalls: Nullable(Type.Integer()),
        wallMs: Type.Integer(),
        memoryBytes: Type.Integer(),
        traceBytes: Type.Integer(),
      },
      closed,
    ),
    profile: Type.String(),
    seed: Type.String(),
    engine: Type.String(),
    cache: Type.Object(
      {
        programs: Type.Union([Type.Literal('hit'), Type.Literal('miss')], {
          description: 'Were all programs compiled before?',
        }),
        run: Type.Optional(
          Type.Literal('hit', { description: 'The same request was run before: this is its result, and took no time' }),
        ),
      },
      closed,
    ),
  },
  closed,
);
export type RunResult = Static<typeof RunResult>;

/** What metrics and logs want to know of a result. */
export type RunFacts = Pick<RunResult, 'runKey' | 'outcome' | 'counters' | 'timing' | 'budgets' | 'cache'>;

/** The answer of POST /v1/runs: the result, and with detail "steps" the first steps. */
export const RunAnswerBody = Type.Object(
  {
    ...RunResult.properties,
    steps: Type.Optional(Type.Array(StepRow, { description: 'With detail "steps": the first 4,096 steps' })),
    stepsNext: Type.Optional(
      Nullable(Type.String({ description: 'With detail "steps": path of the next page; null when there are no more' })),
    ),
  },
  closed,
);
export type RunAnswerBody = Static<typeof RunAnswerBody>;
