/** Bytes of a .BTF section to types (Documentation/bpf/btf.rst, "BTF Type and String Encoding"). */

import { BtfError } from './error.ts';
import { BTF_KIND_BY_NUMBER, BTF_KINDS } from './kinds.ts';
import { MAX_BTF_TYPES } from './limits.ts';
import { StringTable } from './strings.ts';
import type { Btf, BtfLinkage, BtfType } from './types.ts';

export const BTF_MAGIC = 0xeb9f;
const HEADER_BYTES = 24;
const TYPE_BYTES = 12;
const LINKAGES: readonly BtfLinkage[] = ['static', 'global', 'extern'];

function refuse(offset: number, message: string, limit: string | null = null): never {
  throw new BtfError('.BTF', offset, message, limit);
}

/**
 * Reads a whole .BTF section.
 *
 *   0     2       3      4        8          12         16        20        24
 *   +-----+-------+------+--------+----------+----------+---------+---------+-- ... --+-- ... --+
 *   |magic|version|flags | hdrLen | type_off | type_len | str_off | str_len |  types  | strings |
 *   +-----+-------+------+--------+----------+----------+---------+---------+-- ... --+-- ... --+
 *
 * @returns types by id and the strings. Every reference between types is checked to exist; cycles may remain.
 * @throws BtfError with the byte offset of what was refused.
 */
export function readBtf(bytes: Uint8Array): Btf {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES) refuse(0, `${bytes.length} bytes are too few for a header of ${HEADER_BYTES}`);
  if (view.getUint16(0, true) !== BTF_MAGIC) refuse(0, 'no little-endian BTF magic');
  if (view.getUint8(2) !== 1) refuse(2, `version ${view.getUint8(2)} is not known`);
  if (view.getUint8(3) !== 0) refuse(3, `flags 0x${view.getUint8(3).toString(16)} are not known`);
  const headerLength = view.getUint32(4, true);
  if (headerLength < HEADER_BYTES || headerLength > bytes.length) refuse(4, `header length ${headerLength}`);
  const typesStart = headerLength + view.getUint32(8, true);
  const typesEnd = typesStart + view.getUint32(12, true);
  const stringsStart = headerLength + view.getUint32(16, true);
  const stringsEnd = stringsStart + view.getUint32(20, true);
  if (typesStart % 4 !== 0 || typesEnd > bytes.length) refuse(8, 'the types are outside the section or not aligned');
  if (stringsEnd > bytes.length) refuse(16, 'the strings are outside the section');
  if (stringsEnd === stringsStart || bytes[stringsStart] !== 0 || bytes[stringsEnd - 1] !== 0) {
    refuse(stringsStart, 'the strings do not begin and end with a zero');
  }
  const types = readTypes(view, typesStart, typesEnd);
  checkReferences(types);
  const strings = new StringTable(bytes.subarray(stringsStart, stringsEnd), (offset, message, limit) =>
    refuse(stringsStart + offset, message, limit),
  );
  return { types, strings };
}

function readTypes(view: DataView, start: number, end: number): (BtfType | undefined)[] {
  const types: (BtfType | undefined)[] = [undefined];
  let at = start;
  while (at < end) {
    if (types.length > MAX_BTF_TYPES) refuse(at, `more than ${MAX_BTF_TYPES} types`, 'MAX_BTF_TYPES');
    if (end - at < TYPE_BYTES) refuse(at, 'the last type is cut off');
    const info = view.getUint32(at + 4, true);
    const kind = BTF_KIND_BY_NUMBER[(info >>> 24) & 0x1f];
    if (kind === undefined) refuse(at + 4, `kind ${(info >>> 24) & 0x1f} is not known`);
    const { fixedBytes, elementBytes } = BTF_KINDS[kind];
    const next = at + TYPE_BYTES + fixedBytes + elementBytes * (info & 0xffff);
    if (next > end) refuse(at, `a type of kind ${kind} reaches past the end of the types`);
    types.push(readType(view, at, kind, info));
    at = next;
  }
  return types;
}

