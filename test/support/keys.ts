/** Two tenants with keys, for tests of who may see what. */

import { readApiKeys } from '../../src/api-keys.ts';

const SECRETS = { alice: `alice-secret-${'1'.repeat(32)}`, bob: `bob-secret-${'2'.repeat(32)}` } as const;

export type Tenant = keyof typeof SECRETS;

/** Every secret, for a test that looks for them where they must not be. */
export const ALL_SECRETS: readonly string[] = Object.values(SECRETS);

/** For the configuration of a service. */
export const API_KEYS = readApiKeys(
  Object.entries(SECRETS)
    .map(([id, secret]) => `${id}:${secret}`)
    .join(),
);

export function keyOf(tenant: Tenant): string {
  return `Bearer ${tenant}.${SECRETS[tenant]}`;
}
