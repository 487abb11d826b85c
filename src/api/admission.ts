/** What may come in now: rates of the client first, then room in the process. Both answer before a body is read. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { isShared, needsKey } from './authentication.ts';
import { principalOf } from './principal.ts';
import { ProblemError } from './problem-error.ts';
import type { RequestKind } from './quotas.ts';
import type { Api, Services } from './services.ts';

/** Posted, but no work: it costs a few bytes for half a minute. */
const CHEAP_POSTS: readonly string[] = ['/v1/trace-tickets'];

type Gate = Pick<Services, 'quotas' | 'load' | 'metrics'>;

/**
 * Lets work of a bucket in that no HTTP request stands for: a run that a socket asks for.
 * @throws ProblemError rate_limited, overloaded
 */
export function admitWork(gate: Gate, bucket: string): void {
  admit(gate, bucket, 'work');
}

function admit({ quotas, load, metrics }: Gate, bucket: string, kind: RequestKind, reply?: FastifyReply): void {
  const { headers, refusal } = quotas.admit(bucket, kind);
  reply?.headers(headers);
  if (refusal !== null) {
    metrics.rateLimited(refusal.policy);
    throw new ProblemError(refusal.problem);
  }
  const shed = kind === 'work' ? load.refusal() : null;
  if (shed === null) return;
  metrics.shed(shed.reason);
  throw new ProblemError(shed.problem);
}

/** A request that makes something needs room; one that reads, changes or deletes does not. */
function kindOf({ method, routeOptions: { url = '' } }: FastifyRequest): RequestKind {
  return method === 'POST' && !CHEAP_POSTS.includes(url) ? 'work' : 'read';
}

/** Registers the gate for all routes that come after it; it must come after the door. */
export function registerAdmission(app: Api, gate: Gate): void {
  app.addHook('onRequest', async (request, reply) => {
    const { url } = request.routeOptions;
    // Without a ticket's owner a socket is counted by nobody; the door of the socket looks at it.
    if (url === undefined || !(needsKey(url) || isShared(url)) || request.principal === null) return;
    admit(gate, principalOf(request).bucket, kindOf(request), reply);
  });
}
