/** Who asks: the owner of what a request makes, and the bucket that its rates and its place in the queue are counted in. */

import type { FastifyRequest } from 'fastify';

/** The one owner while no keys are set. */
export const ANONYMOUS = 'anonymous';

export interface Principal {
  /** Owner of programs, runs, sandboxes, shares: what belongs to another tenant does not exist for this one. */
  readonly tenant: string;
  /** Fairness and rates are counted by it: the tenant, or the address of one who needs no key. */
  readonly bucket: string;
}

/** The principal of a request. */
export function principalOf(request: FastifyRequest): Principal {
  return { tenant: ANONYMOUS, bucket: request.ip };
}
