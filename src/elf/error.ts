/** What the reader of objects throws: three kinds of no, so that a caller can tell them apart. BtfError (btf/) is the fourth. */

import type { ErrnoName } from '../spec/errno.ts';

/** The bytes are no ELF object of the kind that clang writes for BPF. */
export class ElfError extends Error {
  /** Name of the section; null for the file as a whole. */
  readonly section: string | null;
  /** Byte offset in the file; null where no single place is wrong. */
  readonly offset: number | null;
  /** Name of the bound that was passed (elf/limits.ts); null where the bytes are simply wrong. */
  readonly limit: string | null;

  constructor(section: string | null, offset: number | null, message: string, limit: string | null = null) {
    const where = [section === null ? [] : [`section '${section}'`], offset === null ? [] : [`byte ${offset}`]].flat();
    super(where.length === 0 ? message : `${where.join(', ')}: ${message}`);
    this.name = 'ElfError';
    this.section = section;
    this.offset = offset;
    this.limit = limit;
  }
}

/** Errno names that libbpf answers with beside Linux's own (libbpf.h, enum libbpf_errno). */
export type RefusalErrno = ErrnoName | 'ESRCH' | 'LIBBPF_ERRNO__RELOC' | 'LIBBPF_ERRNO__FORMAT';

/** The object was read, but libbpf or Linux would refuse to load it. */
export class ObjectRefusal extends Error {
  readonly errno: RefusalErrno;
  readonly section: string | null;

  constructor(errno: RefusalErrno, section: string | null, message: string) {
    super(section === null ? message : `section '${section}': ${message}`);
    this.name = 'ObjectRefusal';
    this.errno = errno;
    this.section = section;
  }
}

/** The object uses what Linux has and Waggle does not have yet. */
export class ObjectUnsupported extends Error {
  /** Stable name of the feature, e.g. `program type kprobe`. */
  readonly feature: string;
  readonly section: string | null;

  constructor(feature: string, section: string | null, message: string) {
    super(`${section === null ? '' : `section '${section}': `}${message} (not implemented yet: ${feature})`);
    this.name = 'ObjectUnsupported';
    this.feature = feature;
    this.section = section;
  }
}