/**
 * One type; that its bytes are there is checked by the caller.
 *
 *   word 0         word 1 (info)                        word 2
 *   +-------------+---+-----+-------+---------+--------+---------------+
 *   | name offset | k |  -  | kind  |    -    |  vlen  | size, or type |
 *   |             | 1 | 2   |  5    |    8    |   16   |               |
 *   +-------------+---+-----+-------+---------+--------+---------------+
 */
function readType(view: DataView, at: number, kind: keyof typeof BTF_KINDS, info: number): BtfType {
  const word = (offset: number): number => view.getUint32(at + offset, true);
  const vlen = info & 0xffff;
  const flag = info >>> 31 === 1;
  const common = { at, nameOffset: word(0) };
  const sizeOrType = word(8);
  const elements = <Element>(read: (offset: number) => Element): Element[] =>
    Array.from({ length: vlen }, (_, index) => read(TYPE_BYTES + index * BTF_KINDS[kind].elementBytes));

  switch (kind) {
    case 'int':
      return { ...common, kind, size: sizeOrType, bits: word(12) & 0xff, encoding: (word(12) >>> 24) & 0x0f };
    case 'float':
      return { ...common, kind, size: sizeOrType };
    case 'array':
      return { ...common, kind, type: word(12), indexType: word(16), count: word(20) };
    case 'struct':
    case 'union': {
      const members = elements((offset) => {
        const position = word(offset + 8);
        // With the kind flag set, a member's position holds the width of a bit field in its upper 8 bits.
        return {
          nameOffset: word(offset),
          type: word(offset + 4),
          bitOffset: flag ? position & 0xffffff : position,
          bitSize: flag ? position >>> 24 : 0,
        };
      });
      return { ...common, kind, size: sizeOrType, members };
    }
    case 'enum': {
      const values = elements((offset) => ({
        nameOffset: word(offset),
        value: BigInt(flag ? view.getInt32(at + offset + 4, true) : word(offset + 4)),
      }));
      return { ...common, kind, size: sizeOrType, signed: flag, values };
    }
    case 'enum64': {
      const values = elements((offset) => ({
        nameOffset: word(offset),
        value: flag ? view.getBigInt64(at + offset + 4, true) : view.getBigUint64(at + offset + 4, true),
      }));
      return { ...common, kind, size: sizeOrType, signed: flag, values };
    }
    case 'forward':
      return { ...common, kind, of: flag ? 'union' : 'struct' };
    case 'pointer':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
      return { ...common, kind, type: sizeOrType };
    case 'function':
      return { ...common, kind, type: sizeOrType, linkage: linkageOf(vlen, at + 4) };
    case 'function_prototype': {
      const parameters = elements((offset) => ({ nameOffset: word(offset), type: word(offset + 4) }));
      return { ...common, kind, type: sizeOrType, parameters };
    }
    case 'variable':
      return { ...common, kind, type: sizeOrType, linkage: linkageOf(word(12), at + 12) };
    case 'data_section': {
      const variables = elements((offset) => ({
        type: word(offset),
        offset: word(offset + 4),
        size: word(offset + 8),
      }));
      return { ...common, kind, size: sizeOrType, variables };
    }
    case 'declaration_tag':
      return { ...common, kind, type: sizeOrType, component: view.getInt32(at + 12, true) };
  }
}

function linkageOf(number: number, at: number): BtfLinkage {
  return LINKAGES[number] ?? refuse(at, `linkage ${number} is not known`);
}

function checkReferences(types: readonly (BtfType | undefined)[]): void {
  for (const type of types) {
    if (type === undefined) continue;
    for (const id of references(type)) {
      if (id >= types.length) refuse(type.at, `type ${id} is referred to, but there are only ${types.length - 1}`);
    }
  }
}

function references(type: BtfType): readonly number[] {
  switch (type.kind) {
    case 'array':
      return [type.type, type.indexType];
    case 'struct':
    case 'union':
      return type.members.map((member) => member.type);
    case 'function_prototype':
      return [type.type, ...type.parameters.map((parameter) => parameter.type)];
    case 'data_section':
      return type.variables.map((variable) => variable.type);
    case 'int':
    case 'float':
    case 'enum':
    case 'enum64':
    case 'forward':
      return [];
    default:
      return [type.type];
  }
}
