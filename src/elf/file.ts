/** Bytes of an ELF file to sections, symbols and relocations (System V gABI, ELF64, little-endian); nothing of BPF but the machine. */

import { StringTable } from '../btf/strings.ts';
import { ElfError } from './error.ts';
import { MAX_OBJECT_BYTES, MAX_RELOCATIONS, MAX_SECTIONS, MAX_SYMBOLS } from './limits.ts';

const HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;
const RELOCATION_BYTES = 16;
const ELF_MAGIC = 0x464c457f;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const BIG_ENDIAN = 2;
const TYPE_RELOCATABLE = 1;
const MACHINE_BPF = 247;

export const SECTION_TYPE = { PROGBITS: 1, SYMTAB: 2, STRTAB: 3, RELA: 4, NOBITS: 8, REL: 9 } as const;
export const SECTION_FLAG = { ALLOCATED: 2, EXECUTABLE: 4 } as const;
export const SYMBOL_TYPE = { NONE: 0, OBJECT: 1, FUNCTION: 2, SECTION: 3 } as const;
export const SYMBOL_BINDING = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const;
/** Section index of a symbol that the object does not define. */
export const UNDEFINED_SECTION = 0;
/** Section indexes from here on have special meanings (absolute, common). */
export const FIRST_RESERVED_SECTION = 0xff00;

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Size in memory; `bytes` is empty for NOBITS. */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  /** Byte offset in the file. */
  readonly fileOffset: number;
  readonly bytes: Uint8Array;
}

export interface ElfSymbol {
  readonly name: string;
  readonly type: number;
  readonly binding: number;
  readonly visibility: number;
  readonly section: number;
  readonly value: number;
  readonly size: number;
}

export interface ElfRelocation {
  /** Byte offset in the section that is relocated. */
  readonly offset: number;
  /** R_BPF_*. */
  readonly type: number;
  readonly symbol: ElfSymbol;
}

export interface ElfFile {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** By the index of the section that is relocated. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
}

/** Reads the tables of an ELF file. @throws ElfError with section and byte offset. */
export function readElf(bytes: Uint8Array): ElfFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const table = readHeader(view);
  const sections = readSections(bytes, view, table);
  const symbols = readSymbols(bytes, view, sections);
  return { sections, symbols, relocations: readRelocations(view, sections, symbols) };
}

interface SectionTable {
  readonly offset: number;
  readonly count: number;
  readonly nameSection: number;
}

/**
 *   0       4     5    6        16   18      20         40        58        60      62        64
 *   +-------+-----+----+--- ... +----+-------+--- ... --+-- ... --+---------+-------+---------+
 *   | magic |class|data| padding|type|machine|          | shoff   |shentsize| shnum |shstrndx |
 *   +-------+-----+----+--- ... +----+-------+--- ... --+-- ... --+---------+-------+---------+
 */
function readHeader(view: DataView): SectionTable {
  const bytes = view.byteLength;
  if (bytes > MAX_OBJECT_BYTES) {
    throw new ElfError(null, null, `${bytes} bytes, at most ${MAX_OBJECT_BYTES} are taken`, 'MAX_OBJECT_BYTES');
  }
  if (bytes < 4 || view.getUint32(0, true) !== ELF_MAGIC) throw new ElfError(null, 0, 'no ELF magic');
  if (bytes < HEADER_BYTES) throw new ElfError(null, 0, `the file ends inside its header of ${HEADER_BYTES} bytes`);
  if (view.getUint8(4) !== CLASS_64) throw new ElfError(null, 4, 'not a 64-bit ELF file (ELFCLASS64)');
  if (view.getUint8(5) === BIG_ENDIAN) {
    throw new ElfError(null, 5, 'big-endian BPF is not supported, compile for -target bpfel');
  }
  if (view.getUint8(5) !== LITTLE_ENDIAN) throw new ElfError(null, 5, `byte order ${view.getUint8(5)} is not known`);
  const machine = view.getUint16(18, true);
  if (machine !== MACHINE_BPF) throw new ElfError(null, 18, `machine ${machine} is not BPF (EM_BPF, ${MACHINE_BPF})`);
  if (view.getUint16(16, true) !== TYPE_RELOCATABLE) {
    throw new ElfError(null, 16, `type ${view.getUint16(16, true)} is not a relocatable object (ET_REL)`);
  }
  const offset = unsigned64(view, 40);
  const count = view.getUint16(60, true);
  const nameSection = view.getUint16(62, true);
  if (view.getUint16(58, true) !== SECTION_HEADER_BYTES) {
    throw new ElfError(null, 58, `section headers of ${view.getUint16(58, true)} bytes`);
  }
  if (count > MAX_SECTIONS) throw new ElfError(null, 60, `${count} sections, at most ${MAX_SECTIONS}`, 'MAX_SECTIONS');
  if (count === 0 || offset + count * SECTION_HEADER_BYTES > bytes) {
    throw new ElfError(null, 40, `the section table (${count} entries at byte ${offset}) is outside the file`);
  }
  if (nameSection >= count) throw new ElfError(null, 62, `section ${nameSection}, said to hold the names, is missing`);
  return { offset, count, nameSection };
}

/** A 64-bit field as a number: above 2^53 inexact, and then past every bound as well. */
function unsigned64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

/**
 *   0     4     8        16    24      32     40    44    48      56        64
 *   +-----+-----+--------+-----+-------+------+-----+-----+-------+---------+
 *   |name |type | flags  |addr |offset | size |link |info | align | entsize |
 *   +-----+-----+--------+-----+-------+------+-----+-----+-------+---------+
 */
