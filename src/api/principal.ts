/** Who asks: the owner of what a request makes, and the bucket that its rates and its place in the queue are counted in. */

import { isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';

export interface Principal {
  /** Owner of programs, runs, sandboxes, shares: what belongs to another tenant does not exist for this one. */
  readonly tenant: string;
  /** Fairness and rates are counted by it: the tenant, or the address of one who needs no key. */
  readonly bucket: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set at the door (authentication.ts); null on routes that need no key, and for a socket that has only a ticket. */
    principal: Principal | null;
  }
}

/** The principal of a request to a route that needs a key. */
export function principalOf({ principal }: FastifyRequest): Principal {
  if (principal === null) throw new Error('a route asks for a principal, and its address needs no key');
  return principal;
}

/** Groups of 16 bits of an IPv6 address that name a network: behind one line of a customer stands a /64. */
const NETWORK_GROUPS = 4;

/** The bucket of an address: an IPv4 address itself (also in its IPv6 spelling), the network of an IPv6 address. */
export function bucketOfAddress(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - after.length);
  const all = [...groups, ...Array.from({ length: zeros }, () => '0'), ...after];
  return `${all
    .slice(0, NETWORK_GROUPS)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
