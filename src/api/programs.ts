/** POST /v1/programs: programs are stored under the hash of their canonical form. */

import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { ELF_MEDIA_TYPE, ProgramsStored, ProgramUpload } from '../contract/program.ts';
import type { ProgramAnswer, ReadProgram } from '../contract/program-task.ts';
import { clientGone } from './client-gone.ts';
import { bodyTooLarge, decodeUpload, type Upload } from './decode-upload.ts';
import { RUN_PROBLEMS } from './documented-problems.ts';
import { PROGRAM_EXAMPLES } from './examples.ts';
import { refuseEncoding } from './json-body.ts';
import { type Principal, principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { NoQuery } from './query.ts';
import type { Api, Services } from './services.ts';
import { storageFull } from './storage-full.ts';

type ProgramsRead = Extract<ProgramAnswer, { kind: 'programs_read' }>;

/** Registers the route, and with it a parser for objects. */
export async function registerPrograms(app: Api, services: Services): Promise<void> {
  const { limits } = services;
  await app.register(async (scope: Api) => {
    scope.addContentTypeParser(ELF_MEDIA_TYPE, { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
      refuseEncoding(request);
      if (body.length > limits.maxObjectBytes) throw bodyTooLarge('The object', body.length, 'maxObjectBytes', limits);
      return body;
    });

    scope.post(
      '/v1/programs',
      {
        config: { problems: RUN_PROBLEMS, location: true },
        schema: {
          operationId: 'storePrograms',
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
          },
        },
      },
      async (request, reply) => {
        const body = request.body as Buffer | ProgramUpload;
        const upload: Upload =
          body instanceof Uint8Array
            ? { kind: 'object', elf: new Uint8Array(body), pointer: '' }
            : decodeUpload(body, request.bodyBytes, limits);
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
