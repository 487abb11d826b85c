/** What the readers of BTF throw for bytes that are not BTF. */

/** The section that could not be read. */
export type BtfSectionName = '.BTF' | '.BTF.ext';

/** The bytes are no BTF: `offset` is the byte offset in `section` of what was refused. */
export class BtfError extends Error {
  readonly section: BtfSectionName;
  readonly offset: number;
  /** Name of the bound that was passed; null where the bytes are simply wrong. */
  readonly limit: string | null;

  constructor(section: BtfSectionName, offset: number, message: string, limit: string | null = null) {
    super(`${section} at byte ${offset}: ${message}`);
    this.name = 'BtfError';
    this.section = section;
    this.offset = offset;
    this.limit = limit;
  }
}

/** A map definition in `.maps` that libbpf refuses, with the errno that it answers (libbpf parse_btf_map_def). */
export class MapDefinitionError extends Error {
  readonly map: string;
  readonly errno: 'EINVAL' | 'EOPNOTSUPP' | 'ENOENT';

  constructor(map: string, errno: 'EINVAL' | 'EOPNOTSUPP' | 'ENOENT', message: string) {
    super(`map '${map}': ${message}`);
    this.name = 'MapDefinitionError';
    this.map = map;
    this.errno = errno;
  }
}
