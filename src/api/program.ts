/** GET /v1/programs/{id} and what is shown of a program. A worker makes it once; it never changes, and clients may keep it. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Disassembly, ProgramDetails, ProgramGraph, ProgramVerification } from '../contract/program.ts';
import type { ProgramAnswer, ProgramView } from '../contract/program-task.ts';
import { closed } from '../contract/schema.ts';
import { VERSION } from '../contract/version.ts';
import { preferredType } from './accept.ts';
import { clientGone } from './client-gone.ts';
import {
  clientHas,
  IfNoneMatch,
  IMMUTABLE_SECONDS,
  type Kept,
  markImmutable,
  OF_THIS_VERSION_SECONDS,
} from './immutable.ts';
import { principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { ProgramViews } from './program-views.ts';
import { MAX_QUERY_LENGTH, NoQuery, oneOf } from './query.ts';
import type { Api, Services } from './services.ts';

const JSON_TYPE = 'application/json';
const TEXT_TYPE = 'text/plain';
const DOT_TYPE = 'text/vnd.graphviz';

const ProgramParameters = Type.Object({ id: Type.String({ description: 'The id of a program' }) }, closed);

const FormatQuery = (description: string) =>
  Type.Object({ format: Type.Optional(Type.String({ maxLength: MAX_QUERY_LENGTH, description })) }, closed);

const tags = ['programs'];
const text = { schema: { type: 'string' } };
const NOT_MODIFIED = { 304: { type: 'null', description: 'The client has it (If-None-Match)' } };

interface Viewed {
  readonly id: string;
  readonly view: ProgramView;
  readonly type: string;
}

export function registerProgram(app: Api, services: Services): void {
  const views = new ProgramViews();
  const show = async (request: FastifyRequest, reply: FastifyReply, viewed: Viewed) => {
    const { tenant, bucket } = principalOf(request);
    const { id, view, type } = viewed;
    const stored = await services.programs.get(tenant, id);
    if (stored === null) {
      throw new ProblemError({ code: 'not_found', detail: 'There is no program with this id.' });
    }
    const kept = keptAs(viewed);
    if (clientHas(request, kept)) return markImmutable(reply, kept).code(304).send();
    const key = `${view} ${id} ${tenant}`;
    const send = (body: Buffer) =>
      markImmutable(reply, kept)
        .type(type === JSON_TYPE ? type : `${type}; charset=utf-8`)
        .send(body);
    const known = views.get(key);
    if (known !== undefined) return send(known);
    const { name } = JSON.parse(stored.facts) as { readonly name: string };
    const { answer, cancel } = services.loader.ask<Extract<ProgramAnswer, { kind: 'program_view' }>>({
      principal: bucket,
      task: (limits) => ({ kind: 'view_program', tenant, id, form: stored.form, name, view, limits }),
      answers: ['program_view'],
    });
    clientGone(reply).addEventListener('abort', cancel, { once: true });
    const made = await answer;
    if (made.kind === 'problem') throw new ProblemError(made.problem);
    const body = Buffer.from(made.body.buffer, made.body.byteOffset, made.body.byteLength);
    views.set(key, body);
    return send(body);
  };

  app.get(
    '/v1/programs/:id',
    {
      config: { problems: ['queue_full', 'draining'] },
      schema: {
        operationId: 'getProgram',
        summary: 'A stored program: its linked instructions, functions and maps',
        description: 'Immutable: the ETag is the id.',
        tags,
        params: ProgramParameters,
        headers: IfNoneMatch,
        querystring: NoQuery,
        response: { 200: ProgramDetails, ...NOT_MODIFIED },
      },
    },
    async (request, reply) => show(request, reply, { id: request.params.id, view: 'details', type: JSON_TYPE }),
  );

  app.get(
    '/v1/programs/:id/disassembly',
    {
      config: { problems: ['queue_full', 'draining'] },
      schema: {
        operationId: 'getProgramDisassembly',
        summary: 'The instructions of a stored program as text, with its source lines',
        description:
          'JSON rows; with Accept: text/plain (or format=text) a listing in the manner of bpftool, which POST /v1/programs reads as asm.',
        tags,
        params: ProgramParameters,
        headers: IfNoneMatch,
        querystring: FormatQuery('json or text; default: as Accept says'),
        response: {
          200: {
            description: 'The instructions',
            content: { [JSON_TYPE]: { schema: Disassembly }, [TEXT_TYPE]: text },
          },
          ...NOT_MODIFIED,
        },
      },
    },
    async (request, reply) => {
      const offered = { json: JSON_TYPE, text: TEXT_TYPE } as const;
      const asked =
        request.query.format === undefined ? undefined : oneOf('format', request.query.format, ['json', 'text']);
      const type = asked === undefined ? preferredType(request.headers.accept, [JSON_TYPE, TEXT_TYPE]) : offered[asked];
      const view = type === JSON_TYPE ? 'disassembly' : 'listing';
      return show(request, reply, { id: request.params.id, view, type });
    },
  );

  app.get(
    '/v1/programs/:id/cfg',
    {
      config: { problems: ['queue_full', 'draining'] },
      schema: {
        operationId: 'getProgramGraph',
        summary: 'The control-flow graph of a stored program',
        description:
          'Basic blocks with their edges, dominators and loops, functions with their calls, and the tail calls with the prog array and the ' +
          'slot where constants tell them. With Accept: text/vnd.graphviz (or format=dot) in DOT.',
        tags,
        params: ProgramParameters,
        headers: IfNoneMatch,
        querystring: FormatQuery('json or dot; default: as Accept says'),
        response: {
          200: { description: 'The graph', content: { [JSON_TYPE]: { schema: ProgramGraph }, [DOT_TYPE]: text } },
          ...NOT_MODIFIED,
        },
      },
    },
    async (request, reply) => {
      const offered = { json: JSON_TYPE, dot: DOT_TYPE } as const;
      const asked =
        request.query.format === undefined ? undefined : oneOf('format', request.query.format, ['json', 'dot']);
      const type = asked === undefined ? preferredType(request.headers.accept, [JSON_TYPE, DOT_TYPE]) : offered[asked];
      return show(request, reply, { id: request.params.id, view: type === JSON_TYPE ? 'cfg' : 'dot', type });
    },
  );

  app.get(
    '/v1/programs/:id/verification',
    {
      config: { problems: ['queue_full', 'draining'] },
      schema: {
        operationId: 'getProgramVerification',
        summary: 'What the verifier says of a stored program',
        description:
          "As a run's verification with verify enforce, for the program alone with the maps that it was stored with; rejection has the log.",
        tags,
        params: ProgramParameters,
        headers: IfNoneMatch,
        querystring: NoQuery,
        response: { 200: ProgramVerification, ...NOT_MODIFIED },
      },
    },
    async (request, reply) => show(request, reply, { id: request.params.id, view: 'verification', type: JSON_TYPE }),
  );
}

/** Another version of the server may say more of a program; the program itself it cannot change. */
function keptAs({ id, view }: Viewed): Kept {
  if (view === 'details') return { tag: id, maxAge: IMMUTABLE_SECONDS };
  return { tag: `${id}/${view}/${VERSION}`, maxAge: OF_THIS_VERSION_SECONDS };
}
