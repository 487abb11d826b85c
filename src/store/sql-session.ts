/** What every query of the store works with: one transaction, the blobs, the clock; and how a value lies in a column. */

import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Tables } from './sql-tables.ts';
import type { Quota } from './store.ts';

/** A value of more bytes is a blob, and its column holds its hash. */
export const MAX_INLINE_BYTES = 64 * 1024;

/** Where large values lie. What `put` wrote must be durable before the transaction that refers to it is. */
export interface Blobs {
  /** Stores bytes under their SHA-256 (hex). */
  put(hash: string, bytes: Uint8Array): Promise<void>;
  get(hash: string): Promise<Uint8Array>;
  /** Nothing of this transaction refers to the blob any more; to be removed after the commit if nothing else does either. */
  release(hash: string): void;
}

export interface Session {
  /** Inside a transaction. */
  readonly db: Kysely<Tables>;
  readonly blobs: Blobs;
  readonly quota: Quota;
  /** ms since 1970. */
  readonly now: number;
}

/** Does work in one transaction: all of it when the promise resolves, nothing when it rejects. */
export type Transact = <Answer>(work: (session: Session) => Promise<Answer>) => Promise<Answer>;

/*
 * A cell, the content of a column with a value:
 *
 *   +---+------------------+        +---+-----------------+
 *   | 0 | the bytes        |   or   | 1 | SHA-256, 32 B   |
 *   +---+------------------+        +---+-----------------+
 */
const INLINE = 0;
const BLOB = 1;

/** Puts a value where it belongs. `owner`: the row's key, under which releaseOwners lets go of all its blobs. */
export async function putCell({ db, blobs }: Session, owner: string, value: string | Uint8Array): Promise<Uint8Array> {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  if (bytes.length <= MAX_INLINE_BYTES) return cell(INLINE, bytes);
  const digest = createHash('sha256').update(bytes).digest();
  const hash = digest.toString('hex');
  await blobs.put(hash, bytes);
  await db
    .insertInto('blob_uses')
    .values({ owner, hash })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return cell(BLOB, digest);
}

export async function getCell({ blobs }: Session, stored: Uint8Array): Promise<Uint8Array> {
  const content = stored.subarray(1);
  // A copy of its own size: what the driver gave may be a view of something larger.
  return stored[0] === INLINE ? content.slice() : blobs.get(Buffer.from(content).toString('hex'));
}

export async function getText(session: Session, stored: Uint8Array): Promise<string> {
  return Buffer.from(await getCell(session, stored)).toString('utf8');
}

/** Lets go of the blobs of rows that are deleted. */
export async function releaseOwners({ db, blobs }: Session, owners: readonly string[]): Promise<void> {
  const uses = await db.deleteFrom('blob_uses').where('owner', 'in', owners).returning('hash').execute();
  for (const { hash } of uses) blobs.release(hash);
}

function cell(tag: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + content.length);
  bytes[0] = tag;
  bytes.set(content, 1);
  return bytes;
}
