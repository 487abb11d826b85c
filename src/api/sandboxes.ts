/** /v1/sandboxes: making, showing, keeping, copying and ending them. */

import { Type } from 'typebox';
import type { Rejection } from '../contract/result.ts';
import {
  CopyBody,
  CreatedSandbox,
  DEFAULT_TTL_SECONDS,
  GraphDocument,
  SandboxBody,
  SandboxDocument,
  SnapshotDocument,
  TtlBody,
} from '../contract/sandbox.ts';
import type { SandboxSpec } from '../contract/sandbox-task.ts';
import { graphOf, graphRows } from '../sandboxes/graph.ts';
import type { Sandbox } from '../sandboxes/sandbox.ts';
import { clientGone } from './client-gone.ts';
import { decodeRun } from './decode-run.ts';
import { RUN_PROBLEMS } from './documented-problems.ts';
import { SANDBOX_EXAMPLE } from './examples.ts';
import { checkSandboxQueue, findSandbox, noSandbox, SandboxParameters } from './find-sandbox.ts';
import { type Principal, principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { NoQuery } from './query.ts';
import { mapEntry } from './sandbox-maps.ts';
import type { Api, Services } from './services.ts';

const tags = ['sandboxes'];

export function sandboxDocument(sandbox: Sandbox): SandboxDocument {
  const { identity, programs, maps, queued, runs, restores, bytes } = sandbox;
  return {
    id: identity.id,
    createdAt: new Date(identity.createdAt).toISOString(),
    expiresAt: new Date(sandbox.expiresAt).toISOString(),
    state: sandbox.isRunning ? 'running' : 'idle',
    queued,
    runs,
    restores,
    bytes,
    programs: programs.map(({ name, type, attachType, flags, insns }) => ({
      name,
      type,
      attachType,
      flags: [...flags],
      insns,
    })),
    maps: maps.map(mapEntry),
  };
}

/** A load that Linux would refuse, as a problem: there is no result that could say it. */
export function loadRejected(rejection: Rejection): ProblemError {
  const { program, errno, message } = rejection;
  const where = program === null ? '' : `program '${program}'${rejection.pc === null ? '' : ` insn ${rejection.pc}`}: `;
  return new ProblemError({ code: 'load_rejected', detail: `${where}${message}`, errno, rejection });
}

function ttlOf(ttl: number | undefined, { limits: { maxSandboxTtl } }: Services): number {
  if (ttl === undefined) return Math.min(DEFAULT_TTL_SECONDS, maxSandboxTtl);
  if (ttl <= maxSandboxTtl) return ttl;
  const detail = `${ttl} is more than maxSandboxTtl, which is ${maxSandboxTtl} here`;
  throw new ProblemError({
    code: 'limit_exceeded',
    detail: `/ttl: ${detail}`,
    errors: [{ pointer: '/ttl', detail }],
    limit: 'maxSandboxTtl',
  });
}

/** The parts of the body that say what is in the sandbox, decoded as those of a run. */
async function specOf(body: SandboxBody, services: Services, bodyBytes: number, tenant: string): Promise<SandboxSpec> {
  const { snapshot: _, ttl: __, ...parts } = body;
  // No run yet: the name of an entry is never looked at.
  const decoded = decodeRun({ ...parts, entry: '_' }, services.limits, bodyBytes, tenant);
  return services.programs.resolve(decoded);
}

export function registerSandboxes(app: Api, services: Services): void {
  const { sandboxes } = services;
  const find = (principal: Principal, id: string) => findSandbox(services, principal.tenant, id);

  app.post(
    '/v1/sandboxes',
    {
      config: {
        problems: [...RUN_PROBLEMS, 'load_rejected', 'not_found', 'snapshot_gone', 'too_many_sandboxes'],
        location: true,
      },
      schema: {
        operationId: 'createSandbox',
        summary: 'Make a sandbox: programs, maps and prog arrays that last from run to run',
        description:
          'From an object, programs and maps as in a run, or from a snapshot. What Linux would refuse to load is 422 load_rejected with the rejection that a run would show.',
        tags,
        body: { ...SandboxBody, examples: [SANDBOX_EXAMPLE] },
        response: { 201: CreatedSandbox },
      },
    },
    async (request, reply) => {
      const { body, bodyBytes } = request;
      const principal = principalOf(request);
      const ttl = ttlOf(body.ttl, services);
      if (body.snapshot !== undefined) {
        const sandbox = await restored(body, body.snapshot, principal, ttl);
        const document = { ...sandboxDocument(sandbox), verification: null };
        return reply.code(201).header('location', `/v1/sandboxes/${document.id}`).send(document);
      }
      const spec = await specOf(body, services, bodyBytes, principal.tenant);
      const answer = await sandboxes.create(principal, spec, ttl);
      if (answer.kind === 'problem') throw new ProblemError(answer.problem);
      if (answer.kind === 'rejected') throw loadRejected(answer.rejection);
      const document = { ...sandboxDocument(answer.sandbox), verification: answer.verification };
      request.log.info({ sandbox: document.id, bytes: document.bytes }, 'sandbox made');
      return reply.code(201).header('location', `/v1/sandboxes/${document.id}`).send(document);
    },
  );

  async function restored(body: SandboxBody, snapshot: string, { tenant }: Principal, ttl: number): Promise<Sandbox> {
    const beside = Object.keys(body).filter((field) => field !== 'snapshot' && field !== 'ttl');
    if (beside.length > 0) {
      const errors = beside.map((field) => ({
        pointer: `/${field}`,
        detail: 'stands beside a snapshot, which brings it',
      }));
      throw new ProblemError({
        code: 'schema_violation',
        detail: `${errors[0]!.pointer}: ${errors[0]!.detail}`,
        errors,
      });
    }
    const answer = await sandboxes.restore(tenant, snapshot, ttl);
    if (answer === null) throw new ProblemError({ code: 'not_found', detail: 'There is no snapshot with this id.' });
    if (answer.kind === 'problem') throw new ProblemError(answer.problem);
    return answer.sandbox;
  }

  app.get(
    '/v1/sandboxes/:id',
    {
      schema: {
        operationId: 'getSandbox',
        summary: 'A sandbox: what is in it, what it does, when it ends',
        tags,
        params: SandboxParameters,
        querystring: NoQuery,
        response: { 200: SandboxDocument },
      },
    },
    async (request) => sandboxDocument(await find(principalOf(request), request.params.id)),
  );

  app.patch(
    '/v1/sandboxes/:id',
    {
      config: { problems: ['limit_exceeded'] },
      schema: {
        operationId: 'updateSandbox',
        summary: 'Keep a sandbox: it ends ttl seconds from now',
        tags,
        params: SandboxParameters,
        body: { ...TtlBody, examples: [{ ttl: 600 }] },
        response: { 200: SandboxDocument },
      },
    },
    async (request) => {
      const sandbox = await find(principalOf(request), request.params.id);
      await sandboxes.extend(sandbox, ttlOf(request.body.ttl, services));
      return sandboxDocument(sandbox);
    },
  );

  app.delete(
    '/v1/sandboxes/:id',
    {
      schema: {
        operationId: 'deleteSandbox',
        summary: 'End a sandbox; what runs on it is cancelled',
        tags,
        params: SandboxParameters,
        querystring: NoQuery,
        response: { 204: Type.Null({ description: 'It is gone' }) },
      },
    },
    async (request, reply) => {
      const sandbox = await find(principalOf(request), request.params.id);
      await sandboxes.delete(sandbox);
      request.log.info({ sandbox: sandbox.identity.id }, 'sandbox ended');
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/v1/sandboxes/:id/fork',
    {
      config: { problems: ['limit_exceeded', 'too_many_sandboxes', 'draining'], location: true },
      schema: {
        operationId: 'forkSandbox',
        summary: 'Copy a sandbox, as it stands when all that was asked before has ended',
        description: 'Slots do not wait for a turn: the copy has those of the moment in which it is made.',
        tags,
        params: SandboxParameters,
        body: { ...CopyBody, examples: [{}] },
        response: { 201: SandboxDocument },
      },
    },
    async (request, reply) => {
      const sandbox = await find(principalOf(request), request.params.id);
      checkSandboxQueue(sandbox, services);
      const gone = clientGone(reply);
      const answer = await sandboxes.fork(sandbox, ttlOf(request.body.ttl, services), () => gone.aborted);
      if (answer.kind === 'ended') throw noSandbox();
      if (answer.kind === 'problem') throw new ProblemError(answer.problem);
      const document = sandboxDocument(answer.sandbox);
      request.log.info({ sandbox: document.id, of: sandbox.identity.id, bytes: document.bytes }, 'sandbox made');
      return reply.code(201).header('location', `/v1/sandboxes/${document.id}`).send(document);
    },
  );

  app.post(
    '/v1/sandboxes/:id/snapshot',
    {
      config: { problems: ['limit_exceeded', 'too_many_sandboxes', 'draining'] },
      schema: {
        operationId: 'snapshotSandbox',
        summary: 'Store a copy that outlives the sandbox and the process',
        description: 'POST /v1/sandboxes with its id as `snapshot` makes a sandbox of it.',
        tags,
        params: SandboxParameters,
        body: { ...CopyBody, examples: [{ ttl: 86_400 }] },
        response: { 201: SnapshotDocument },
      },
    },
    async (request, reply) => {
      const sandbox = await find(principalOf(request), request.params.id);
      checkSandboxQueue(sandbox, services);
      const answer = await sandboxes.snapshot(sandbox, ttlOf(request.body.ttl, services));
      if (answer.kind === 'ended') throw noSandbox();
      if (answer.kind === 'problem') throw new ProblemError(answer.problem);
      const { id, bytes, expiresAt } = answer;
      request.log.info({ sandbox: sandbox.identity.id, snapshot: id, bytes }, 'snapshot stored');
      return reply.code(201).send({ id, bytes, expiresAt: new Date(expiresAt).toISOString() });
    },
  );

  app.get(
    '/v1/sandboxes/:id/graph',
    {
      schema: {
        operationId: 'getSandboxGraph',
        summary: 'Which program can jump where',
        description:
          'As the slots are now. Edges are the tail calls of the code, with array and index where constants tell them.',
        tags,
        params: SandboxParameters,
        querystring: NoQuery,
        response: { 200: GraphDocument },
      },
    },
    async (request) => {
      const sandbox = await find(principalOf(request), request.params.id);
      const rows = graphRows(sandbox);
      const { maxGraphRows } = services.limits;
      if (rows <= maxGraphRows) return graphOf(sandbox);
      const detail = `The graph has ${rows} filled slots and tail calls, maxGraphRows is ${maxGraphRows}; read the slots page by page.`;
      throw new ProblemError({ code: 'limit_exceeded', detail, limit: 'maxGraphRows' });
    },
  );
}
