/** What a sleepable program may be and use (kernel: can_be_sleepable, check_map_prog_compatibility). */

import type { MapType } from '../spec/maps.ts';
import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import type { ProgramType } from '../spec/programs.ts';
import type { Refusal } from './rules.ts';

/** Prog arrays are not among them: a tail call from a sleepable program is refused by its map. */
const MAPS: readonly MapType[] = [
  'hash',
  'lru_hash',
  'array',
  'percpu_hash',
  'percpu_array',
  'lru_percpu_hash',
  'array_of_maps',
  'hash_of_maps',
  'ringbuf',
  'user_ringbuf',
  'inode_storage',
  'sk_storage',
  'task_storage',
  'cgrp_storage',
  'queue',
  'stack',
  'arena',
];

/** Of tracing only some attach types can sleep; which one a program has is not looked at here. */
const TYPES: readonly ProgramType[] = ['tracing', 'lsm', 'kprobe', 'struct_ops', 'syscall'];

/** Was the program loaded with BPF_F_SLEEPABLE? */
export function isSleepable(program: Pick<ProgramSpec, 'flags'>): boolean {
  return program.flags.includes('sleepable');
}

/** A map that a sleepable program refers to. */
export function checkSleepableMap(map: MapSpec, pc: number): Refusal | null {
  if (MAPS.includes(map.type)) return null;
  const message = 'Sleepable programs can only use array, hash, ringbuf and local storage maps';
  return { rule: 'sleepable_map', pc, message };
}

/** May, or must, a program of this type sleep? */
export function checkSleepable(program: Pick<ProgramSpec, 'type' | 'flags'>): Refusal | null {
  if (program.type === 'syscall') {
    if (isSleepable(program)) return null;
    return { rule: 'sleepable_type', pc: null, message: 'Syscall programs can only be sleepable' };
  }
  if (!isSleepable(program) || TYPES.includes(program.type)) return null;
  const message = 'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable';
  return { rule: 'sleepable_type', pc: null, message };
}
