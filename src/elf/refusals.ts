/** Features of an object that are refused by name before anything else is looked at. */

import type { BtfExt } from '../btf/ext.ts';
import type { Btf } from '../btf/types.ts';
import { ObjectRefusal, ObjectUnsupported } from './error.ts';
import { type ElfFile, SYMBOL_BINDING, SYMBOL_TYPE, UNDEFINED_SECTION } from './file.ts';

/** Sections with a meaning that Waggle does not have yet. */
const UNSUPPORTED_SECTIONS: readonly { readonly section: string; readonly feature: string }[] = [
  { section: '.struct_ops', feature: 'struct_ops' },
  { section: '.struct_ops.link', feature: 'struct_ops' },
  { section: '.arena.1', feature: 'arena variables' },
  { section: '.jumptables', feature: 'jump tables' },
];

const EXCEPTION_CALLBACK = 'exception_callback:';

/** @throws ObjectRefusal or ObjectUnsupported that names the feature. */
export function refuseUnsupported(file: ElfFile, btf: Btf | undefined, ext: BtfExt | undefined): void {
  for (const { name, size } of file.sections) {
    if (name === 'maps') {
      const message = "legacy map definitions in the 'maps' section are not supported since libbpf 1.0: use .maps";
      throw new ObjectRefusal('EOPNOTSUPP', name, message);
    }
    const row = UNSUPPORTED_SECTIONS.find(({ section }) => section === name);
    if (row !== undefined && size > 0) throw new ObjectUnsupported(row.feature, name, `${size} bytes`);
  }
  refuseExterns(file, btf);
  if (ext?.hasCoreRelocations) {
    throw new ObjectUnsupported('CO-RE relocations', '.BTF.ext', 'the object was made to be fitted to a kernel');
  }
  for (const type of btf?.types ?? []) {
    if (type?.kind !== 'declaration_tag' || type.component !== -1) continue;
    if (btf?.strings.at(type.nameOffset).startsWith(EXCEPTION_CALLBACK)) {
      throw new ObjectUnsupported('exception callbacks', '.BTF', 'a function has an exception callback');
    }
  }
}

/** Symbols that the object leaves to the loader (libbpf sym_is_extern, bpf_object__collect_externs). */
function refuseExterns(file: ElfFile, btf: Btf | undefined): void {
  const sections = new Map<string, string>();
  for (const section of btf?.types ?? []) {
    if (section?.kind !== 'data_section') continue;
    const name = btf!.strings.at(section.nameOffset);
    if (name !== '.kconfig' && name !== '.ksyms') continue;
    for (const { type } of section.variables) {
      const extern = btf!.types[type];
      if (extern !== undefined) sections.set(btf!.strings.at(extern.nameOffset), name);
    }
  }
  for (const { name, type, binding, section } of file.symbols) {
    const isExtern =
      section === UNDEFINED_SECTION &&
      type === SYMBOL_TYPE.NONE &&
      (binding === SYMBOL_BINDING.GLOBAL || binding === SYMBOL_BINDING.WEAK) &&
      name !== '';
    if (!isExtern) continue;
    const from = sections.get(name);
    if (from !== undefined) throw new ObjectUnsupported(`${from} externs`, from, `'${name}' is extern`);
    const errno = btf === undefined ? 'ESRCH' : 'ENOENT';
    throw new ObjectRefusal(errno, null, `'${name}' is not defined, and failed to find BTF for it as an extern`);
  }
}
