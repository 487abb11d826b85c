/** The maps of an object: those of `.maps`, then one for each section of global data (libbpf bpf_object__init_maps). */

import { MapDefinitionError } from '../btf/error.ts';
import { type MapDefinition, readMapDefinitions } from '../btf/map-definitions.ts';
import type { Btf } from '../btf/types.ts';
import { MAP_TYPES, type MapType } from '../spec/maps.ts';
import type { MapSpec, ProgArraySlot } from '../spec/object.ts';
import { ElfError, ObjectRefusal, ObjectUnsupported } from './error.ts';
import {
  type ElfFile,
  type ElfRelocation,
  type ElfSection,
  SECTION_FLAG,
  SECTION_TYPE,
  SYMBOL_BINDING,
  SYMBOL_TYPE,
} from './file.ts';
import type { ElfFunction } from './functions.ts';
import { MAX_GLOBAL_DATA_BYTES, MAX_MAP_VALUE } from './limits.ts';
import { lowerBound } from './search.ts';

/** R_BPF_64_ABS64; before LLVM 13 clang wrote R_BPF_64_64 here as well. */
const POINTER_RELOCATION_TYPES: readonly number[] = [1, 2];
const POINTER_BYTES = 8;
/** BPF_F_RDONLY_PROG of uapi/linux/bpf.h. */
const READ_ONLY_FOR_PROGRAMS = 1 << 7;

/** What code refers to: a map of `.maps` by its offset there, or the map of a data section. */
export interface ObjectMaps {
  readonly specs: readonly MapSpec[];
  /** The `.maps` section; undefined without one. */
  readonly section: ElfSection | undefined;
  readonly byOffset: ReadonlyMap<number, number>;
  /** Index of a data section's map, by the section's index. */
  readonly byDataSection: ReadonlyMap<number, number>;
  readonly notes: readonly string[];
}

/**
 * @param programs entry programs, for the static slots of prog arrays.
 * @param isLoaded false for a program whose section begins with `?`.
 * @throws ElfError, BtfError, ObjectRefusal, ObjectUnsupported.
 */
export function readMaps(
  file: ElfFile,
  btf: Btf | undefined,
  programs: readonly ElfFunction[],
  isLoaded: (program: ElfFunction) => boolean,
): ObjectMaps {
  const notes: string[] = [];
  const section = onlySection(file, '.maps');
  const definitions = section === undefined ? [] : definitionsOf(file, btf, section);
  const slots = section === undefined ? [] : slotsOf(file, section, definitions, programs, isLoaded);
  const specs = definitions.map((definition, index): MapSpec => {
    if (definition.pinned) notes.push(`map '${definition.name}': pinning by name has no effect here`);
    return {
      name: definition.name,
      type: mapTypeOf(definition),
      keySize: boundedSize(definition, definition.keySize),
      valueSize: boundedSize(definition, definition.valueSize),
      maxEntries: definition.maxEntries,
      flags: definition.flags,
      entries: [],
      slots: slots[index] ?? [],
      frozen: false,
    };
  });
  const byOffset = new Map(definitions.map(({ offset }, index) => [offset, index]));
  const byDataSection = new Map<number, number>();
  let dataBytes = 0;
  for (const data of file.sections) {
    const kind = dataKind(data);
    if (kind === null || data.size === 0) continue;
    dataBytes += data.size;
    if (dataBytes > MAX_GLOBAL_DATA_BYTES) {
      throw new ElfError(
        data.name,
        data.fileOffset,
        `over ${MAX_GLOBAL_DATA_BYTES} bytes of global data`,
        'MAX_GLOBAL_DATA_BYTES',
      );
    }
    if (file.relocations.has(data.index)) notes.push(`section '${data.name}': addresses in global data stay 0`);
    byDataSection.set(data.index, specs.length);
    specs.push(dataMap(data, kind));
  }
  const names = new Set<string>();
  for (const { name } of specs) {
    if (names.has(name)) throw new ElfError(null, null, `a second map named '${name}'`);
    names.add(name);
  }
  return { specs, section, byOffset, byDataSection, notes };
}

/** The section of that name; undefined without one. @throws ElfError for two of them. */
export function onlySection(file: ElfFile, name: string): ElfSection | undefined {
  const [first, second] = file.sections.filter((section) => section.name === name);
  if (second !== undefined) throw new ElfError(name, second.fileOffset, 'a second section of that name');
  return first;
}

function definitionsOf(file: ElfFile, btf: Btf | undefined, section: ElfSection): MapDefinition[] {
  if (btf === undefined) {
    throw new ObjectRefusal(
      'ENOENT',
      '.maps',
      'maps are defined, but there is no BTF that describes them: compile with -g',
    );
  }
  const offsets = new Map<string, number>();
  for (const { name, type, binding, section: index, value } of file.symbols) {
    const isGlobal = binding === SYMBOL_BINDING.GLOBAL || binding === SYMBOL_BINDING.WEAK;
    if (index === section.index && type === SYMBOL_TYPE.OBJECT && isGlobal) offsets.set(name, value);
  }
  try {
    return readMapDefinitions(btf, (name) => offsets.get(name), section.size);
  } catch (error) {
    if (error instanceof MapDefinitionError) throw new ObjectRefusal(error.errno, '.maps', error.message);
    throw error;
  }
}

