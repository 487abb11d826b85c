/** Sandboxes and their maps by the names in a path. */

import { Type } from 'typebox';
import type { MapFacts } from '../contract/sandbox-task.ts';
import { closed } from '../contract/schema.ts';
import type { Sandbox } from '../sandboxes/sandbox.ts';
import { ProblemError } from './problem-error.ts';
import type { Services } from './services.ts';

export const SandboxParameters = Type.Object({ id: Type.String({ description: 'The id of a sandbox' }) }, closed);

export const MapParameters = Type.Object(
  { ...SandboxParameters.properties, map: Type.String({ description: 'The name of a map' }) },
  closed,
);

const SANDBOX_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The tenant's sandbox.
 * @throws ProblemError not_found, alike for an unknown id, an expired one and another tenant's
 */
export async function findSandbox({ sandboxes }: Services, tenant: string, id: string): Promise<Sandbox> {
  const sandbox = SANDBOX_ID.test(id) ? await sandboxes.find(tenant, id) : null;
  if (sandbox !== null) return sandbox;
  throw noSandbox();
}

/** For a sandbox that is not there, or ended while a request about it waited. */
export function noSandbox(): ProblemError {
  const detail =
    'There is no sandbox with this id; it may have expired (expiresAt), and PATCH with a ttl would have kept it.';
  return new ProblemError({ code: 'not_found', detail });
}

/**
 * A map of a sandbox, with its number.
 * @throws ProblemError not_found
 */
export function findMap(sandbox: Sandbox, name: string): MapFacts & { readonly number: number } {
  const number = sandbox.maps.findIndex((map) => map.name === name);
  const map = sandbox.maps[number];
  if (map !== undefined) return { ...map, number };
  const known = sandbox.maps.map((one) => one.name).join(', ');
  throw new ProblemError({ code: 'not_found', detail: `The sandbox has no such map; it has: ${known || 'none'}.` });
}

/** Is there room for one more run, map command, copy or program? */
export function checkSandboxQueue(sandbox: Sandbox, { limits: { maxSandboxQueue } }: Services): void {
  if (sandbox.queued < maxSandboxQueue) return;
  const detail = `${sandbox.queued} requests about this sandbox wait already (limit maxSandboxQueue).`;
  throw new ProblemError({ code: 'queue_full', detail, limit: 'maxSandboxQueue' });
}
