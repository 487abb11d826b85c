/** .BTF.ext seen from a linked program: its functions and source lines (libbpf reloc_prog_func_and_line_info). */

import type { BtfExt, FunctionInfo, LineInfo } from '../btf/ext.ts';
import { skipModifiers } from '../btf/resolve.ts';
import type { Btf } from '../btf/types.ts';
import { SLOT_BYTES } from '../isa/instruction.ts';
import type { FunctionSpec, ReturnKind, SourceLine } from '../spec/object.ts';
import { ObjectRefusal } from './error.ts';
import type { ElfFunction } from './functions.ts';
import type { PlacedFunction } from './link.ts';
import { lowerBound } from './search.ts';

export interface SourceInfo {
  readonly functions: readonly FunctionSpec[];
  readonly hasBtf: boolean;
  readonly lines: readonly SourceLine[];
}

/**
 * The program's own function decides: without information for it, that of its subprograms is dropped too; with it, a subprogram
 * that lacks it is refused with ENOENT, as libbpf does. @throws ObjectRefusal, BtfError.
 */
export function sourceInfo(
  placed: readonly PlacedFunction[],
  btf: Btf | undefined,
  ext: BtfExt | undefined,
): SourceInfo {
  const own = placed[0]?.function;
  if (btf === undefined || ext === undefined || own === undefined) {
    return { functions: placed.map((entry) => plainFunction(entry)), hasBtf: false, lines: [] };
  }
  const hasBtf = recordsOf(ext.functions, own).length > 0;
  const hasLines = recordsOf(ext.lines, own).length > 0;
  const functions = placed.map((entry) => (hasBtf ? typedFunction(entry, btf, ext) : plainFunction(entry)));
  return { functions, hasBtf, lines: hasLines ? placed.flatMap((entry) => linesOf(entry, btf, ext)) : [] };
}

/** Without BTF the kernel takes every function for a static one. */
function plainFunction({ function: of, pc }: PlacedFunction): FunctionSpec {
  return { name: of.name, pc, linkage: 'static', returns: undefined };
}

function typedFunction({ function: of, pc }: PlacedFunction, btf: Btf, ext: BtfExt): FunctionSpec {
  const record = recordsOf<FunctionInfo>(ext.functions, of)[0];
  if (record === undefined) throw missing('function', of);
  const type = btf.types[record.type];
  if (type?.kind !== 'function') {
    throw new ObjectRefusal(
      'EINVAL',
      of.section.name,
      `function '${of.name}': its BTF type ${record.type} is no function`,
    );
  }
  const prototype = btf.types[type.type];
  const linkage = type.linkage === 'global' && !of.hidden ? 'global' : 'static';
  const returns = prototype?.kind === 'function_prototype' ? returnKind(btf, prototype.type) : 'other';
  return { name: of.name, pc, linkage, returns };
}

/** int and enum count as 'int', whatever their size (kernel btf_type_is_scalar). */
function returnKind(btf: Btf, id: number): ReturnKind {
  const type = skipModifiers(btf, id);
  switch (type?.kind) {
    case undefined:
      return 'void';
    case 'int':
    case 'enum':
    case 'enum64':
      return 'int';
    case 'pointer':
      return 'pointer';
    default:
      return 'other';
  }
}

function linesOf({ function: of, pc }: PlacedFunction, btf: Btf, ext: BtfExt): SourceLine[] {
  const records = recordsOf<LineInfo>(ext.lines, of);
  if (records.length === 0) throw missing('line', of);
  return records.map(({ offset, fileOffset, textOffset, line, column }) => ({
    pc: pc + offset / SLOT_BYTES - of.start,
    file: btf.strings.at(fileOffset),
    line,
    column,
    text: btf.strings.at(textOffset),
  }));
}

function missing(what: string, of: ElfFunction): ObjectRefusal {
  return new ObjectRefusal('ENOENT', of.section.name, `function '${of.name}': missing .BTF.ext ${what} info`);
}

/** The records that lie inside the function; they are sorted by offset. */
function recordsOf<Row extends { readonly offset: number }>(
  bySection: ReadonlyMap<string, readonly Row[]>,
  of: ElfFunction,
): readonly Row[] {
  const records = bySection.get(of.section.name) ?? [];
  const first = lowerBound(records, of.start * SLOT_BYTES);
  return records.slice(first, lowerBound(records, (of.start + of.slots) * SLOT_BYTES));
}
