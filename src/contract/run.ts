/**
 * The body of POST /v1/runs (api.md §1) as one schema: it validates, documents and types the request. Fields of later versions are
 * described here too, so that they are answered `not_implemented` by name and not as a typing error.
 */

import { type Static, Type } from 'typebox';
import { closed, literals } from './schema.ts';

/** Longest name of a program, map or map type. */
export const MAX_NAME_LENGTH = 128;
/** The kernel's MAX_TAIL_CALL_CNT: the highest limit that can be modelled. */
export const MAX_TAIL_CALLS = 33;
export const PROFILES = ['linux-6.18'] as const;
export const VERIFY_MODES = ['enforce', 'report', 'off'] as const;
export const DETAILS = ['summary', 'chain', 'steps'] as const;
export const DIALECTS = ['llvm', 'ubpf'] as const;

/** The id of a stored program: the hash of its canonical form. */
export const PROGRAM_ID_PATTERN = '^sha256:[0-9a-f]{64}$';

/** What a caller who names no budgets gets, lowered to the server's ceilings. */
export const DEFAULT_BUDGETS = {
  instructions: 1_000_000,
  tailCalls: null,
  wallMs: 1_000,
  memoryBytes: 16 * 1024 * 1024,
  traceBytes: 16 * 1024 * 1024,
} as const;

/** Letters, digits, `_` and `.`, as the kernel allows in object names; `__proto__` would not survive as a key of a JSON object. */
export const Name = Type.String({
  pattern: '^(?!__proto__$)[A-Za-z0-9_.]+$',
  minLength: 1,
  maxLength: MAX_NAME_LENGTH,
});

/** A 64-bit integer as input: a number where JSON numbers are exact, else text. One `type` list gives one clear error. */
export const Integer64Input = Type.Unsafe<number | string>({
  type: ['integer', 'string'],
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  pattern: '^(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})$',
  description: 'An unsigned 64-bit integer: a number up to 2^53-1, or text, decimal or 0x',
});

const bytesFields = {
  hex: Type.Optional(Type.String({ description: 'Two hexadecimal digits a byte, nothing between' })),
  base64: Type.Optional(Type.String({ description: 'RFC 4648 §4, padded' })),
  text: Type.Optional(Type.String({ description: 'The bytes of the text in UTF-8' })),
};

/** Bytes: exactly one of the three spellings. */
export const Bytes = Type.Object(bytesFields, {
  ...closed,
  minProperties: 1,
  maxProperties: 1,
  description: 'Bytes: exactly one of hex, base64, text',
});
export type Bytes = Static<typeof Bytes>;

/** An object of which nothing is known yet. */
const later = (description: string) => Type.Unsafe<Record<string, unknown>>(Type.Object({}, { description }));

const Uint32 = (options: object) => Type.Integer({ minimum: 0, maximum: 0xffff_ffff, ...options });

export const Program = Type.Object(
  {
    name: Name,
    type: Type.Optional(Type.String({ maxLength: MAX_NAME_LENGTH, description: 'A program type of /v1/info' })),
    asm: Type.Optional(Type.String({ description: 'Assembly text' })),
    insns: Type.Optional(Bytes),
    id: Type.Optional(
      Type.String({ pattern: PROGRAM_ID_PATTERN, description: 'A program that was stored with POST /v1/programs' }),
    ),
    dialect: Type.Optional(literals(DIALECTS, { default: 'llvm' })),
    license: Type.Optional(Type.String({ maxLength: MAX_NAME_LENGTH, default: 'GPL' })),
    attachType: Type.Optional(
      Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength: MAX_NAME_LENGTH, default: null }),
    ),
    flags: Type.Optional(Type.Array(Type.String({ maxLength: MAX_NAME_LENGTH }), { maxItems: 32, default: [] })),
  },
  { ...closed, description: 'A program with exactly one source: asm, insns or id' },
);
export type ProgramBody = Static<typeof Program>;

