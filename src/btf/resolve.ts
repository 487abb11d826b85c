/** Questions to the graph of types; each walk is bounded by MAX_RESOLVE_DEPTH, so a cycle is an error and not a hang. */

import { BtfError } from './error.ts';
import { MAX_RESOLVE_DEPTH } from './limits.ts';
import type { Btf, BtfType } from './types.ts';

/** Bytes of a pointer on the BPF machine. */
const POINTER_BYTES = 8;
/** A size that does not fit 32 bits has no use in a map (libbpf btf__resolve_size refuses it as well). */
const MAX_TYPE_BYTES = 0xffff_ffff;

/** Skips const, volatile, restrict, typedef and type tags. undefined: void. @throws BtfError where they form a cycle. */
export function skipModifiers(btf: Btf, id: number): BtfType | undefined {
  let type = btf.types[id];
  for (let depth = 0; depth < MAX_RESOLVE_DEPTH; depth++) {
    switch (type?.kind) {
      case 'typedef':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        type = btf.types[type.type];
        break;
      default:
        return type;
    }
  }
  throw new BtfError('.BTF', type?.at ?? 0, `more than ${MAX_RESOLVE_DEPTH} modifiers in a row`, 'MAX_RESOLVE_DEPTH');
}

/** Size in bytes of a type; undefined where it has none (void, function, forward declaration). @throws BtfError for a cycle. */
export function sizeOfType(btf: Btf, id: number): number | undefined {
  let count = 1;
  let type = btf.types[id];
  for (let depth = 0; depth < MAX_RESOLVE_DEPTH; depth++) {
    switch (type?.kind) {
      case 'int':
      case 'float':
      case 'struct':
      case 'union':
      case 'enum':
      case 'enum64':
      case 'data_section':
        return checkedSize(type, count * type.size);
      case 'pointer':
        return checkedSize(type, count * POINTER_BYTES);
      case 'array':
        count = checkedSize(type, count * type.count);
        type = btf.types[type.type];
        break;
      case 'typedef':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
      case 'variable':
        type = btf.types[type.type];
        break;
      default:
        return undefined;
    }
  }
  throw new BtfError('.BTF', type?.at ?? 0, `more than ${MAX_RESOLVE_DEPTH} steps to a size`, 'MAX_RESOLVE_DEPTH');
}

function checkedSize(type: BtfType, size: number): number {
  if (size > MAX_TYPE_BYTES) throw new BtfError('.BTF', type.at, 'a type larger than 4 GiB');
  return size;
}
