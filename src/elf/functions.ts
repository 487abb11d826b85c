/** The functions of an object: entry programs in sections of their own, subprograms in .text (libbpf bpf_object__add_programs). */

import { SLOT_BYTES } from '../isa/instruction.ts';
import { ElfError, ObjectRefusal } from './error.ts';
import {
  type ElfFile,
  type ElfRelocation,
  type ElfSection,
  SECTION_FLAG,
  SECTION_TYPE,
  SYMBOL_BINDING,
  SYMBOL_TYPE,
} from './file.ts';
import { MAX_FUNCTIONS } from './limits.ts';
import { lowerBound } from './search.ts';

/** R_BPF_* of code: the address in an `lddw`, the target of a call. */
const CODE_RELOCATION_TYPES: readonly number[] = [1, 10];
/** STV_INTERNAL and STV_HIDDEN. */
const HIDDEN_VISIBILITIES: readonly number[] = [1, 2];

export interface ElfFunction {
  readonly name: string;
  readonly section: ElfSection;
  /** First slot in its section, and how many. */
  readonly start: number;
  readonly slots: number;
  readonly code: Uint8Array;
  /** A global function that is hidden is verified as a static one (libbpf mark_btf_static). */
  readonly hidden: boolean;
  /** By slot inside the function. */
  readonly relocations: ReadonlyMap<number, ElfRelocation>;
}

export interface ElfFunctions {
  /** What the user calls programs, ordered by section and offset. */
  readonly programs: readonly ElfFunction[];
  /** Functions in .text by their first slot. */
  readonly subprograms: ReadonlyMap<number, ElfFunction>;
  readonly textSection: ElfSection | undefined;
}

/** Collects all functions. @throws ElfError, or ObjectRefusal for what libbpf refuses. */
export function readFunctions(file: ElfFile): ElfFunctions {
  const executable = new Map<number, ElfSection>();
  for (const section of file.sections) {
    if (section.type === SECTION_TYPE.PROGBITS && (section.flags & SECTION_FLAG.EXECUTABLE) !== 0 && section.size > 0) {
      executable.set(section.index, section);
    }
  }
  const [textSection, second] = [...executable.values()].filter(({ name }) => name === '.text');
  if (second !== undefined) throw new ElfError('.text', second.fileOffset, 'a second .text section');

  const symbols = file.symbols.filter(({ type, section }) => type === SYMBOL_TYPE.FUNCTION && executable.has(section));
  if (symbols.length > MAX_FUNCTIONS) {
    throw new ElfError(null, null, `${symbols.length} functions, at most ${MAX_FUNCTIONS}`, 'MAX_FUNCTIONS');
  }
  symbols.sort((left, right) => left.section - right.section || left.value - right.value);
  const relocations = new Map(
    [...executable.keys()].map((index) => [index, relocationsOf(file, executable.get(index))]),
  );

  const functions: ElfFunction[] = [];
  let previousEnd = 0;
  for (const symbol of symbols) {
    const section = executable.get(symbol.section)!;
    const { name, value, size } = symbol;
    if (functions.at(-1)?.section !== section) previousEnd = 0;
    if (value + size > section.size) {
      throw new ElfError(section.name, section.fileOffset, `function '${name}' reaches past the end of the section`);
    }
    if (size === 0 || size % SLOT_BYTES !== 0 || value % SLOT_BYTES !== 0) {
      throw new ElfError(section.name, section.fileOffset + value, `function '${name}' has ${size} bytes at ${value}`);
    }
    if (value < previousEnd) {
      throw new ElfError(section.name, section.fileOffset + value, `function '${name}' overlaps the one before`);
    }
    if (section !== textSection && symbol.binding === SYMBOL_BINDING.LOCAL) {
      throw new ObjectRefusal('EOPNOTSUPP', section.name, `program '${name}' is static and not supported`);
    }
    previousEnd = value + size;
    functions.push({
      name,
      section,
      start: value / SLOT_BYTES,
      slots: size / SLOT_BYTES,
      code: section.bytes.subarray(value, value + size),
      hidden: HIDDEN_VISIBILITIES.includes(symbol.visibility),
      relocations: slice(relocations.get(section.index) ?? [], value, size),
    });
  }

  // libbpf takes a lone function in .text for a program (prog_is_subprog).
  const inText = (candidate: ElfFunction): boolean => candidate.section === textSection && functions.length > 1;
  const programs = functions.filter((candidate) => !inText(candidate));
  const names = new Set<string>();
  for (const { name, section } of programs) {
    if (names.has(name)) throw new ElfError(section.name, section.fileOffset, `a second program named '${name}'`);
    names.add(name);
  }
  return {
    programs,
    subprograms: new Map(
      functions.filter((candidate) => candidate.section === textSection).map((found) => [found.start, found]),
    ),
    textSection,
  };
}

/** Relocations of one section, sorted by offset. */
function relocationsOf(file: ElfFile, section: ElfSection | undefined): ElfRelocation[] {
  if (section === undefined) return [];
  const list = [...(file.relocations.get(section.index) ?? [])];
  for (const { offset, type } of list) {
    if (!CODE_RELOCATION_TYPES.includes(type)) {
      throw new ElfError(section.name, section.fileOffset + offset, `relocation type ${type} is not one of code`);
    }
    if (offset % SLOT_BYTES !== 0) {
      throw new ElfError(section.name, section.fileOffset + offset, 'a relocation of no instruction');
    }
  }
  return list.sort((left, right) => left.offset - right.offset);
}

/** Those of `sorted` with start <= offset < start + size, by slot; what lies outside every function is skipped, as libbpf does. */
function slice(sorted: readonly ElfRelocation[], start: number, size: number): Map<number, ElfRelocation> {
  const found = new Map<number, ElfRelocation>();
  for (let index = lowerBound(sorted, start); index < sorted.length && sorted[index]!.offset < start + size; index++) {
    found.set((sorted[index]!.offset - start) / SLOT_BYTES, sorted[index]!);
  }
  return found;
}
