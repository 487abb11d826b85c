/**
 * Commands of user space on a prog array, as bpf(2) answers them: which errno, and in which order the checks come (kernel: map_update_elem,
 * bpf_fd_array_map_update_elem, prog_fd_array_get_ptr, fd_array_map_delete_elem). Pure: the caller holds the array and writes its slots.
 * Lookup-and-delete, the batch commands and mmap are not there: ENOTSUPP.
 */

import type { ErrnoName } from './errno.ts';
import { MAP_FLAGS } from './maps.ts';
import { type OwnedProgram, type ProgArrayOwner, progArrayCompatible, progArrayOwner } from './prog-array-owner.ts';
import { isProgramType, PROGRAM_TYPES } from './programs.ts';

/** A prog array as its commands see it. */
export interface ProgArray {
  readonly maxEntries: number;
  /** MAP_FLAGS bits; `rdonly` and `wronly` limit what user space may do. */
  readonly flags: number;
  readonly frozen: boolean;
  /** What the first program bound the array to; null: nothing yet. */
  readonly owner: ProgArrayOwner | null;
  /** Number of the program in each filled slot. */
  readonly slots: ReadonlyMap<number, number>;
}

/** What an update offers: a program, or a descriptor of something else, or none at all. */
export type OfferedProgram = (OwnedProgram & { readonly number: number }) | 'not_a_program' | 'bad_descriptor';

/** Flags of an element command (uapi). */
export const ELEMENT_FLAGS = { any: 0, noexist: 1, exist: 2, lock: 4 } as const;

type Failed = { readonly errno: ErrnoName };

function mayRead(array: ProgArray): boolean {
  return (array.flags & MAP_FLAGS.wronly) === 0;
}

function mayWrite(array: ProgArray): boolean {
  return (array.flags & MAP_FLAGS.rdonly) === 0 && !array.frozen;
}

/**
 * BPF_MAP_UPDATE_ELEM. On success the slot holds the program, whatever it held before, and the array belongs to `owner`.
 * Order: access or frozen EPERM, flags EINVAL, index E2BIG, descriptor EBADF or EINVAL, compatibility EINVAL.
 */
export function progArrayUpdate(
  array: ProgArray,
  index: number,
  offered: OfferedProgram,
  flags: number = ELEMENT_FLAGS.any,
): Failed | { readonly errno: null; readonly owner: ProgArrayOwner } {
  if (!mayWrite(array)) return { errno: 'EPERM' };
  if (flags !== ELEMENT_FLAGS.any) return { errno: 'EINVAL' };
  if (index >= array.maxEntries) return { errno: 'E2BIG' };
  if (offered === 'bad_descriptor') return { errno: 'EBADF' };
  if (offered === 'not_a_program') return { errno: 'EINVAL' };
  if (!isProgramType(offered.type) || PROGRAM_TYPES[offered.type].tailCalls !== 'yes') return { errno: 'EINVAL' };
  if (array.owner !== null && !progArrayCompatible(array.owner, offered)) return { errno: 'EINVAL' };
  return { errno: null, owner: array.owner ?? progArrayOwner(offered) };
}

/** BPF_MAP_DELETE_ELEM: EPERM, E2BIG, ENOENT for an empty slot, else the slot is emptied. The owner stays. */
export function progArrayDelete(array: ProgArray, index: number): { readonly errno: ErrnoName | null } {
  if (!mayWrite(array)) return { errno: 'EPERM' };
  if (index >= array.maxEntries) return { errno: 'E2BIG' };
  return { errno: array.slots.has(index) ? null : 'ENOENT' };
}

/** BPF_MAP_LOOKUP_ELEM: the number of the slot's program. An empty slot and one past the end are alike. */
export function progArrayLookup(
  array: ProgArray,
  index: number,
  flags: number = ELEMENT_FLAGS.any,
): Failed | { readonly errno: null; readonly program: number } {
  if ((flags & ~ELEMENT_FLAGS.lock) !== 0) return { errno: 'EINVAL' };
  if (!mayRead(array)) return { errno: 'EPERM' };
  if (flags !== ELEMENT_FLAGS.any) return { errno: 'EINVAL' };
  const program = array.slots.get(index);
  return program === undefined ? { errno: 'ENOENT' } : { errno: null, program };
}

/** BPF_MAP_GET_NEXT_KEY: goes over all indexes, empty slots too. `index` null, or past the end, gives 0. */
export function progArrayNextKey(
  array: ProgArray,
  index: number | null,
): Failed | { readonly errno: null; readonly index: number } {
  if (!mayRead(array)) return { errno: 'EPERM' };
  if (index === null || index >= array.maxEntries) return { errno: null, index: 0 };
  return index === array.maxEntries - 1 ? { errno: 'ENOENT' } : { errno: null, index: index + 1 };
}

/** BPF_MAP_FREEZE. A frozen array cannot be frozen again, since it cannot be written. */
export function progArrayFreeze(array: ProgArray): { readonly errno: ErrnoName | null } {
  return { errno: mayWrite(array) ? null : 'EPERM' };
}
