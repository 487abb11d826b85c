/**
 * WAGGLE_API_KEYS: who may use the service. Entries separated by commas, each `id:secret` or `id:sha256=<hex>`, where hex is the SHA-256 of the
 * secret. An id that stands twice has two good secrets, so that a secret can be changed without a gap. Only hashes are kept.
 */

import { createHash } from 'node:crypto';

/** Fewest characters of a secret: 32 hex digits are 128 bits. */
export const MIN_SECRET_LENGTH = 32;
export const MAX_SECRET_LENGTH = 256;
/** Secrets that one id may have at a time: the old one and the new one. */
export const MAX_SECRETS_PER_KEY = 2;
/** Entries of the list. */
export const MAX_API_KEYS = 1_000;
/** The tenant of everybody while no keys are set, so no key may have its name. */
export const ANONYMOUS = 'anonymous';

const ID = /^[A-Za-z0-9_-]{1,64}$/;
/** What RFC 6750 §2.1 lets stand in a bearer token. */
const SECRET = /^[A-Za-z0-9._~+/-]+=*$/;
const HASH_MARK = 'sha256=';
const HASH = /^[0-9a-f]{64}$/i;

export interface ApiKey {
  readonly id: string;
  /** SHA-256 of each good secret, 32 bytes; one, or MAX_SECRETS_PER_KEY. */
  readonly hashes: readonly Uint8Array[];
}

export function hashOfSecret(secret: string): Uint8Array {
  return createHash('sha256').update(secret).digest();
}

/**
 * Reads the list.
 * @throws Error that says which entry is wrong and why. It quotes an id, but never what stands behind it.
 */
export function readApiKeys(list: string): ApiKey[] {
  const entries = list
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  if (entries.length > MAX_API_KEYS) throw new Error(`${entries.length} keys are more than ${MAX_API_KEYS}`);
  const hashes = new Map<string, Uint8Array[]>();
  for (const [index, entry] of entries.entries()) {
    const { id, hash } = readEntry(entry, `key ${index + 1} of ${entries.length}`);
    const own = hashes.get(id) ?? [];
    hashes.set(id, own);
    own.push(hash);
    if (own.length > MAX_SECRETS_PER_KEY) {
      throw new Error(`the id ${id} stands more than ${MAX_SECRETS_PER_KEY} times: an old and a new secret are enough`);
    }
  }
  return [...hashes].map(([id, own]) => Object.freeze({ id, hashes: Object.freeze(own) }));
}

function readEntry(entry: string, place: string): { readonly id: string; readonly hash: Uint8Array } {
  const colon = entry.indexOf(':');
  if (colon < 0) throw new Error(`${place} has no colon; write id:secret or id:${HASH_MARK}<64 hex digits>`);
  const id = entry.slice(0, colon);
  const secret = entry.slice(colon + 1);
  if (!ID.test(id)) throw new Error(`${place} needs an id of 1 to 64 letters, digits, - or _ in front of its colon`);
  const named = `${place} (id ${id})`;
  if (id === ANONYMOUS) throw new Error(`${named}: this name stands for everybody who needs no key; choose another id`);
  if (secret.startsWith(HASH_MARK)) {
    const hex = secret.slice(HASH_MARK.length);
    if (!HASH.test(hex)) throw new Error(`${named}: behind ${HASH_MARK} must stand 64 hex digits, a SHA-256`);
    return { id, hash: Buffer.from(hex, 'hex') };
  }
  if (secret.length < MIN_SECRET_LENGTH || secret.length > MAX_SECRET_LENGTH) {
    throw new Error(
      `${named}: the secret has ${secret.length} characters; it needs ${MIN_SECRET_LENGTH} to ${MAX_SECRET_LENGTH} ` +
        '(openssl rand -hex 32 makes one)',
    );
  }
  if (!SECRET.test(secret)) {
    throw new Error(`${named}: a secret is made of letters, digits and . _ ~ + / -, with = at its end only`);
  }
  return { id, hash: hashOfSecret(secret) };
}
