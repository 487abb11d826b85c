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

/** By ascending key, so that a page goes on behind a key that was deleted meanwhile: an array by its index, others by their bytes. */
function listed(map: VmMap, after: Uint8Array | null, limit: number): SandboxAnswer {
  const places = map.spec.type === 'hash' ? leastKeys(map, after, limit + 1) : indexes(map, after, limit + 1);
  const elements: Element[] = places.slice(0, limit).map((place) => {
    const { key, value } = map.elementAt(place);
    return { key, value };
  });
  return { kind: 'elements', elements, more: places.length > limit };
}

function indexes({ places }: VmMap, after: Uint8Array | null, most: number): number[] {
  const first = after === null ? 0 : new DataView(after.buffer, after.byteOffset).getUint32(0, true) + 1;
  return Array.from({ length: Math.max(0, Math.min(most, places - first)) }, (_, index) => first + index);
}

/** Places of the `most` least keys behind `after`. A map may have millions of keys: no more than these are kept at a time. */
function leastKeys(map: VmMap, after: Uint8Array | null, most: number): number[] {
  const kept: { readonly key: Uint8Array; readonly place: number }[] = [];
  for (let place = 0; place < map.places; place++) {
    const key = map.keyAt(place);
    if (key === null || (after !== null && Buffer.compare(key, after) <= 0)) continue;
    let low = 0;
    for (let high = kept.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (Buffer.compare(kept[middle]!.key, key) < 0) low = middle + 1;
      else high = middle;
    }
    if (low >= most) continue;
    kept.splice(low, 0, { key, place });
    if (kept.length > most) kept.pop();
  }
  return kept.map(({ place }) => place);
}
