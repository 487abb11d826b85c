/** Bytes of an object, as `clang -target bpf -O2 -g -c` writes it, to what Waggle loads (libbpf bpf_object_open, bpf_object_load). */

import { type BtfExt, readBtfExt } from '../btf/ext.ts';
import { readBtf } from '../btf/read.ts';
import type { Btf } from '../btf/types.ts';
import type { ObjectSpec, ProgramSpec } from '../spec/object.ts';
import { PROGRAM_TYPES } from '../spec/programs.ts';
import { programTypeOfSection, type SectionProgram } from '../spec/sections.ts';
import { ObjectRefusal, ObjectUnsupported } from './error.ts';
import { type ElfFile, readElf, SECTION_FLAG, SECTION_TYPE } from './file.ts';
import { type ElfFunction, readFunctions } from './functions.ts';
import { MAX_LICENSE_BYTES, MAX_LINKED_SLOTS } from './limits.ts';
import { linkProgram, slotBudget } from './link.ts';
import { dataKind, onlySection, readMaps } from './maps.ts';
import { refuseUnsupported } from './refusals.ts';
import { sourceInfo } from './source-info.ts';

/** Sections of data that neither libbpf nor we look at for their content, beside those that something below reads. */
const SILENT_SECTIONS: readonly string[] = ['license', 'version', '.maps', '.eh_frame'];

/**
 * Reads an object. Pure: the same bytes give the same description, and nothing of the machine is asked.
 *
 * Programs stand in the order of their sections and offsets, maps in that of `.maps`, then of the data sections; an `lddw` with
 * source register 1 or 2 holds an index into `maps`. A program whose section begins with `?` is left out, with a note.
 *
 * @throws ElfError, BtfError: the bytes cannot be read. ObjectRefusal: libbpf or Linux would refuse. ObjectUnsupported: Waggle does
 * not have it yet. Nothing else is thrown, whatever the bytes.
 */
export function readObject(bytes: Uint8Array): ObjectSpec {
  const file = readElf(bytes);
  const { btf, ext } = readTypes(file);
  refuseUnsupported(file, btf, ext);
  const functions = readFunctions(file);
  const notes = skippedSections(file);

  const loaded = new Map<ElfFunction, SectionProgram>();
  for (const program of functions.programs) {
    const section = programTypeOfSection(program.section.name);
    if (program.section.name.startsWith('?')) {
      notes.push(`program '${program.name}' is not loaded: its section is '${program.section.name}'`);
    } else loaded.set(program, implementedType(program, section));
  }
  const maps = readMaps(file, btf, functions.programs, (program) => loaded.has(program));
  const license = readLicense(file);
  const takeSlots = slotBudget(MAX_LINKED_SLOTS, 'MAX_LINKED_SLOTS');
  const programs = [...loaded].map(([program, section]): ProgramSpec => {
    const { code, placed } = linkProgram(program, functions, maps, takeSlots);
    return {
      name: program.name,
      type: section.type,
      attachType: section.attachType,
      flags: section.flags,
      license,
      code,
      ...sourceInfo(placed, btf, ext),
      section: program.section.name,
    };
  });
  return { programs, maps: maps.specs, notes: [...notes, ...maps.notes] };
}

function readTypes(file: ElfFile): { btf: Btf | undefined; ext: BtfExt | undefined } {
  const btfSection = onlySection(file, '.BTF');
  const extSection = onlySection(file, '.BTF.ext');
  const btf = btfSection && readBtf(btfSection.bytes);
  return { btf, ext: btf && extSection && readBtfExt(extSection.bytes, btf.strings) };
}

function implementedType(program: ElfFunction, section: SectionProgram | undefined): SectionProgram {
  const name = program.section.name;
  if (section === undefined) {
    const message = `program '${program.name}': missing BPF prog type, check the section's name`;
    throw new ObjectRefusal('EINVAL', name, message);
  }
  const { type } = section;
  if (!PROGRAM_TYPES[type].implemented) {
    throw new ObjectUnsupported(`program type ${type}`, name, `program '${program.name}' is of type ${type}`);
  }
  return section;
}

/** The text of the `license` section; '' without one, which Linux takes for a licence that is not GPL-compatible. */
function readLicense(file: ElfFile): string {
  const section = onlySection(file, 'license');
  if (section === undefined) return '';
  const text = section.bytes.subarray(0, MAX_LICENSE_BYTES);
  const end = text.indexOf(0);
  return new TextDecoder('latin1').decode(end < 0 ? text : text.subarray(0, end));
}

/** Loadable sections that libbpf skips as unrecognised. */
function skippedSections(file: ElfFile): string[] {
  return file.sections
    .filter(
      (section) =>
        (section.type === SECTION_TYPE.PROGBITS || section.type === SECTION_TYPE.NOBITS) &&
        (section.flags & SECTION_FLAG.ALLOCATED) !== 0 &&
        (section.flags & SECTION_FLAG.EXECUTABLE) === 0 &&
        section.size > 0 &&
        !SILENT_SECTIONS.includes(section.name) &&
        dataKind(section) === null,
    )
    .map(({ name }) => `section '${name}' is not looked at, as in libbpf`);
}
