/** Errors on their way from the store's thread to the API thread, and what each means to a caller. */

import { DataFolderError } from './data-folder-error.ts';
import { isDiskError } from './disk-error.ts';
import { StoreFailure } from './store.ts';

export interface SentError {
  readonly kind: 'failure' | 'folder' | 'range' | 'defect';
  readonly message: string;
  readonly stack: string;
}

export function sentError(error: unknown): SentError {
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  return { kind: kindOf(error), message, stack };
}

function kindOf(error: unknown): SentError['kind'] {
  if (error instanceof DataFolderError) return 'folder';
  if (error instanceof RangeError) return 'range';
  if (error instanceof StoreFailure || isDiskError(error)) return 'failure';
  return 'defect';
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