function mapTypeOf({ name, type, mapExtra }: MapDefinition): MapType {
  const found = (Object.keys(MAP_TYPES) as MapType[]).find((candidate) => MAP_TYPES[candidate].number === type);
  if (found === undefined) throw new ObjectRefusal('EINVAL', '.maps', `map '${name}': there is no map type ${type}`);
  if (!MAP_TYPES[found].implemented) {
    throw new ObjectUnsupported(`map type ${found}`, '.maps', `map '${name}' is of type ${found}`);
  }
  // Only types that are not implemented have a use for it (kernel map_create).
  if (mapExtra !== 0) throw new ObjectRefusal('EINVAL', '.maps', `map '${name}': map_extra is ${mapExtra}`);
  return found;
}

function boundedSize({ name }: MapDefinition, size: number): number {
  if (size > MAX_MAP_VALUE) {
    throw new ElfError('.maps', null, `map '${name}': ${size} bytes, at most ${MAX_MAP_VALUE}`, 'MAX_MAP_VALUE');
  }
  return size;
}

/** Static slots (`.values = { [i] = &program }`), for each map (libbpf bpf_object__collect_map_relos). */
function slotsOf(
  file: ElfFile,
  section: ElfSection,
  definitions: readonly MapDefinition[],
  programs: readonly ElfFunction[],
  isLoaded: (program: ElfFunction) => boolean,
): ProgArraySlot[][] {
  const byName = new Map(programs.map((program) => [program.name, program]));
  const filled = definitions.map(() => new Map<number, string>());
  for (const relocation of file.relocations.get(section.index) ?? []) {
    // The last map that begins at or before the relocation.
    const index = lowerBound(definitions, relocation.offset + 1) - 1;
    const definition = definitions[index];
    if (!POINTER_RELOCATION_TYPES.includes(relocation.type)) {
      const at = section.fileOffset + relocation.offset;
      throw new ElfError('.maps', at, `relocation type ${relocation.type} is not one of a pointer`);
    }
    if (definition === undefined || relocation.offset + POINTER_BYTES > definition.offset + definition.size) {
      throw new ObjectRefusal('EINVAL', '.maps', `the relocation at offset ${relocation.offset} is in no map`);
    }
    // A prog array is the only implemented kind that takes values: others are refused by their type.
    mapTypeOf(definition);
    const position = relocation.offset - definition.offset - (definition.valuesOffset ?? Number.POSITIVE_INFINITY);
    if (!(position >= 0) || position % POINTER_BYTES !== 0) {
      throw new ObjectRefusal('EINVAL', '.maps', `map '${definition.name}': a relocation outside its values`);
    }
    const program = programOfSlot(byName, relocation, definition.name);
    const slot = position / POINTER_BYTES;
    if (!isLoaded(program)) {
      const message = `map '${definition.name}': slot ${slot} names '${program.name}', which is not loaded`;
      throw new ObjectRefusal('EBADF', '.maps', message);
    }
    if (slot >= definition.maxEntries) {
      const message = `map '${definition.name}': slot ${slot} is past its ${definition.maxEntries} entries`;
      throw new ObjectRefusal('E2BIG', '.maps', message);
    }
    filled[index]?.set(slot, program.name);
  }
  return filled.map((slots) =>
    [...slots].map(([index, program]) => ({ index, program })).sort((left, right) => left.index - right.index),
  );
}

function programOfSlot(byName: ReadonlyMap<string, ElfFunction>, { symbol }: ElfRelocation, map: string): ElfFunction {
  const program = byName.get(symbol.name);
  if (program === undefined) {
    throw new ObjectRefusal('ESRCH', '.maps', `map '${map}': '${symbol.name}' isn't a valid program reference`);
  }
  if (program.section.index !== symbol.section || program.start * POINTER_BYTES !== symbol.value) {
    throw new ObjectRefusal(
      'LIBBPF_ERRNO__RELOC',
      '.maps',
      `map '${map}': '${symbol.name}' isn't an entry-point program`,
    );
  }
  return program;
}

type DataKind = 'data' | 'read-only' | 'zero';

/** Is it a section of global data, as libbpf tells by type and name? */
export function dataKind({ type, name, flags }: ElfSection): DataKind | null {
  const named = (prefix: string): boolean => name === prefix || name.startsWith(`${prefix}.`);
  if (type === SECTION_TYPE.NOBITS) return named('.bss') ? 'zero' : null;
  if (type !== SECTION_TYPE.PROGBITS || (flags & SECTION_FLAG.EXECUTABLE) !== 0) return null;
  if (named('.data')) return 'data';
  return named('.rodata') ? 'read-only' : null;
}

/** An array of one entry that holds the section's bytes. BPF_F_MMAPABLE, which libbpf adds, is only for user space. */
function dataMap(section: ElfSection, kind: DataKind): MapSpec {
  return {
    name: section.name,
    type: 'array',
    keySize: 4,
    valueSize: section.size,
    maxEntries: 1,
    flags: kind === 'read-only' ? READ_ONLY_FOR_PROGRAMS : 0,
    entries: [
      { key: new Uint8Array(4), value: kind === 'zero' ? new Uint8Array(section.size) : section.bytes.slice() },
    ],
    slots: [],
    frozen: kind === 'read-only',
  };
}
