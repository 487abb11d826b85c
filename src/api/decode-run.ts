/** From the validated body of a run to the RunSpec of the engine: encodings undone, defaults filled in, ceilings applied. */

import { LATER_FEATURES, type LaterFeature } from '../contract/later.ts';
import type { LimitName, Limits } from '../contract/limits.ts';
import type { ProblemCode } from '../contract/problem.ts';
import {
  type Bytes,
  DEFAULT_BUDGETS,
  DIALECTS,
  MAX_TAIL_CALLS,
  type MapBody,
  PROFILES,
  type ProgramBody,
  type RunBody,
} from '../contract/run.ts';
import type { Budgets, MapRequest, ProgramRequest, ProgramSource, RunInput, RunSpec } from '../contract/run-spec.ts';
import { decodeBytes, spelledLength } from './decode-bytes.ts';
import { ProblemError } from './problem-error.ts';

const MAX_U64 = 2n ** 64n - 1n;

/**
 * The RunSpec of a body that has passed the schema; stored programs in it are still to be looked up (StoredPrograms.resolve).
 * bodyBytes: size of the body as it came. Throws ProblemError: body_too_large, not_implemented, limit_exceeded, bad_bytes or schema_violation (what the schema cannot say), each with its pointer.
 */
export function decodeRun(body: RunBody, limits: Limits, bodyBytes: number, tenant: string): RunSpec {
  const besideObject = bodyBytes - (body.object === undefined ? 0 : spelledLength(body.object.elf));
  if (besideObject > limits.maxBodyBytesBesideObject) {
    throw new ProblemError({
      code: 'body_too_large',
      detail: `Without its inline object the body has ${besideObject} bytes, more than maxBodyBytesBesideObject, which is ${limits.maxBodyBytesBesideObject} here.`,
      limit: 'maxBodyBytesBesideObject',
    });
  }
  refuseLater(body);
  const programs = body.programs ?? [];
  const maps = body.maps ?? [];
  within(programs.length, 'maxPrograms', limits, '/programs');
  checkMaps(maps, limits);
  within(body.repeat ?? 1, 'maxRepeat', limits, '/repeat');
  const detail = body.detail ?? 'chain';
  return {
    tenant,
    object: body.object === undefined ? null : limitedBytes(body.object.elf, 'maxObjectBytes', limits, '/object/elf'),
    programs: programs.map((program, index) => decodeProgram(program, `/programs/${index}`)),
    maps: maps.map((map, index) => decodeMap(map, `/maps/${index}`)),
    entry: body.entry,
    input: decodeInput(body.input ?? {}, limits),
    repeat: body.repeat ?? 1,
    verify: body.verify ?? null,
    profile: body.profile ?? PROFILES[0],
    maxTailCalls: body.maxTailCalls ?? MAX_TAIL_CALLS,
    budgets: decodeBudgets(body.budgets ?? {}, limits),
    seed: decodeInteger64(body.seed ?? '1', '/seed'),
    // Steps are made by a replay, after the run.
    detail: detail === 'summary' ? 'summary' : 'chain',
    returns: {
      packet: body.return?.packet ?? true,
      ctx: body.return?.ctx ?? false,
      maps: body.return?.maps ?? [],
    },
  };
}

/** A refusal of what stands at a place of the body. */
export function refusal(code: ProblemCode, pointer: string, detail: string, limit?: LimitName): ProblemError {
  return new ProblemError({
    code,
    detail: `${pointer === '' ? 'the body' : pointer}: ${detail}`,
    errors: [{ pointer, detail }],
    ...(limit === undefined ? {} : { limit }),
  });
}

/** The fields of later versions that a body uses, each with its pointer. */
function* laterFields(body: Partial<RunBody>): Generator<readonly [string, LaterFeature]> {
  if (body.input?.pcap !== undefined) yield ['/input/pcap', 'pcap'];
  for (const field of ['cpu', 'environment', 'kconfig', 'btf'] as const) {
    if (body[field] !== undefined) yield [`/${field}`, field];
  }
  for (const [index, map] of (body.maps ?? []).entries()) {
    if (map.inner !== undefined) yield [`/maps/${index}/inner`, 'innerMap'];
    if (map.mapExtra !== undefined && BigInt(map.mapExtra) !== 0n) yield [`/maps/${index}/mapExtra`, 'mapExtra'];
  }
}

/**
 * Refuses what a later version brings.
 * @throws ProblemError not_implemented
 */
export function refuseLater(body: Partial<RunBody>): void {
  const errors = [...laterFields(body)].map(([pointer, feature]) => ({
    pointer,
    detail: `A later version brings: ${LATER_FEATURES[feature]}`,
  }));
  const [first] = errors;
  if (first !== undefined) {
    throw new ProblemError({ code: 'not_implemented', detail: `${first.pointer}: ${first.detail}`, errors });
  }
}

function within(value: number, name: LimitName, limits: Limits, pointer: string): void {
  if (value > limits[name]) {
    throw refusal('limit_exceeded', pointer, `${value} is more than ${name}, which is ${limits[name]} here`, name);
  }
}

/**
 * How many maps there may be, and how many settings.
 * @throws ProblemError limit_exceeded
 */
