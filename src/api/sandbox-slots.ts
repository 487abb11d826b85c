/** Slots of the prog arrays of a sandbox. A change needs no worker: it is stored when it is answered, and a running chain sees it at its next tail call. */

import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { SlotBody, SlotDocument, SlotPage, SwapBody, SwapDocument, UPDATE_MODES } from '../contract/sandbox.ts';
import { closed } from '../contract/schema.ts';
import type { SlotRefusal } from '../sandboxes/prog-arrays.ts';
import type { Sandbox } from '../sandboxes/sandbox.ts';
import { ELEMENT_FLAGS } from '../spec/prog-array.ts';
import { MAP_PROBLEMS } from './documented-problems.ts';
import { findMap, findSandbox, MapParameters } from './find-sandbox.ts';
import { errnoProblem } from './map-errno.ts';
import { principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { badParameter, MAX_QUERY_LENGTH, NoQuery, oneOf, wholeNumber } from './query.ts';
import type { Api, Services } from './services.ts';

const tags = ['sandboxes'];
const MAX_INDEX = 0xffff_ffff;

const SlotParameters = Type.Object(
  { ...MapParameters.properties, index: Type.String({ description: 'The index of a slot, decimal' }) },
  closed,
);
const ModeQuery = Type.Object(
  {
    mode: Type.Optional(
      Type.String({ maxLength: MAX_QUERY_LENGTH, description: `One of ${UPDATE_MODES.join(', ')} (default any)` }),
    ),
  },
  closed,
);
const PageQuery = Type.Object(
  {
    after: Type.Optional(Type.String({ maxLength: MAX_QUERY_LENGTH, description: 'Slots behind this index' })),
    limit: Type.Optional(Type.String({ maxLength: MAX_QUERY_LENGTH, description: 'At most so many; default 100' })),
  },
  closed,
);
const DEFAULT_PAGE = 100;

/** Why Linux answers a change of a slot with this errno. */
function slotReason(
  errno: string,
  sandbox: Sandbox,
  map: number,
  flags: number = ELEMENT_FLAGS.any,
): string | undefined {
  if (errno === 'E2BIG') return ', the index is past the end';
  if (errno === 'ENOENT') return ', the slot is empty';
  if (errno !== 'EINVAL') return undefined;
  if (flags !== ELEMENT_FLAGS.any) return ', a prog_array takes no mode but any';
  const owner = sandbox.progArrays.owner(map);
  if (owner === null) return ', programs of this type cannot be tail-called';
  const attach = owner.attachType === null ? '' : ` with attach type ${owner.attachType}`;
  const frags = owner.xdpHasFrags ? ' and xdp_has_frags' : '';
  return `, the array belongs to programs of type ${owner.type}${attach}${frags} for good, and the program is of another kind`;
}

type Target = { readonly sandbox: Sandbox; readonly map: ReturnType<typeof findMap> };

export function registerSandboxSlots(app: Api, services: Services): void {
  const { limits, metrics } = services;

  async function progArray(tenant: string, { id, map: name }: { id: string; map: string }): Promise<Target> {
    const sandbox = await findSandbox(services, tenant, id);
    const map = findMap(sandbox, name);
    if (map.type === 'prog_array') return { sandbox, map };
    const detail = `'${name}' is a ${map.type} and has no slots: its elements are under …/maps/${name}/entries.`;
    throw new ProblemError({ code: 'map_refused', detail });
  }

  function indexOf(text: string): number {
    if (!/^(0|[1-9][0-9]{0,9})$/.test(text) || Number(text) > MAX_INDEX) {
      throw badParameter('index', `must be a whole number from 0 to ${MAX_INDEX}`);
    }
    return Number(text);
  }

  function programOf({ sandbox }: Target, name: string, pointer: string) {
    const number = sandbox.numberOf(name);
    const program = sandbox.programs[number];
    if (program !== undefined) return { ...program, number };
    const known = sandbox.programs.map((one) => one.name).join(', ');
    const detail = `the sandbox has no program '${name}'; it has: ${known || 'none'}. Add it with POST …/programs`;
    throw new ProblemError({ code: 'bad_reference', detail: `${pointer}: ${detail}`, errors: [{ pointer, detail }] });
  }

  /** Answers a change that Linux takes, with its generation, when a run that goes on reads it. */
  async function settle(
    request: FastifyRequest,
    { sandbox, map }: Target,
    refusal: SlotRefusal | null,
    { command, slots, flags }: { command: 'change' | 'delete'; slots: number; flags?: number },
  ): Promise<number> {
    metrics.observeSlotChange(refusal?.errno ?? 'stored', refusal === null && sandbox.isRunning);
    if (refusal !== null) {
      const { errno, index } = refusal;
      const what = `${command} of slot ${index} of '${map.name}'`;
      throw errnoProblem(errno, what, slotReason(errno, sandbox, map.number, flags));
    }
    const generation = sandbox.progArrays.generation(map.number);
    request.log.info({ sandbox: sandbox.identity.id, map: map.number, slots, generation }, 'slots changed');
    await sandbox.progArrays.stored();
    return generation;
  }

  app.get(
    '/v1/sandboxes/:id/maps/:map/slots',
    {
      config: { problems: ['map_refused'] },
      schema: {
        operationId: 'listSlots',
        summary: 'Filled slots of a prog array, its owner and its generation',
        tags,
        params: MapParameters,
        querystring: PageQuery,
        response: { 200: SlotPage },
      },
    },
    async (request) => {
      const { sandbox, map } = await progArray(principalOf(request).tenant, request.params);
      if (!sandbox.progArrays.isReadable(map.number)) throw errnoProblem('EPERM', `reading the slots of '${map.name}'`);
      const most = limits.maxListedEntries;
      const { after, limit } = request.query;
      const from = after === undefined ? -1 : indexOf(after);
      const count = wholeNumber('limit', limit, { least: 1, most, otherwise: Math.min(DEFAULT_PAGE, most) });
      const slots = sandbox.progArrays.slots(map.number).filter(([index]) => index > from);
      const page = slots.slice(0, count);
      return {
        maxEntries: map.maxEntries,
        generation: sandbox.progArrays.generation(map.number),
        owner: sandbox.progArrays.owner(map.number),
        slots: page.map(([index, number]) => ({ index, program: sandbox.programs[number]!.name })),
        next: slots.length > page.length ? page.at(-1)![0] : null,
      };
    },
  );

  app.get(
    '/v1/sandboxes/:id/maps/:map/slots/:index',
    {
      config: { problems: MAP_PROBLEMS },
      schema: {
        operationId: 'getSlot',
        summary: 'The program in a slot',
        tags,
        params: SlotParameters,
        querystring: NoQuery,
        response: { 200: SlotDocument },
      },
    },
    async (request) => {
      const { sandbox, map } = await progArray(principalOf(request).tenant, request.params);
      const index = indexOf(request.params.index);
      const answer = sandbox.progArrays.lookup(map.number, index);
      if (answer.errno !== null) throw errnoProblem(answer.errno, `lookup of slot ${index} of '${map.name}'`);
      const generation = sandbox.progArrays.generation(map.number);
      return { index, program: sandbox.programs[answer.program]!.name, generation };
    },
  );

  app.put(
    '/v1/sandboxes/:id/maps/:map/slots/:index',
    {
      config: { problems: [...MAP_PROBLEMS, 'bad_reference'] },
      schema: {
        operationId: 'putSlot',
        summary: 'Put a program into a slot',
        description:
          'As BPF_MAP_UPDATE_ELEM: a filled slot is replaced, the array belongs to programs of one kind. mode other than any is EINVAL, as on Linux.',
        tags,
        params: SlotParameters,
        querystring: ModeQuery,
        body: { ...SlotBody, examples: [{ program: 'drop' }] },
        response: { 200: SlotDocument },
      },
    },
    async (request) => {
      const target = await progArray(principalOf(request).tenant, request.params);
      const index = indexOf(request.params.index);
      const flags = ELEMENT_FLAGS[oneOf('mode', request.query.mode, UPDATE_MODES)];
      const program = programOf(target, request.body.program, '/program');
      const { progArrays } = target.sandbox;
      const refusal = progArrays.change(target.map.number, new Map([[index, program]]), flags);
      const generation = await settle(request, target, refusal, { command: 'change', slots: 1, flags });
      return { index, program: program.name, generation };
    },
  );

  app.delete(
    '/v1/sandboxes/:id/maps/:map/slots/:index',
    {
      config: { problems: MAP_PROBLEMS },
      schema: {
        operationId: 'clearSlot',
        summary: 'Empty a slot',
        description: 'As BPF_MAP_DELETE_ELEM: an empty slot is ENOENT, one past the end E2BIG.',
        tags,
        params: SlotParameters,
        querystring: NoQuery,
        response: { 200: SlotDocument },
      },
    },
    async (request) => {
      const target = await progArray(principalOf(request).tenant, request.params);
      const index = indexOf(request.params.index);
      const refusal = target.sandbox.progArrays.delete(target.map.number, index);
      const generation = await settle(request, target, refusal, { command: 'delete', slots: 1 });
      return { index, program: null, generation };
    },
  );

  app.post(
    '/v1/sandboxes/:id/maps/:map/slots/swap',
    {
      config: { problems: [...MAP_PROBLEMS, 'bad_reference', 'limit_exceeded'] },
      schema: {
        operationId: 'swapSlots',
        summary: 'Change several slots at once, between two tail calls of a running chain',
        description: 'All of them, or none when one is refused. Emptying an empty slot changes nothing.',
        tags,
        params: MapParameters,
        body: { ...SwapBody, examples: [{ slots: { '0': 'drop', '1': null } }] },
        response: { 200: SwapDocument },
      },
    },
    async (request) => {
      const target = await progArray(principalOf(request).tenant, request.params);
      const named = Object.entries(request.body.slots);
      if (named.length > limits.maxSlotChanges) {
        const detail = `/slots: ${named.length} is more than maxSlotChanges, which is ${limits.maxSlotChanges} here`;
        throw new ProblemError({ code: 'limit_exceeded', detail, limit: 'maxSlotChanges' });
      }
      const changes = new Map(
        named.map(([index, name]) => [
          indexOf(index),
          name === null ? null : programOf(target, name, `/slots/${index}`),
        ]),
      );
      const refusal = target.sandbox.progArrays.change(target.map.number, changes);
      const generation = await settle(request, target, refusal, { command: 'change', slots: changes.size });
      return { generation, slots: request.body.slots };
    },
  );
}
