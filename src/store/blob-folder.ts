/**
 * Large values as files named by the SHA-256 of their content. A file appears by rename after its bytes are on the disk, so under a hash
 * stands the whole content or nothing, whenever the process or the machine ends.
 */

import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  opendirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { StoreFailure } from './store.ts';

const TEMPORARY = '.tmp';
const HASH = /^[0-9a-f]{64}$/;

export class BlobFolder {
  readonly #path: string;
  #isDirty = false;

  /** Opens the folder, made if it is missing. */
  constructor(path: string) {
    this.#path = path;
    mkdirSync(path, { recursive: true });
  }

  /**
   * Writes a blob; durable after the next `sync`. It is written though it may be there already: who stores it would see by the time
   * that somebody else has the same bytes.
   */
  put(hash: string, bytes: Uint8Array): void {
    const temporary = join(this.#path, `${randomUUID()}${TEMPORARY}`);
    try {
      writeDurably(temporary, bytes);
      renameSync(temporary, join(this.#path, hash));
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    this.#isDirty = true;
  }

  /** @throws StoreFailure when the bytes are not those of the name */
  get(hash: string): Uint8Array {
    const bytes = readFileSync(join(this.#path, hash));
    const found = createHash('sha256').update(bytes).digest('hex');
    if (found !== hash)
      throw new StoreFailure(`the blob ${hash} holds other bytes: the disk or somebody else changed it`);
    return bytes;
  }

  delete(hash: string): void {
    rmSync(join(this.#path, hash), { force: true });
  }

  /** Makes the names of the blobs that were put durable. */
  sync(): void {
    if (!this.#isDirty) return;
    syncFolder(this.#path);
    this.#isDirty = false;
  }

  /** Removes what a process that was ended has left: temporary files, and blobs that nothing refers to. How many. */
  sweep(isUsed: (hash: string) => boolean): number {
    let removed = 0;
    const folder = opendirSync(this.#path);
    try {
      for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
        const { name } = entry;
        const isOrphan = name.endsWith(TEMPORARY) || (HASH.test(name) && !isUsed(name));
        if (!isOrphan) continue;
        rmSync(join(this.#path, name), { force: true });
        removed += 1;
      }
    } finally {
      folder.closeSync();
    }
    return removed;
  }
}

function writeDurably(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes the names in a folder durable. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
