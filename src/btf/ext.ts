/** Bytes of a .BTF.ext section: which function and which source line each instruction belongs to (Documentation/bpf/btf.rst). */

import { BtfError } from './error.ts';
import { BTF_MAGIC } from './read.ts';
import type { StringTable } from './strings.ts';

const SHORT_HEADER_BYTES = 24;
const HEADER_BYTES_WITH_CORE = 32;
const FUNCTION_RECORD_BYTES = 8;
const LINE_RECORD_BYTES = 16;
const COLUMN_BITS = 10;

export interface FunctionInfo {
  /** Byte offset of the function in its ELF section. */
  readonly offset: number;
  /** Id of a BTF `function`. */
  readonly type: number;
}

export interface LineInfo {
  /** Byte offset of the first instruction of this line in its ELF section. */
  readonly offset: number;
  readonly fileOffset: number;
  readonly textOffset: number;
  readonly line: number;
  readonly column: number;
}

export interface BtfExt {
  /** By the name of the ELF section; offsets strictly rise. */
  readonly functions: ReadonlyMap<string, readonly FunctionInfo[]>;
  readonly lines: ReadonlyMap<string, readonly LineInfo[]>;
  /** CO-RE relocations are there (bpf_core_relo records). */
  readonly hasCoreRelocations: boolean;
}

function refuse(offset: number, message: string): never {
  throw new BtfError('.BTF.ext', offset, message);
}

/**
 * Reads a whole .BTF.ext section. Each of its three parts is
 *
 *   +-------------+---------------------------------------------+-- ...
 *   | record size | section name | number n | n records         | next ELF section
 *   |     u32     |     u32      |   u32    | n * record size   |
 *   +-------------+---------------------------------------------+-- ...
 *
 * @param strings those of the .BTF section beside it.
 * @throws BtfError with the byte offset of what was refused.
 */
export function readBtfExt(bytes: Uint8Array, strings: StringTable): BtfExt {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < SHORT_HEADER_BYTES) refuse(0, `${bytes.length} bytes are too few for a header`);
  if (view.getUint16(0, true) !== BTF_MAGIC) refuse(0, 'no little-endian BTF magic');
  if (view.getUint8(2) !== 1) refuse(2, `version ${view.getUint8(2)} is not known`);
  const headerLength = view.getUint32(4, true);
  if (headerLength < SHORT_HEADER_BYTES || headerLength > bytes.length) refuse(4, `header length ${headerLength}`);

  const part = (field: number): DataView => {
    const start = headerLength + view.getUint32(field, true);
    const length = view.getUint32(field + 4, true);
    if (start + length > bytes.length) refuse(field, 'a part reaches past the end of the section');
    return new DataView(bytes.buffer, bytes.byteOffset + start, length);
  };
  const base = bytes.byteOffset;
  const functions = readPart(part(8), base, strings, FUNCTION_RECORD_BYTES, (record, at) => ({
    offset: record.getUint32(at, true),
    type: record.getUint32(at + 4, true),
  }));
  const lines = readPart(part(16), base, strings, LINE_RECORD_BYTES, (record, at) => {
    const lineAndColumn = record.getUint32(at + 12, true);
    return {
      offset: record.getUint32(at, true),
      fileOffset: record.getUint32(at + 4, true),
      textOffset: record.getUint32(at + 8, true),
      line: lineAndColumn >>> COLUMN_BITS,
      column: lineAndColumn & ((1 << COLUMN_BITS) - 1),
    };
  });
  const hasCoreRelocations = headerLength >= HEADER_BYTES_WITH_CORE && part(24).byteLength > 0;
  return { functions, lines, hasCoreRelocations };
}

function readPart<Row extends { readonly offset: number }>(
  part: DataView,
  base: number,
  strings: StringTable,
  leastRecordBytes: number,
  read: (record: DataView, at: number) => Row,
): Map<string, Row[]> {
  const sections = new Map<string, Row[]>();
  if (part.byteLength === 0) return sections;
  const where = (at: number): number => part.byteOffset - base + at;
  const end = part.byteLength;
  if (end < 4) refuse(where(0), 'a part of less than 4 bytes');
  const recordBytes = part.getUint32(0, true);
  if (recordBytes < leastRecordBytes || recordBytes % 4 !== 0) refuse(where(0), `record size ${recordBytes}`);
  let at = 4;
  while (at < end) {
    if (end - at < 8) refuse(where(at), 'the header of a section is cut off');
    const name = strings.at(part.getUint32(at, true));
    const count = part.getUint32(at + 4, true);
    if (count === 0) refuse(where(at + 4), `no records for section '${name}'`);
    if (count * recordBytes > end - at - 8) refuse(where(at + 4), `the records of '${name}' are cut off`);
    if (sections.has(name)) refuse(where(at), `section '${name}' stands here a second time`);
    const rows: Row[] = [];
    let previous = -1;
    for (let index = 0; index < count; index++) {
      const position = at + 8 + index * recordBytes;
      const row = read(part, position);
      if (row.offset % 8 !== 0) refuse(where(position), `offset ${row.offset} is no instruction of '${name}'`);
      if (row.offset <= previous) refuse(where(position), `the offsets of '${name}' do not rise`);
      previous = row.offset;
      rows.push(row);
    }
    sections.set(name, rows);
    at += 8 + count * recordBytes;
  }
  return sections;
}
