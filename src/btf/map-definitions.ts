/**
 * Maps as C source defines them in the `.maps` section: a struct whose member types carry the numbers (libbpf parse_btf_map_def).
 * `__uint(type, 3)` is `int (*type)[3]`: a pointer to an array of 3; `__type(key, T)` is a pointer to T; `__array(values, T)` is
 * a flexible array of pointers, whose initial elements are relocations.
 */

import { MapDefinitionError } from './error.ts';
import { MAX_MAP_DEFINITIONS, MAX_MAP_MEMBERS } from './limits.ts';
import { sizeOfType, skipModifiers } from './resolve.ts';
import type { Btf, BtfMember, BtfType } from './types.ts';

/** BPF_MAP_TYPE_* numbers that `__array(values, ...)` is for. */
const PROG_ARRAY = 3;
const MAPS_OF_MAPS: readonly number[] = [12, 13];
const SLOT_VALUE_BYTES = 4;

export interface MapDefinition {
  readonly name: string;
  /** Byte offset of the variable in `.maps`, and its size there. */
  readonly offset: number;
  readonly size: number;
  /** BPF_MAP_TYPE_*. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* bits. */
  readonly flags: number;
  readonly mapExtra: number;
  readonly pinned: boolean;
  /** Byte offset, inside the variable, of the first initial element of `values`; null without such a member. */
  readonly valuesOffset: number | null;
}

interface Draft {
  type: number;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  flags: number;
  mapExtra: number;
  pinned: boolean;
  valuesOffset: number | null;
}

/** Members of the form `__uint(name, number)` and what they set. */
const NUMBER_MEMBERS: Readonly<Record<string, (draft: Draft, value: number, map: string) => void>> = {
  type: (draft, value) => {
    draft.type = value;
  },
  max_entries: (draft, value) => {
    draft.maxEntries = value;
  },
  map_flags: (draft, value) => {
    draft.flags = value;
  },
  // The kernel looks at the node only together with a flag, and one machine has one node here.
  numa_node: () => {},
  map_extra: (draft, value) => {
    draft.mapExtra = value;
  },
  key_size: (draft, value, map) => setSize(draft, 'keySize', value, map),
  value_size: (draft, value, map) => setSize(draft, 'valueSize', value, map),
  pinning: (draft, value, map) => {
    if (value > 1) throw new MapDefinitionError(map, 'EINVAL', `invalid pinning value ${value}`);
    draft.pinned = value === 1;
  },
};

/**
 * All map definitions of an object, in the order of their offsets in `.maps` (as libbpf numbers them).
 *
 * @param symbolOffset where the global variable of that name lies in `.maps`: clang leaves the offsets of a DATASEC to the loader.
 * @param sectionBytes size of `.maps`.
 * @throws MapDefinitionError where libbpf refuses, BtfError where types form a cycle.
 */
export function readMapDefinitions(
  btf: Btf,
  symbolOffset: (name: string) => number | undefined,
  sectionBytes: number,
): MapDefinition[] {
  const section = btf.types.find(
    (type) => type?.kind === 'data_section' && btf.strings.at(type.nameOffset) === '.maps',
  );
  if (section?.kind !== 'data_section') throw new MapDefinitionError('.maps', 'ENOENT', 'the BTF describes no .maps');
  if (section.variables.length > MAX_MAP_DEFINITIONS) {
    throw new MapDefinitionError('.maps', 'EINVAL', `more than ${MAX_MAP_DEFINITIONS} maps (MAX_MAP_DEFINITIONS)`);
  }
  const definitions = section.variables.map(({ type, size }) => {
    const variable = btf.types[type];
    if (variable?.kind !== 'variable') throw new MapDefinitionError('.maps', 'EINVAL', 'holds what is no variable');
    const name = btf.strings.at(variable.nameOffset);
    if (name === '') throw new MapDefinitionError(name, 'EINVAL', 'empty name');
    if (variable.linkage !== 'global') {
      throw new MapDefinitionError(name, 'EOPNOTSUPP', `unsupported map linkage ${variable.linkage}`);
    }
    const offset = symbolOffset(name);
    if (offset === undefined) throw new MapDefinitionError(name, 'ENOENT', 'there is no such symbol');
    if (offset + size > sectionBytes) throw new MapDefinitionError(name, 'EINVAL', 'reaches past the end of .maps');
    const struct = skipModifiers(btf, variable.type);
    if (struct?.kind !== 'struct' || struct.size > size) {
      throw new MapDefinitionError(name, 'EINVAL', 'is not defined by a struct of its size');
    }
    return { name, offset, size, ...readMembers(btf, name, struct.members) };
  });
  return definitions.sort((left, right) => left.offset - right.offset);
}

