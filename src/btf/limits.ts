/** Bounds of what the BTF readers take. */

/** Types in one .BTF section (Linux: BTF_MAX_TYPE, 0xfffff; a program's own BTF is far below). */
export const MAX_BTF_TYPES = 65_536;

/** Bytes of one string, without its terminating zero: a source line longer than this is refused. */
export const MAX_STRING_BYTES = 16_384;

/** Bytes that all distinct strings read from one table may have together, so that overlapping strings cannot multiply. */
export const MAX_STRING_TABLE_READ_BYTES = 16 * 1024 * 1024;

/** Steps from one type to the next when modifiers are skipped or a size is computed (libbpf MAX_RESOLVE_DEPTH). */
export const MAX_RESOLVE_DEPTH = 32;

/** Variables in `.maps`. */
export const MAX_MAP_DEFINITIONS = 1024;

/** Members of one map definition (libbpf knows a dozen). */
export const MAX_MAP_MEMBERS = 64;
