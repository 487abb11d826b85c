import { constants } from 'node:os';

/** ENOTSUPP is the kernel's own and leaks out of bpf(2); Node does not know it. */
const ENOTSUPP = 524;

/** Name of an errno; its number as text where it has none. */
export function errnoName(errno: number): string {
  if (errno === ENOTSUPP) return 'ENOTSUPP';
  const row = Object.entries(constants.errno).find(([, value]) => value === errno);
  return row?.[0] ?? String(errno);
}