function readSections(bytes: Uint8Array, view: DataView, table: SectionTable): ElfSection[] {
  const content = (index: number): { at: number; size: number; bytes: Uint8Array } => {
    const header = table.offset + index * SECTION_HEADER_BYTES;
    const at = unsigned64(view, header + 24);
    const size = unsigned64(view, header + 32);
    if (index === 0 || view.getUint32(header + 4, true) === SECTION_TYPE.NOBITS) {
      return { at, size, bytes: bytes.subarray(0, 0) };
    }
    if (at + size > bytes.length) {
      throw new ElfError(null, header, `section ${index} (byte ${at}, ${size} bytes) reaches past the end of the file`);
    }
    return { at, size, bytes: bytes.subarray(at, at + size) };
  };
  const nameTable = content(table.nameSection);
  const names = new StringTable(nameTable.bytes, (offset, message, limit) => {
    throw new ElfError('.shstrtab', nameTable.at + offset, message, limit);
  });
  return Array.from({ length: table.count }, (_, index) => {
    const header = table.offset + index * SECTION_HEADER_BYTES;
    const { at, size, bytes: body } = content(index);
    return {
      index,
      name: index === 0 ? '' : names.at(view.getUint32(header, true)),
      type: index === 0 ? 0 : view.getUint32(header + 4, true),
      flags: view.getUint32(header + 8, true),
      size,
      link: view.getUint32(header + 40, true),
      info: view.getUint32(header + 44, true),
      fileOffset: at,
      bytes: body,
    };
  });
}

/**
 *   0     4    5     6       8       16     24
 *   +-----+----+-----+-------+-------+------+
 *   |name |info|other|section| value | size |    info: binding in the upper 4 bits, type in the lower 4
 *   +-----+----+-----+-------+-------+------+
 */
function readSymbols(bytes: Uint8Array, view: DataView, sections: readonly ElfSection[]): ElfSymbol[] {
  const [section, second] = sections.filter(({ type }) => type === SECTION_TYPE.SYMTAB);
  if (section === undefined) throw new ElfError(null, null, 'there is no symbol table (stripped?)');
  if (second !== undefined) throw new ElfError(second.name, second.fileOffset, 'a second symbol table');
  const strings = sections[section.link];
  if (strings?.type !== SECTION_TYPE.STRTAB) {
    throw new ElfError(section.name, section.fileOffset, 'its string table is missing');
  }
  if (section.size % SYMBOL_BYTES !== 0) {
    throw new ElfError(section.name, section.fileOffset, `its size ${section.size} is no multiple of ${SYMBOL_BYTES}`);
  }
  const count = section.size / SYMBOL_BYTES;
  if (count > MAX_SYMBOLS) {
    throw new ElfError(section.name, section.fileOffset, `${count} symbols, at most ${MAX_SYMBOLS}`, 'MAX_SYMBOLS');
  }
  const names = new StringTable(strings.bytes, (offset, message, limit) => {
    throw new ElfError(strings.name, strings.fileOffset + offset, message, limit);
  });
  return Array.from({ length: count }, (_, index) => {
    const at = section.fileOffset + index * SYMBOL_BYTES;
    const info = bytes[at + 4] ?? 0;
    return {
      name: names.at(view.getUint32(at, true)),
      type: info & 0xf,
      binding: info >>> 4,
      visibility: (bytes[at + 5] ?? 0) & 3,
      section: view.getUint16(at + 6, true),
      value: unsigned64(view, at + 8),
      size: unsigned64(view, at + 16),
    };
  });
}

/**
 *   0        8      12       16
 *   +--------+------+--------+
 *   | offset | type | symbol |
 *   +--------+------+--------+
 */
function readRelocations(
  view: DataView,
  sections: readonly ElfSection[],
  symbols: readonly ElfSymbol[],
): Map<number, ElfRelocation[]> {
  const bySection = new Map<number, ElfRelocation[]>();
  let total = 0;
  for (const section of sections) {
    if (section.type !== SECTION_TYPE.REL && section.type !== SECTION_TYPE.RELA) continue;
    const target = sections[section.info];
    if (target === undefined || section.info === 0) {
      throw new ElfError(section.name, section.fileOffset, `section ${section.info}, said to be relocated, is missing`);
    }
    if (isSkipped(target)) continue;
    if (section.type === SECTION_TYPE.RELA) {
      throw new ElfError(section.name, section.fileOffset, 'relocations with addends (SHT_RELA) are not BPF');
    }
    if (section.size % RELOCATION_BYTES !== 0) {
      throw new ElfError(section.name, section.fileOffset, `its size ${section.size} is no multiple of 16`);
    }
    const list = bySection.get(target.index) ?? [];
    bySection.set(target.index, list);
    total += section.size / RELOCATION_BYTES;
    if (total > MAX_RELOCATIONS) {
      throw new ElfError(section.name, section.fileOffset, `over ${MAX_RELOCATIONS} relocations`, 'MAX_RELOCATIONS');
    }
    for (let at = section.fileOffset; at < section.fileOffset + section.size; at += RELOCATION_BYTES) {
      const symbol = symbols[view.getUint32(at + 12, true)];
      if (symbol === undefined) throw new ElfError(section.name, at, 'a relocation against a symbol that is missing');
      const offset = unsigned64(view, at);
      if (offset >= target.size) throw new ElfError(section.name, at, `offset ${offset} is outside '${target.name}'`);
      list.push({ offset, type: view.getUint32(at + 8, true), symbol });
    }
  }
  return bySection;
}

/** Debug information and BTF are used as they are: their relocations only matter to a linker. */
function isSkipped({ name, flags }: ElfSection): boolean {
  return name.startsWith('.debug_') || name === '.BTF' || name === '.BTF.ext' || name === '.eh_frame' || flags === 0;
}
