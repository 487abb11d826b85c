/** Errors on their way from the store's thread to the API thread, and what each means to a caller. */

import { DataFolderError } from './data-folder-error.ts';
import { StoreFailure } from './store.ts';

export interface SentError {
  readonly kind: 'failure' | 'folder' | 'range' | 'defect';
  readonly message: string;
  readonly stack: string;
}

/**
 * SQLite's result codes (sqlite.org/rescode.html, low byte) that tell of the disk and not of our own bugs: PERM, BUSY, NOMEM, READONLY,
 * IOERR, CORRUPT, FULL, CANTOPEN, NOTADB.
 */
const DISK_CODES: readonly number[] = [3, 5, 7, 8, 10, 11, 13, 14, 26];

export function sentError(error: unknown): SentError {
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  return { kind: kindOf(error), message, stack };
}

function kindOf(error: unknown): SentError['kind'] {
  if (error instanceof DataFolderError) return 'folder';
  if (error instanceof RangeError) return 'range';
  if (error instanceof StoreFailure || isOfDisk(error)) return 'failure';
  return 'defect';
}

function isOfDisk(error: unknown): boolean {
  const { errcode, syscall } = error as { errcode?: number; syscall?: string };
  return errcode === undefined ? syscall !== undefined : DISK_CODES.includes(errcode & 0xff);
}

/** The error that the caller gets; its stack is that of the thread. */
export function receivedError({ kind, message, stack }: SentError): Error {
  const error =
    kind === 'failure'
      ? new StoreFailure(message)
      : kind === 'folder'
        ? new DataFolderError(message)
        : kind === 'range'
          ? new RangeError(message)
          : new Error(message);
  error.stack = stack;
  return error;
}