export const MapBody = Type.Object(
  {
    name: Name,
    type: Type.Optional(Type.String({ maxLength: MAX_NAME_LENGTH, description: 'A map type of /v1/info' })),
    keySize: Type.Optional(Uint32({})),
    valueSize: Type.Optional(Uint32({})),
    maxEntries: Type.Optional(Uint32({})),
    flags: Type.Optional(Type.Array(Type.String({ maxLength: MAX_NAME_LENGTH }), { maxItems: 32, default: [] })),
    frozen: Type.Optional(Type.Boolean({ default: false })),
    slots: Type.Optional(
      Type.Record(Type.String({ pattern: '^(0|[1-9][0-9]{0,9})$' }), Name, {
        ...closed,
        description: 'prog_array: slot index to program name',
      }),
    ),
    entries: Type.Optional(Type.Array(Type.Object({ key: Bytes, value: Bytes }, closed))),
    inner: Type.Optional(later('Later: the inner map')),
    mapExtra: Type.Optional(Integer64Input),
  },
  { ...closed, description: "A map of the run's own, or settings of the object's map of this name" },
);
export type MapBody = Static<typeof MapBody>;

const Context = Type.Unsafe<Record<string, number | string>>(
  Type.Object(bytesFields, {
    additionalProperties: Integer64Input,
    description: 'Context fields by name, as in /v1/info, or the bytes of the whole context',
  }),
);

const Input = Type.Object(
  {
    packet: Type.Optional(Bytes),
    ctx: Type.Optional(Context),
    pcap: Type.Optional(later('Later: a capture')),
  },
  closed,
);

const Budgets = Type.Object(
  {
    instructions: Type.Optional(Type.Integer({ minimum: 1, default: DEFAULT_BUDGETS.instructions })),
    tailCalls: Type.Optional(
      Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 0, default: DEFAULT_BUDGETS.tailCalls }),
    ),
    wallMs: Type.Optional(Type.Integer({ minimum: 1, default: DEFAULT_BUDGETS.wallMs })),
    memoryBytes: Type.Optional(Type.Integer({ minimum: 1, default: DEFAULT_BUDGETS.memoryBytes })),
    traceBytes: Type.Optional(Type.Integer({ minimum: 0, default: DEFAULT_BUDGETS.traceBytes })),
  },
  { ...closed, description: 'Where the service ends the run; ceilings in /v1/limits' },
);

const Return = Type.Object(
  {
    packet: Type.Optional(Type.Boolean({ default: true })),
    ctx: Type.Optional(Type.Boolean({ default: false })),
    maps: Type.Optional(Type.Array(Name, { default: [] })),
  },
  { ...closed, description: 'What the answer shows of the state after the run' },
);

export const RunBody = Type.Object(
  {
    object: Type.Optional(Type.Object({ elf: Bytes }, closed)),
    programs: Type.Optional(Type.Array(Program, { default: [] })),
    maps: Type.Optional(Type.Array(MapBody, { default: [] })),
    entry: Name,
    input: Type.Optional(Input),
    repeat: Type.Optional(Type.Integer({ minimum: 1, default: 1 })),
    verify: Type.Optional(literals(VERIFY_MODES, { description: 'Default: enforce; off for an entry of type raw' })),
    profile: Type.Optional(literals(PROFILES, { default: PROFILES[0] })),
    maxTailCalls: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_TAIL_CALLS,
        default: MAX_TAIL_CALLS,
        description: 'The kernel limit being modelled: past it a tail call fails and falls through',
      }),
    ),
    budgets: Type.Optional(Budgets),
    seed: Type.Optional(Integer64Input),
    detail: Type.Optional(literals(DETAILS, { default: 'chain' })),
    return: Type.Optional(Return),
    cpu: Type.Optional(Type.Unknown({ description: 'Later' })),
    environment: Type.Optional(Type.Unknown({ description: 'Later' })),
    kconfig: Type.Optional(Type.Unknown({ description: 'Later' })),
    btf: Type.Optional(Type.Unknown({ description: 'Later' })),
  },
  closed,
);
export type RunBody = Static<typeof RunBody>;
