/** POST /v1/programs: programs are stored under the hash of their canonical form. */

import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { LimitName } from '../contract/limits.ts';
import { ELF_MEDIA_TYPE, ProgramsStored, ProgramUpload } from '../contract/program.ts';
import type { ProgramAnswer, ReadProgram, ReadProgramsTask } from '../contract/program-task.ts';
import { clientGone } from './client-gone.ts';
import { decodeBytes, spelledLength } from './decode-bytes.ts';
import { decodeMap, decodeProgram } from './decode-run.ts';
import { PROGRAM_EXAMPLES } from './examples.ts';
import { refuseEncoding } from './json-body.ts';
import { type Principal, principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { problemResponses } from './problems.ts';
import { NoQuery } from './query.ts';
import type { Api, Services } from './services.ts';
import { storageFull } from './storage-full.ts';

type Upload = ReadProgramsTask['upload'];
type ProgramsRead = Extract<ProgramAnswer, { kind: 'programs_read' }>;

/** Fields that belong to a program and not to an object. */
const PROGRAM_FIELDS = ['name', 'type', 'asm', 'insns', 'dialect', 'license', 'attachType', 'flags', 'maps'] as const;

/** Registers the route, and with it a parser for objects. */
export async function registerPrograms(app: Api, services: Services): Promise<void> {
  const { limits } = services;
  await app.register(async (scope: Api) => {
    scope.addContentTypeParser(ELF_MEDIA_TYPE, { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
      refuseEncoding(request);
      if (body.length > limits.maxObjectBytes) throw tooLarge('The object', body.length, 'maxObjectBytes', services);
      return body;
    });

    scope.post(
      '/v1/programs',
      {
        schema: {
          summary: 'Store programs under the hash of their content',
          description:
            'An object (as JSON, or its bytes as application/x-elf) or one program with the maps that it refers to. The id is the hash of ' +
            'what the program is: type, attach type, flags, license, linked instructions, functions, maps with their initial contents, source ' +
            'lines; not its name. Runs name it as programs[].id. It is read and not verified: see /v1/programs/{id}/verification. ' +
            '200 when all of it was stored before.',
          tags: ['programs'],
          querystring: NoQuery,
          body: {
            content: {
              'application/json': { schema: { ...ProgramUpload, examples: [...PROGRAM_EXAMPLES] } },
              [ELF_MEDIA_TYPE]: {
                schema: Type.Unsafe<Buffer>({
                  description: 'The bytes of an object as clang -target bpf -c writes it',
                }),
              },
            },
          },
          response: {
            200: { ...ProgramsStored, description: 'Known already' },
            201: { ...ProgramsStored, description: 'Stored; Location when it is one program' },
            ...problemResponses,
          },
        },
      },
      async (request, reply) => {
        const upload = uploadOf(request.body as Buffer | ProgramUpload, request.bodyBytes, services);
        const principal = principalOf(request);
        const { programs, maps, notes } = await readUpload(services, upload, principal, clientGone(reply));
        const isNew = await storeAll(services, principal.tenant, programs);
        const [only, another] = programs;
        if (only !== undefined && another === undefined) reply.header('location', `/v1/programs/${only.id}`);
        return reply.code(isNew ? 201 : 200).send({
          programs: programs.map(({ id, name, type }) => ({ id, name, type })),
          maps: [...maps],
          notes: [...notes],
        });
      },
    );
  });
}

function tooLarge(what: string, bytes: number, limit: LimitName, { limits }: Services): ProblemError {
  const detail = `${what} has ${bytes} bytes, more than ${limit}, which is ${limits[limit]} here.`;
  return new ProblemError({ code: 'body_too_large', detail, limit });
}

function refusal(pointer: string, detail: string): ProblemError {
  return new ProblemError({
    code: 'schema_violation',
    detail: `${pointer === '' ? 'the body' : pointer}: ${detail}`,
    errors: [{ pointer, detail }],
  });
}

/**
 * What a body that has passed the schema brings.
 * @throws ProblemError for what the schema cannot say
 */
function uploadOf(body: Buffer | ProgramUpload, bodyBytes: number, services: Services): Upload {
  if (body instanceof Uint8Array) return { kind: 'object', elf: new Uint8Array(body), pointer: '' };
  const besideObject = bodyBytes - (body.elf === undefined ? 0 : spelledLength(body.elf));
  if (besideObject > services.limits.maxBodyBytesBesideObject) {
    throw tooLarge('Without its inline object the body', besideObject, 'maxBodyBytesBesideObject', services);
  }
  if (body.elf !== undefined) {
    const beside = PROGRAM_FIELDS.find((field) => body[field] !== undefined);
    if (beside !== undefined) throw refusal(`/${beside}`, 'does not go with elf: the object says it');
    const decoded = decodeBytes(body.elf);
    if ('fault' in decoded) {
      const errors = [{ pointer: '/elf', detail: decoded.fault }];
      throw new ProblemError({ code: 'bad_bytes', detail: `/elf: ${decoded.fault}`, errors });
    }
    const { maxObjectBytes } = services.limits;
    if (decoded.bytes.length > maxObjectBytes)
      throw tooLarge('The object', decoded.bytes.length, 'maxObjectBytes', services);
    return { kind: 'object', elf: decoded.bytes, pointer: '/elf' };
  }
  if (body.name === undefined) throw refusal('/name', 'is required, unless the body has an elf');
  const maps = body.maps ?? [];
  const { maxMaps } = services.limits;
  if (maps.length > maxMaps) throw limitPassed('/maps', `${maps.length} maps, maxMaps is ${maxMaps} here`, 'maxMaps');
  const settings = maps.reduce((sum, map) => sum + (map.entries?.length ?? 0) + Object.keys(map.slots ?? {}).length, 0);
  const { maxMapSettings } = services.limits;
  if (settings > maxMapSettings) {
    throw limitPassed(
      '/maps',
      `${settings} slots and entries, maxMapSettings is ${maxMapSettings} here`,
      'maxMapSettings',
    );
  }
  return {
    kind: 'program',
    program: decodeProgram({ ...body, name: body.name }, ''),
    maps: maps.map((map, index) => decodeMap(map, `/maps/${index}`)),
  };
}

function limitPassed(pointer: string, detail: string, limit: LimitName): ProblemError {
  return new ProblemError({
    code: 'limit_exceeded',
    detail: `${pointer}: ${detail}`,
    errors: [{ pointer, detail }],
    limit,
  });
}

async function readUpload(
  { loader }: Services,
  upload: Upload,
  { tenant, bucket }: Principal,
  stop: AbortSignal,
): Promise<ProgramsRead> {
  const { answer, cancel } = loader.ask<ProgramsRead>({
    principal: bucket,
    task: (limits) => ({ kind: 'read_programs', tenant, upload, limits }),
    answers: ['programs_read'],
  });
  stop.addEventListener('abort', cancel, { once: true });
  const read = await answer;
  if (read.kind === 'problem') throw new ProblemError(read.problem);
  return read;
}

/** Stores those that the tenant does not have; true when there was one. */
async function storeAll(
  { store, limits }: Services,
  tenant: string,
  programs: readonly ReadProgram[],
): Promise<boolean> {
  let isNew = false;
  for (const { id, name, type, form } of programs) {
    const facts = JSON.stringify({ name, type });
    const put = await store.programs.put({ tenant, id, form, facts, storedAt: Date.now() });
    if (put.kind === 'full') throw storageFull(put, limits);
    isNew ||= put.kind === 'new';
  }
  return isNew;
}
