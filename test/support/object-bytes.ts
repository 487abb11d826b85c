/** Puts ELF objects together section by section, for what no compiler would write. */

const HEADER_BYTES = 64;

export interface SectionSource {
  readonly name: string;
  /** SHT_*. */
  readonly type: number;
  readonly flags?: number;
  readonly bytes?: Uint8Array;
  /** Where the header says that the content lies; the real place by default. */
  readonly offset?: number;
  readonly size?: number;
  readonly link?: number;
  readonly info?: number;
}

/** An object of these sections (the first has index 1), the names of sections added as the last. */
export function elfObject(sections: readonly SectionSource[]): Uint8Array {
  const names = Buffer.from(`\0${sections.map(({ name }) => name).join('\0')}\0.shstrtab\0`);
  const all: readonly SectionSource[] = [...sections, { name: '.shstrtab', type: 3, bytes: names }];
  const bodies = all.map(({ bytes }) => bytes ?? new Uint8Array(0));
  const table = Buffer.alloc(64 * (all.length + 1));
  let nameOffset = 1;
  let at = HEADER_BYTES;
  for (const [index, { name, type, flags = 0, offset, size, link = 0, info = 0 }] of all.entries()) {
    const header = 64 * (index + 1);
    table.writeUInt32LE(nameOffset, header);
    table.writeUInt32LE(type, header + 4);
    table.writeUInt32LE(flags, header + 8);
    table.writeUInt32LE(offset ?? at, header + 24);
    table.writeUInt32LE(size ?? bodies[index]!.length, header + 32);
    table.writeUInt32LE(link, header + 40);
    table.writeUInt32LE(info, header + 44);
    nameOffset += name.length + 1;
    at += bodies[index]!.length;
  }
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(1, 16);
  header.writeUInt16LE(247, 18);
  header.writeUInt32LE(at, 40);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(all.length + 1, 60);
  header.writeUInt16LE(all.length, 62);
  return new Uint8Array(Buffer.concat([header, ...bodies, table]));
}

export interface SymbolSource {
  readonly name: string;
  /** STB_* << 4 | STT_*. */
  readonly info: number;
  readonly section: number;
  readonly value: number;
  readonly size: number;
}

/** .symtab and .strtab; `index` is the index that the first of the two will have. */
export function symbolSections(symbols: readonly SymbolSource[], index: number): SectionSource[] {
  const table = Buffer.alloc(24 * (symbols.length + 1));
  let nameOffset = 1;
  for (const [position, { name, info, section, value, size }] of symbols.entries()) {
    const at = 24 * (position + 1);
    table.writeUInt32LE(nameOffset, at);
    table.writeUInt8(info, at + 4);
    table.writeUInt16LE(section, at + 6);
    table.writeUInt32LE(value, at + 8);
    table.writeUInt32LE(size, at + 16);
    nameOffset += Buffer.byteLength(name) + 1;
  }
  const names = Buffer.from(`\0${symbols.map(({ name }) => name).join('\0')}\0`);
  return [
    { name: '.symtab', type: 2, bytes: table, link: index + 1 },
    { name: '.strtab', type: 3, bytes: names },
  ];
}
