/** Tells failures of the disk from our own bugs. */

/** SQLite's result codes (sqlite.org/rescode.html, low byte): PERM, BUSY, NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB. */
const DISK_CODES: readonly number[] = [3, 5, 7, 8, 10, 11, 13, 14, 26];

/** Does the error come from the disk: a failed system call, or what SQLite makes of one? */
export function isDiskError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { errcode, syscall } = error as { readonly errcode?: number; readonly syscall?: string };
  return errcode === undefined ? syscall !== undefined : DISK_CODES.includes(errcode & 0xff);
}
