/** Bounds of what the object reader takes. */

/** Bytes of one object file. */
export const MAX_OBJECT_BYTES = 4 * 1024 * 1024;

/** Sections in one object. */
export const MAX_SECTIONS = 8192;

/** Symbols in one object. */
export const MAX_SYMBOLS = 131_072;

/** Relocations in one object, all sections together. */
export const MAX_RELOCATIONS = 262_144;

/** Functions in one object, programs and subprograms together. */
export const MAX_FUNCTIONS = 16_384;

/** 8-byte slots of all linked programs together; Linux takes as many for one program (BPF_COMPLEXITY_LIMIT_INSNS). */
export const MAX_LINKED_SLOTS = 1_000_000;

/** Bytes of all global data (.data, .rodata, .bss) together: a .bss takes none in the file. */
export const MAX_GLOBAL_DATA_BYTES = 8 * 1024 * 1024;

/** Bytes of one map's key or value as the object defines them; Linux has no single bound (a value of a hash: about 4 MiB). */
export const MAX_MAP_VALUE = 4 * 1024 * 1024;

/** Bytes of the licence text that count (libbpf keeps 63 and a zero). */
export const MAX_LICENSE_BYTES = 63;
