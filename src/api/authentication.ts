/** The door: who asks is known before anything else of a request is looked at. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { ANONYMOUS } from '../api-keys.ts';
import type { KeyRing } from './key-ring.ts';
import { bucketOfAddress } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import type { Api } from './services.ts';

/** Routes under /v1 that need no key: they tell what the server is, and nothing of anybody. */
const OPEN_ROUTES: readonly string[] = ['/v1/info', '/v1/limits', '/v1/outcomes'];
/** The socket's own door (traces.ts) takes a ticket, since a browser cannot send a key with an upgrade. */
const TICKET_ROUTE = '/v1/traces';

/** Routes for which an id that nobody can guess is key enough; who asks is counted by his address. */
const SHARED_ROUTES: readonly string[] = ['/v1/shares/:id'];

/** Does an address need a key, when there are keys? Its pattern decides, since a path can be spelt in many ways. */
export function needsKey(pattern: string): boolean {
  return (pattern === '/v1' || pattern.startsWith('/v1/')) && !OPEN_ROUTES.includes(pattern) && !isShared(pattern);
}

/** May anybody who has the id ask here, with or without a key? */
export function isShared(pattern: string): boolean {
  return SHARED_ROUTES.includes(pattern);
}

function refuse(reply: FastifyReply, error: '' | ', error="invalid_token"', detail: string): never {
  reply.header('www-authenticate', `Bearer realm="waggle"${error}`);
  throw new ProblemError({ code: 'not_authenticated', detail });
}

/** Says who asks, or refuses. */
function authenticate(request: FastifyRequest, reply: FastifyReply, keys: KeyRing): void {
  if (!keys.isRequired || isShared(request.routeOptions.url ?? '')) {
    request.principal = { tenant: ANONYMOUS, bucket: bucketOfAddress(request.ip) };
    return;
  }
  // An address without a route has no pattern, and holds nothing to protect.
  if (!needsKey(request.routeOptions.url ?? request.url)) return;
  const { authorization } = request.headers;
  if (authorization === undefined) {
    if (request.routeOptions.url === TICKET_ROUTE && request.ws) return;
    refuse(reply, '', 'This server needs a key: send the header Authorization: Bearer <id>.<secret>.');
  }
  const answer = keys.look(authorization);
  if (answer.kind === 'known') {
    request.principal = { tenant: answer.id, bucket: answer.id };
    return;
  }
  refuse(
    reply,
    ', error="invalid_token"',
    answer.kind === 'malformed'
      ? 'The Authorization header is not of the form Bearer <id>.<secret>.'
      : 'No key of this server (WAGGLE_API_KEYS) has this id and this secret.',
  );
}

/** Registers the door for all routes that come after it; it must come after the plugin of sockets, which marks upgrades. */
export function registerAuthentication(app: Api, keys: KeyRing): void {
  app.decorateRequest('principal', null);
  app.addHook('onRequest', async (request, reply) => authenticate(request, reply, keys));
}
