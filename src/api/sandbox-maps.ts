/** Maps of a sandbox as user space sees them: elements read, written and deleted with Linux's errno and modes. */

import { Type } from 'typebox';
import { EntryBody, EntryDocument, EntryPage, type MapEntry, MapList, UPDATE_MODES } from '../contract/sandbox.ts';
import type { Element, MapCommand, MapFacts } from '../contract/sandbox-task.ts';
import { closed } from '../contract/schema.ts';
import type { Sandbox } from '../sandboxes/sandbox.ts';
import { mapFlagNames } from '../spec/maps.ts';
import { ELEMENT_FLAGS } from '../spec/prog-array.ts';
import { decodeBytes } from './decode-bytes.ts';
import { MAP_PROBLEMS } from './documented-problems.ts';
import {
  checkSandboxQueue,
  findMap,
  findSandbox,
  MapParameters,
  noSandbox,
  SandboxParameters,
} from './find-sandbox.ts';
import { errnoProblem } from './map-errno.ts';
import { type Principal, principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import { badParameter, MAX_QUERY_LENGTH, NoQuery, oneOf, wholeNumber } from './query.ts';
import type { Api, Services } from './services.ts';

const tags = ['sandboxes'];

export function mapEntry({ name, type, keySize, valueSize, maxEntries, flags, frozen }: MapFacts): MapEntry {
  return { name, type, keySize, valueSize, maxEntries, flags: mapFlagNames(flags), frozen };
}

const EntryParameters = Type.Object(
  { ...MapParameters.properties, key: Type.String({ description: "The key's bytes in hex" }) },
  closed,
);

const PageQuery = Type.Object(
  {
    after: Type.Optional(Type.String({ description: 'Elements behind this key (hex): `next` of the page before' })),
    limit: Type.Optional(Type.String({ maxLength: MAX_QUERY_LENGTH, description: 'At most so many; default 100' })),
  },
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

const DEFAULT_PAGE = 100;

const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
const entryDocument = ({ key, value }: Element) => ({ key: { hex: hex(key) }, value: { hex: hex(value) } });

/** Bytes in hex of exactly the size that the map wants. */
function sizedBytes(text: string, size: number, what: string): Uint8Array {
  const decoded = decodeBytes({ hex: text });
  if ('fault' in decoded) throw badParameter(what, `must be hex: ${decoded.fault}`);
  if (decoded.bytes.length === size) return decoded.bytes;
  throw badParameter(what, `has ${decoded.bytes.length} bytes, and the map's keySize is ${size}`);
}

export function registerSandboxMaps(app: Api, services: Services): void {
  const { limits, loader } = services;

  /** The map of a path, which must not be a prog array. */
  async function elementMap(principal: Principal, { id, map: name }: { id: string; map: string }) {
    const sandbox = await findSandbox(services, principal.tenant, id);
    const map = findMap(sandbox, name);
    if (map.type === 'prog_array') {
      const detail = `'${name}' is a prog_array: its slots are under …/maps/${name}/slots.`;
      throw new ProblemError({ code: 'map_refused', detail });
    }
    return { sandbox, map };
  }

  async function command(
    principal: Principal,
    sandbox: Sandbox,
    map: ReturnType<typeof findMap>,
    asked: MapCommand,
  ): Promise<{ elements: readonly Element[]; more: boolean }> {
    checkSandboxQueue(sandbox, services);
    const answer = await sandbox.command(loader, principal.bucket, map.number, asked);
    if (answer === null) throw noSandbox();
    switch (answer.kind) {
      case 'problem':
        throw new ProblemError(answer.problem);
      case 'errno':
        throw errnoProblem(answer.errno, `${asked.op} on '${map.name}'`);
      case 'changed':
        return { elements: [], more: false };
      case 'elements':
        return answer;
    }
  }

  app.get(
    '/v1/sandboxes/:id/maps',
    {
      schema: {
        operationId: 'listMaps',
        summary: 'The maps of a sandbox',
        tags,
        params: SandboxParameters,
        querystring: NoQuery,
        response: { 200: MapList },
      },
    },
    async (request) => {
      const sandbox = await findSandbox(services, principalOf(request).tenant, request.params.id);
      return { maps: sandbox.maps.map(mapEntry) };
    },
  );

  app.get(
    '/v1/sandboxes/:id/maps/:map/entries',
    {
      config: { problems: MAP_PROBLEMS },
      schema: {
        operationId: 'listEntries',
        summary: 'Elements of a map, page by page',
        description:
          'By ascending key (an array by its index, others by their bytes), as they are between two runs: a run that goes on is waited for.',
        tags,
        params: MapParameters,
        querystring: PageQuery,
        response: { 200: EntryPage },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const { sandbox, map } = await elementMap(principal, request.params);
      const { after, limit } = request.query;
      const most = Math.min(
        limits.maxListedEntries,
        Math.max(1, Math.floor(limits.maxReturnedMapBytes / (map.keySize + map.valueSize))),
      );
      const count = wholeNumber('limit', limit, { least: 1, most, otherwise: Math.min(DEFAULT_PAGE, most) });
      const from = after === undefined ? null : sizedBytes(after, map.keySize, 'after');
      const { elements, more } = await command(principal, sandbox, map, { op: 'list', after: from, limit: count });
      const last = elements.at(-1);
      return { entries: elements.map(entryDocument), next: more && last !== undefined ? hex(last.key) : null };
    },
  );

  app.get(
    '/v1/sandboxes/:id/maps/:map/entries/:key',
    {
      config: { problems: MAP_PROBLEMS },
      schema: {
        operationId: 'getEntry',
        summary: 'One element',
        tags,
        params: EntryParameters,
        querystring: NoQuery,
        response: { 200: EntryDocument },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const { sandbox, map } = await elementMap(principal, request.params);
      const key = sizedBytes(request.params.key, map.keySize, 'key');
      const { elements } = await command(principal, sandbox, map, { op: 'lookup', key });
      return entryDocument(elements[0]!);
    },
  );

  app.put(
    '/v1/sandboxes/:id/maps/:map/entries/:key',
    {
      config: { problems: [...MAP_PROBLEMS, 'entry_exists', 'bad_bytes'] },
      schema: {
        operationId: 'putEntry',
        summary: 'Write an element (BPF_MAP_UPDATE_ELEM)',
        tags,
        params: EntryParameters,
        querystring: ModeQuery,
        body: { ...EntryBody, examples: [{ value: { hex: '0100000000000000' } }] },
        response: { 200: EntryDocument },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const { sandbox, map } = await elementMap(principal, request.params);
      const key = sizedBytes(request.params.key, map.keySize, 'key');
      const decoded = decodeBytes(request.body.value);
      const fault =
        'fault' in decoded
          ? decoded.fault
          : decoded.bytes.length === map.valueSize
            ? null
            : `has ${decoded.bytes.length} bytes, and the map's valueSize is ${map.valueSize}`;
      if (fault !== null || 'fault' in decoded) {
        const detail = fault ?? '';
        throw new ProblemError({
          code: 'bad_bytes',
          detail: `/value: ${detail}`,
          errors: [{ pointer: '/value', detail }],
        });
      }
      const flags = ELEMENT_FLAGS[oneOf('mode', request.query.mode, UPDATE_MODES)];
      await command(principal, sandbox, map, { op: 'update', key, value: decoded.bytes, flags });
      return entryDocument({ key, value: decoded.bytes });
    },
  );

  app.delete(
    '/v1/sandboxes/:id/maps/:map/entries/:key',
    {
      config: { problems: MAP_PROBLEMS },
      schema: {
        operationId: 'deleteEntry',
        summary: 'Delete an element (BPF_MAP_DELETE_ELEM)',
        tags,
        params: EntryParameters,
        querystring: NoQuery,
        response: { 204: Type.Null({ description: 'It is gone' }) },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      const { sandbox, map } = await elementMap(principal, request.params);
      const key = sizedBytes(request.params.key, map.keySize, 'key');
      await command(principal, sandbox, map, { op: 'delete', key });
      return reply.code(204).send(null);
    },
  );
}