export function checkMaps(maps: readonly MapBody[], limits: Limits): void {
  within(maps.length, 'maxMaps', limits, '/maps');
  const settings = maps.reduce((sum, map) => sum + (map.entries?.length ?? 0) + Object.keys(map.slots ?? {}).length, 0);
  within(settings, 'maxMapSettings', limits, '/maps');
}

function bytesAt(value: Bytes, pointer: string): Uint8Array<ArrayBuffer> {
  const decoded = decodeBytes(value);
  if ('fault' in decoded) throw refusal('bad_bytes', pointer, decoded.fault);
  return decoded.bytes;
}

/**
 * Bytes that a limit bounds.
 * @throws ProblemError bad_bytes, limit_exceeded
 */
export function limitedBytes(value: Bytes, name: LimitName, limits: Limits, pointer: string): Uint8Array<ArrayBuffer> {
  const bytes = bytesAt(value, pointer);
  within(bytes.length, name, limits, pointer);
  return bytes;
}

/** An unsigned 64-bit integer as decimal text. */
export function decodeInteger64(value: number | string, pointer: string): string {
  const integer = BigInt(value);
  if (integer > MAX_U64) throw refusal('schema_violation', pointer, 'does not fit in 64 bits');
  return integer.toString();
}

/** Fields that describe asm and insns, and that a stored program has of its own. */
const DESCRIBING_FIELDS = ['type', 'dialect', 'license', 'attachType', 'flags'] as const;

/**
 * A program of a request.
 * @throws ProblemError schema_violation, bad_bytes
 */
export function decodeProgram(program: ProgramBody, pointer: string): ProgramRequest {
  const sources: ProgramSource[] = [];
  if (program.asm !== undefined) {
    sources.push({ kind: 'asm', text: program.asm, dialect: program.dialect ?? DIALECTS[0] });
  }
  if (program.insns !== undefined) sources.push({ kind: 'insns', bytes: bytesAt(program.insns, `${pointer}/insns`) });
  if (program.id !== undefined) sources.push({ kind: 'stored', id: program.id, form: null });
  const [source] = sources;
  if (source === undefined || sources.length > 1) {
    throw refusal('schema_violation', pointer, 'needs exactly one source: asm, insns or id');
  }
  if (source.kind === 'stored') {
    const described = DESCRIBING_FIELDS.find((field) => program[field] !== undefined);
    if (described !== undefined) {
      throw refusal(
        'schema_violation',
        `${pointer}/${described}`,
        'belongs to asm and insns; a stored program has its own',
      );
    }
  } else if (program.type === undefined) {
    throw refusal('schema_violation', `${pointer}/type`, 'is required beside asm and insns');
  }
  return {
    name: program.name,
    type: program.type ?? '',
    attachType: program.attachType ?? null,
    flags: program.flags ?? [],
    license: program.license ?? 'GPL',
    source,
    pointer,
  };
}

/**
 * A map of a request.
 * @throws ProblemError bad_bytes
 */
export function decodeMap(map: MapBody, pointer: string): MapRequest {
  return {
    name: map.name,
    type: map.type ?? null,
    keySize: map.keySize ?? null,
    valueSize: map.valueSize ?? null,
    maxEntries: map.maxEntries ?? null,
    flags: map.flags ?? [],
    frozen: map.frozen ?? false,
    slots: map.slots ?? {},
    entries: (map.entries ?? []).map(({ key, value }, index) => ({
      key: bytesAt(key, `${pointer}/entries/${index}/key`),
      value: bytesAt(value, `${pointer}/entries/${index}/value`),
    })),
    pointer,
  };
}

const BYTES_FIELDS: readonly string[] = ['hex', 'base64', 'text'];

function decodeInput({ packet, ctx }: NonNullable<RunBody['input']>, limits: Limits): RunInput {
  return {
    packet: packet === undefined ? null : limitedBytes(packet, 'maxPacketBytes', limits, '/input/packet'),
    ctx: ctx === undefined ? null : decodeContext(ctx),
  };
}

function decodeContext(ctx: Readonly<Record<string, number | string>>): RunInput['ctx'] {
  const fields = Object.keys(ctx);
  if (!fields.some((field) => BYTES_FIELDS.includes(field))) {
    for (const field of fields) decodeInteger64(ctx[field]!, `/input/ctx/${field}`);
    return ctx;
  }
  if (fields.length > 1)
    throw refusal('schema_violation', '/input/ctx', 'holds either fields or one spelling of its bytes');
  return bytesAt(ctx as Bytes, '/input/ctx');
}

function decodeBudgets(budgets: NonNullable<RunBody['budgets']>, limits: Limits): Budgets {
  const ceiling = (field: keyof typeof DEFAULT_BUDGETS, name: LimitName): number => {
    const asked = budgets[field];
    if (asked === undefined || asked === null) return Math.min(DEFAULT_BUDGETS[field]!, limits[name]);
    within(asked, name, limits, `/budgets/${field}`);
    return asked;
  };
  return {
    instructions: ceiling('instructions', 'maxInstructions'),
    tailCalls: budgets.tailCalls ?? DEFAULT_BUDGETS.tailCalls,
    wallMs: ceiling('wallMs', 'maxWallMs'),
    memoryBytes: ceiling('memoryBytes', 'maxMemoryBytes'),
    traceBytes: ceiling('traceBytes', 'maxTraceBytes'),
  };
}
