/** Commands of user space on a map, as bpf(2) answers them (kernel/bpf/syscall.c: map_lookup_elem, map_update_elem, map_delete_elem). */

import type { Element, MapCommand, MapTask, SandboxAnswer } from '../contract/sandbox-task.ts';
import { ERRNO } from '../spec/errno.ts';
import { MAP_FLAGS } from '../spec/maps.ts';
import type { MapSpec } from '../spec/object.ts';
import type { GuestMemory } from '../vm/guest-memory.ts';
import { captureMaps, restoreMaps } from '../vm/image.ts';
import { createMap, mapFootprint } from '../vm/maps/index.ts';
import { UPDATE, type VmMap } from '../vm/maps/map.ts';
import type { Resources } from './resources.ts';
import { partsOf } from './sandbox.ts';

/** Runs a command on a copy of the sandbox's maps; a change is answered with the maps after it. */
export function runMapCommand(resources: Resources, task: MapTask): SandboxAnswer {
  const { maps: specs } = partsOf(task.state.linked);
  const spec = specs[task.map];
  if (spec === undefined || spec.type === 'prog_array') throw new Error(`map ${task.map} takes no commands`);
  const refusal = accessRefusal(spec, task.command);
  if (refusal !== null) return { kind: 'errno', errno: refusal };
  const scratch = spec.keySize + spec.valueSize + 8;
  const bytes = specs.reduce((sum, map) => sum + mapFootprint(map), scratch + 64);
  const memory = resources.memories.acquire(bytes);
  if (memory === undefined) throw new Error(`no memory of this thread has ${bytes} bytes free`);
  try {
    const placed = { memory, maps: specs.map((map, index) => createMap(memory, index, map)), mapBytes: memory.used };
    restoreMaps(placed, task.state.image);
    const errno = carryOut(memory, placed.maps[task.map]!, task.command);
    if (typeof errno !== 'number') return errno;
    if (errno !== 0) return { kind: 'errno', errno: errnoName(errno) };
    return { kind: 'changed', image: captureMaps(placed) };
  } finally {
    resources.memories.release(memory);
  }
}

/** Who may not read or write (kernel: map_get_sys_perms; a frozen map is not written): EPERM, in front of all else. */
function accessRefusal({ flags, frozen }: MapSpec, { op }: MapCommand): string | null {
  const reads = op === 'list' || op === 'lookup';
  const refused = reads ? (flags & MAP_FLAGS.wronly) !== 0 : frozen || (flags & MAP_FLAGS.rdonly) !== 0;
  return refused ? 'EPERM' : null;
}

function errnoName(result: number): string {
  return Object.entries(ERRNO).find(([, number]) => number === -result)?.[0] ?? String(result);
}

/** Elements, or what the map's own operation says: 0 or a negative errno. */
function carryOut(memory: GuestMemory, map: VmMap, command: MapCommand): SandboxAnswer | number {
  const { keySize, valueSize } = map.spec;
  if (command.op === 'list') return listed(map, command.after, command.limit);
  const key = memory.allocate(keySize);
  memory.bytes.set(command.key, key);
  switch (command.op) {
    case 'lookup': {
      const address = map.lookup(key);
      if (address === 0) return -ERRNO.ENOENT;
      const value = Uint8Array.from(memory.bytes.subarray(address, address + valueSize));
      return { kind: 'elements', elements: [{ key: command.key, value }], more: false };
    }
    case 'update': {
      // Values have no spin lock here: the system call says so before it asks the map.
      if ((BigInt(command.flags) & UPDATE.LOCK) !== 0n) return -ERRNO.EINVAL;
      const value = memory.allocate(valueSize);
      memory.bytes.set(command.value, value);
      return map.update(key, value, BigInt(command.flags));
    }
    case 'delete':
      return map.delete(key);
  }
}

/** By ascending key bytes, so that a page goes on behind a key that was deleted meanwhile. */
function listed(map: VmMap, after: Uint8Array | null, limit: number): SandboxAnswer {
  const elements: Element[] = map
    .entries()
    .map(({ key, value }) => ({ key, value }))
    .filter(({ key }) => after === null || orderOf(map.spec, key, after) > 0)
    .sort((left, right) => orderOf(map.spec, left.key, right.key));
  return { kind: 'elements', elements: elements.slice(0, limit), more: elements.length > limit };
}

/** Arrays by their index, which is little-endian; others by their bytes. */
function orderOf({ type }: MapSpec, left: Uint8Array, right: Uint8Array): number {
  return type === 'hash' ? Buffer.compare(left, right) : indexOf(left) - indexOf(right);
}

function indexOf(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset).getUint32(0, true);
}
