/** The smallest ELF objects for tests: a relocatable eBPF file with one program section and any others. */

const HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;
const EM_BPF = 247;
const SHT = { PROGBITS: 1, SYMTAB: 2, STRTAB: 3 } as const;

interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly bytes: Buffer;
  readonly link?: number;
  readonly info?: number;
  readonly entrySize?: number;
}

export interface ElfOptions {
  readonly machine?: number;
  readonly bigEndian?: boolean;
  /** Further sections by name. */
  readonly sections?: Readonly<Record<string, Buffer>>;
}

/** An object whose section `xdp` holds the function `entry` with this code. */
export function elfFile(code: Buffer, { machine = EM_BPF, bigEndian = false, sections = {} }: ElfOptions = {}): Buffer {
  const names = Buffer.from('\0entry\0');
  const symbol = Buffer.alloc(SYMBOL_BYTES);
  symbol.writeUInt32LE(1, 0);
  symbol.writeUInt8(0x12, 4); // STB_GLOBAL, STT_FUNC
  symbol.writeUInt16LE(1, 6);
  symbol.writeBigUInt64LE(BigInt(code.length), 16);
  const list: Section[] = [
    { name: '', type: 0, flags: 0, bytes: Buffer.alloc(0) },
    { name: 'xdp', type: SHT.PROGBITS, flags: 6, bytes: code },
    { name: '.strtab', type: SHT.STRTAB, flags: 0, bytes: names },
    {
      name: '.symtab',
      type: SHT.SYMTAB,
      flags: 0,
      bytes: Buffer.concat([Buffer.alloc(SYMBOL_BYTES), symbol]),
      link: 2,
      info: 1,
      entrySize: SYMBOL_BYTES,
    },
    { name: 'license', type: SHT.PROGBITS, flags: 3, bytes: Buffer.from('GPL\0') },
    ...Object.entries(sections).map(([name, bytes]) => ({ name, type: SHT.PROGBITS, flags: 0, bytes })),
  ];
  const nameTable = Buffer.from(`${[...list.map(({ name }) => name), '.shstrtab'].join('\0')}\0`);
  list.push({ name: '.shstrtab', type: SHT.STRTAB, flags: 0, bytes: nameTable });

  const headers = Buffer.alloc(SECTION_HEADER_BYTES * list.length);
  const bodies: Buffer[] = [];
  let offset = HEADER_BYTES;
  for (const [index, section] of list.entries()) {
    const at = index * SECTION_HEADER_BYTES;
    const nameOffset = section.name === '' ? 0 : nameTable.indexOf(`\0${section.name}\0`) + 1;
    headers.writeUInt32LE(nameOffset, at);
    headers.writeUInt32LE(section.type, at + 4);
    headers.writeBigUInt64LE(BigInt(section.flags), at + 8);
    headers.writeBigUInt64LE(BigInt(offset), at + 24);
    headers.writeBigUInt64LE(BigInt(section.bytes.length), at + 32);
    headers.writeUInt32LE(section.link ?? 0, at + 40);
    headers.writeUInt32LE(section.info ?? 0, at + 44);
    headers.writeBigUInt64LE(8n, at + 48);
    headers.writeBigUInt64LE(BigInt(section.entrySize ?? 0), at + 56);
    const padded = Buffer.concat([section.bytes, Buffer.alloc(-section.bytes.length & 7)]);
    bodies.push(padded);
    offset += padded.length;
  }
  const header = Buffer.alloc(HEADER_BYTES);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, bigEndian ? 2 : 1, 1]);
  header.writeUInt16LE(1, 16); // ET_REL
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(offset), 40);
  header.writeUInt16LE(HEADER_BYTES, 52);
  header.writeUInt16LE(SECTION_HEADER_BYTES, 58);
  header.writeUInt16LE(list.length, 60);
  header.writeUInt16LE(list.length - 1, 62);
  return Buffer.concat([header, ...bodies, headers]);
}
