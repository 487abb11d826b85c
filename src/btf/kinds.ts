/** The kinds of BTF types (uapi/linux/btf.h), one row each: how many bytes follow the 12 bytes that every type begins with. */

interface KindRow {
  /** BTF_KIND_*. */
  readonly number: number;
  /** Bytes after the common part, once per type. */
  readonly fixedBytes: number;
  /** Bytes after the common part, once for each of the type's `vlen` elements. */
  readonly elementBytes: number;
  /** Is the third word of the common part the id of another type? Else it is a size in bytes or unused. */
  readonly refersToType: boolean;
}

export const BTF_KINDS = {
  int: { number: 1, fixedBytes: 4, elementBytes: 0, refersToType: false },
  pointer: { number: 2, fixedBytes: 0, elementBytes: 0, refersToType: true },
  array: { number: 3, fixedBytes: 12, elementBytes: 0, refersToType: false },
  struct: { number: 4, fixedBytes: 0, elementBytes: 12, refersToType: false },
  union: { number: 5, fixedBytes: 0, elementBytes: 12, refersToType: false },
  enum: { number: 6, fixedBytes: 0, elementBytes: 8, refersToType: false },
  forward: { number: 7, fixedBytes: 0, elementBytes: 0, refersToType: false },
  typedef: { number: 8, fixedBytes: 0, elementBytes: 0, refersToType: true },
  volatile: { number: 9, fixedBytes: 0, elementBytes: 0, refersToType: true },
  const: { number: 10, fixedBytes: 0, elementBytes: 0, refersToType: true },
  restrict: { number: 11, fixedBytes: 0, elementBytes: 0, refersToType: true },
  // vlen of a function is its linkage, not a count.
  function: { number: 12, fixedBytes: 0, elementBytes: 0, refersToType: true },
  function_prototype: { number: 13, fixedBytes: 0, elementBytes: 8, refersToType: true },
  variable: { number: 14, fixedBytes: 4, elementBytes: 0, refersToType: true },
  data_section: { number: 15, fixedBytes: 0, elementBytes: 12, refersToType: false },
  float: { number: 16, fixedBytes: 0, elementBytes: 0, refersToType: false },
  declaration_tag: { number: 17, fixedBytes: 4, elementBytes: 0, refersToType: true },
  type_tag: { number: 18, fixedBytes: 0, elementBytes: 0, refersToType: true },
  enum64: { number: 19, fixedBytes: 0, elementBytes: 12, refersToType: false },
} as const satisfies Record<string, KindRow>;

export type BtfKind = keyof typeof BTF_KINDS;

const KIND_NAMES = Object.keys(BTF_KINDS) as BtfKind[];

/** Kinds by number; undefined for 0 (void is no type of its own) and for numbers that nothing defines. */
export const BTF_KIND_BY_NUMBER: readonly (BtfKind | undefined)[] = Array.from({ length: 32 }, (_, number) =>
  KIND_NAMES.find((kind) => BTF_KINDS[kind].number === number),
);