function readMembers(btf: Btf, map: string, members: readonly BtfMember[]): Draft {
  const draft: Draft = {
    type: 0,
    keySize: 0,
    valueSize: 0,
    maxEntries: 0,
    flags: 0,
    mapExtra: 0,
    pinned: false,
    valuesOffset: null,
  };
  if (members.length > MAX_MAP_MEMBERS) {
    throw new MapDefinitionError(map, 'EINVAL', `more than ${MAX_MAP_MEMBERS} members (MAX_MAP_MEMBERS)`);
  }
  members.forEach((member, index) => {
    const name = btf.strings.at(member.nameOffset);
    const setNumber = Object.hasOwn(NUMBER_MEMBERS, name) ? NUMBER_MEMBERS[name] : undefined;
    if (setNumber !== undefined) setNumber(draft, numberOf(btf, map, name, member), map);
    else if (name === 'key') setSize(draft, 'keySize', pointedSize(btf, map, name, member), map);
    else if (name === 'value') setSize(draft, 'valueSize', pointedSize(btf, map, name, member), map);
    else if (name === 'values') {
      if (index !== members.length - 1) throw new MapDefinitionError(map, 'EINVAL', "'values' member should be last");
      readValues(btf, map, draft, member);
    } else throw new MapDefinitionError(map, 'EOPNOTSUPP', `unknown field '${name}'`);
  });
  if (draft.type === 0) throw new MapDefinitionError(map, 'EINVAL', "map type isn't specified");
  return draft;
}

function numberOf(btf: Btf, map: string, name: string, member: BtfMember): number {
  const pointer = skipModifiers(btf, member.type);
  const array = pointer?.kind === 'pointer' ? btf.types[pointer.type] : undefined;
  if (array?.kind !== 'array') throw new MapDefinitionError(map, 'EINVAL', `'${name}' is not written with __uint`);
  return array.count;
}

function pointedSize(btf: Btf, map: string, name: string, member: BtfMember): number {
  const pointer = btf.types[member.type];
  if (pointer?.kind !== 'pointer') throw new MapDefinitionError(map, 'EINVAL', `'${name}' is not written with __type`);
  const size = sizeOfType(btf, pointer.type);
  if (size === undefined) throw new MapDefinitionError(map, 'EINVAL', `can't determine ${name} size`);
  return size;
}

function setSize(draft: Draft, field: 'keySize' | 'valueSize', size: number, map: string): void {
  if (draft[field] !== 0 && draft[field] !== size) {
    throw new MapDefinitionError(map, 'EINVAL', `conflicting ${field} ${draft[field]} != ${size}`);
  }
  draft[field] = size;
}

function readValues(btf: Btf, map: string, draft: Draft, member: BtfMember): void {
  const ofMaps = MAPS_OF_MAPS.includes(draft.type);
  if (!ofMaps && draft.type !== PROG_ARRAY) {
    throw new MapDefinitionError(map, 'EOPNOTSUPP', 'should be map-in-map or prog-array');
  }
  setSize(draft, 'valueSize', SLOT_VALUE_BYTES, map);
  const array = btf.types[member.type];
  if (array?.kind !== 'array' || array.count !== 0) {
    throw new MapDefinitionError(map, 'EINVAL', "'values' is not a zero-sized array");
  }
  const target = pointee(btf, array.type);
  if (target?.kind !== (ofMaps ? 'struct' : 'function_prototype')) {
    throw new MapDefinitionError(map, 'EINVAL', "'values' holds pointers of an unexpected kind");
  }
  draft.valuesOffset = Math.floor(member.bitOffset / 8);
}

function pointee(btf: Btf, id: number): BtfType | undefined {
  const pointer = skipModifiers(btf, id);
  return pointer?.kind === 'pointer' ? skipModifiers(btf, pointer.type) : undefined;
}
