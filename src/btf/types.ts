/** BTF types as they are read: inert, references by id (0 is void), names by offset into the string table. */

import type { StringTable } from './strings.ts';

export interface BtfMember {
  readonly nameOffset: number;
  readonly type: number;
  readonly bitOffset: number;
  /** 0: not a bit field. */
  readonly bitSize: number;
}

export interface BtfParameter {
  readonly nameOffset: number;
  readonly type: number;
}

export interface BtfEnumerator {
  readonly nameOffset: number;
  readonly value: bigint;
}

export interface BtfSectionVariable {
  /** Id of a `variable` (or, for an extern function, of a `function`). */
  readonly type: number;
  /** Byte offset in the section; clang leaves 0 and the loader looks at the symbol. */
  readonly offset: number;
  readonly size: number;
}

export type BtfLinkage = 'static' | 'global' | 'extern';

interface Common {
  /** Byte offset of the type in the .BTF section, for messages. */
  readonly at: number;
  readonly nameOffset: number;
}

export type BtfType = Common &
  (
    | { readonly kind: 'int'; readonly size: number; readonly bits: number; readonly encoding: number }
    | { readonly kind: 'float'; readonly size: number }
    | { readonly kind: 'array'; readonly type: number; readonly indexType: number; readonly count: number }
    | { readonly kind: 'struct' | 'union'; readonly size: number; readonly members: readonly BtfMember[] }
    | {
        readonly kind: 'enum' | 'enum64';
        readonly size: number;
        readonly signed: boolean;
        readonly values: readonly BtfEnumerator[];
      }
    | { readonly kind: 'forward'; readonly of: 'struct' | 'union' }
    | {
        readonly kind: 'pointer' | 'typedef' | 'volatile' | 'const' | 'restrict' | 'type_tag';
        readonly type: number;
      }
    | { readonly kind: 'function'; readonly type: number; readonly linkage: BtfLinkage }
    | { readonly kind: 'function_prototype'; readonly type: number; readonly parameters: readonly BtfParameter[] }
    | { readonly kind: 'variable'; readonly type: number; readonly linkage: BtfLinkage }
    | { readonly kind: 'data_section'; readonly size: number; readonly variables: readonly BtfSectionVariable[] }
    /** `component` is the index of a member or parameter, -1 for the type itself. */
    | { readonly kind: 'declaration_tag'; readonly type: number; readonly component: number }
  );

export interface Btf {
  /** By id; index 0 is undefined: void. */
  readonly types: readonly (BtfType | undefined)[];
  readonly strings: StringTable;
}
