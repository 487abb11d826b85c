/** The keys that are good here, and whose a given one is. */

import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type ApiKey, hashOfSecret, MAX_SECRET_LENGTH, MAX_SECRETS_PER_KEY } from '../api-keys.ts';

const BEARER = /^Bearer +([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9._~+/=-]+)$/i;
const HASH_BYTES = 32;

/** Whose key it is; `malformed`: not of the form `Bearer <id>.<secret>`; `unknown`: no such id, or another secret. */
export type KeyAnswer =
  | { readonly kind: 'known'; readonly id: string }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'unknown' };

export class KeyRing {
  readonly #keys: ReadonlyMap<string, readonly Uint8Array[]>;
  /** Compared with when there is nothing else to compare with: no secret has this hash. */
  readonly #dummy = randomBytes(HASH_BYTES);

  constructor(keys: readonly ApiKey[]) {
    this.#keys = new Map(keys.map(({ id, hashes }) => [id, hashes]));
  }

  /** Whether there are keys at all: without them everybody comes in. */
  get isRequired(): boolean {
    return this.#keys.size > 0;
  }

  /** Whose key an Authorization header holds. Unknown ids and wrong secrets take the same comparisons. */
  look(authorization: string): KeyAnswer {
    const [, id, secret] = BEARER.exec(authorization) ?? [];
    if (id === undefined || secret === undefined || secret.length > MAX_SECRET_LENGTH) return { kind: 'malformed' };
    const hash = hashOfSecret(secret);
    const own = this.#keys.get(id) ?? [];
    let isEqual = false;
    for (let index = 0; index < MAX_SECRETS_PER_KEY; index += 1) {
      // The comparison is made in any case, hence its place in front of the other one.
      isEqual = timingSafeEqual(hash, own[index] ?? this.#dummy) || isEqual;
    }
    return isEqual ? { kind: 'known', id } : { kind: 'unknown' };
  }
}
