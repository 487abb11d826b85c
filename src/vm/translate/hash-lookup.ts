/**
 * bpf_map_lookup_elem on a hash whose handle is known and whose key is short: a function of the module for each key size, which follows the
 * layout that maps/hash.ts keeps. It does only what always succeeds. A key that may not be read, or a long way along a bucket's chain, it
 * leaves to the helper outside, which faults, counts the work and looks at the clock.
 */

import { MAP_DESCRIPTOR, PERMISSION, SHADOW_OFFSET } from '../../contract/memory.ts';
import type { Instruction } from '../../isa/instruction.ts';
import { LOAD_SOURCE, OPCODE } from '../../isa/opcodes.ts';
import { Code } from '../../wasm/code.ts';
import type { FunctionType, ModuleBuilder } from '../../wasm/module.ts';
import { FNV_OFFSET, FNV_PRIME, HASH_ELEMENT, hashValueOffset } from '../maps/hash-layout.ts';
import type { MapShape } from './context.ts';

/** (map descriptor, key) -> address of the value, 0: no such element, ASK_OUTSIDE: call the helper. */
const HASH_LOOKUP_TYPE: FunctionType = { parameters: ['i32', 'i64'], results: ['i64'] };
export const ASK_OUTSIDE = -1;

const MAP = 0;
const KEY = 1;
/** Longer keys are left to the helper: so is the time that one instruction may take bounded. */
const MAX_KEY_BYTES = 32;
/** Elements of a bucket that are looked at here. */
const MAX_PROBES = 8;
const MIX_SHIFT = 15;

interface Chunk {
  readonly offset: number;
  readonly load: 'i64_load' | 'i64_load32_u' | 'i64_load16_u' | 'i64_load8_u';
  /** PERMISSION.READ for each of its bytes. */
  readonly readable: bigint;
}

/** The key in pieces that one load takes. */
function chunksOf(bytes: number): Chunk[] {
  const sizes = [
    [8, 'i64_load', 0x0101_0101_0101_0101n],
    [4, 'i64_load32_u', 0x0101_0101n],
    [2, 'i64_load16_u', 0x0101n],
    [1, 'i64_load8_u', 0x01n],
  ] as const;
  const chunks: Chunk[] = [];
  let offset = 0;
  for (const [size, load, each] of sizes) {
    for (; bytes - offset >= size; offset += size)
      chunks.push({ offset, load, readable: each * BigInt(PERMISSION.READ) });
  }
  return chunks;
}

/** Adds the functions that the program can use: their indexes by key size. */
export function addHashLookups(
  module: ModuleBuilder,
  instructions: readonly Instruction[],
  maps: readonly MapShape[],
): Map<number, number> {
  const indexes = new Map<number, number>();
  for (const { opcode, src, imm } of instructions) {
    const map = opcode === OPCODE.LOAD_IMM64 && src === LOAD_SOURCE.MAP ? maps[imm] : undefined;
    if (map?.type !== 'hash' || map.keySize > MAX_KEY_BYTES || indexes.has(map.keySize)) continue;
    indexes.set(map.keySize, module.addFunction(HASH_LOOKUP_TYPE, hashLookup(map.keySize)));
  }
  return indexes;
}

function hashLookup(keySize: number): Code {
  const code = new Code(HASH_LOOKUP_TYPE.parameters.length);
  const key = code.local('i32');
  const hash = code.local('i32');
  const link = code.local('i32');
  const element = code.local('i32');
  const probes = code.local('i32');
  const chunks = chunksOf(keySize);
  const field = (offset: number) => code.get(MAP).memory('i32_load', offset);
  const askOutside = () => code.if().i64(ASK_OUTSIDE).op('return', 'end');

  code
    .get(KEY)
    .i64(SHADOW_OFFSET - MAX_KEY_BYTES)
    .op('i64_ge_u');
  askOutside();
  code.get(KEY).op('i32_wrap_i64').set(key);
  for (const { offset, load, readable } of chunks) {
    code
      .get(key)
      .memory(load, SHADOW_OFFSET + offset)
      .i64(readable)
      .op('i64_and')
      .i64(readable)
      .op('i64_ne');
    askOutside();
  }
  code.i32(FNV_OFFSET | 0).set(hash);
  for (let offset = 0; offset < keySize; offset++) {
    code.get(hash).get(key).memory('i32_load8_u', offset).op('i32_xor').i32(FNV_PRIME).op('i32_mul').set(hash);
  }
  field(MAP_DESCRIPTOR.BUCKETS);
  code.get(hash).get(hash).i32(MIX_SHIFT).op('i32_shr_u', 'i32_xor');
  field(MAP_DESCRIPTOR.BUCKET_MASK);
  code.op('i32_and').i32(2).op('i32_shl', 'i32_add').set(link);

  code.loop();
  code.get(link).memory('i32_load').tee(element).op('i32_eqz').if().i64(0).op('return', 'end');
  field(MAP_DESCRIPTOR.DATA);
  code.get(element).i32(1).op('i32_sub');
  field(MAP_DESCRIPTOR.STRIDE);
  code.op('i32_mul', 'i32_add').set(element);
  code.block();
  for (const { offset, load } of chunks) {
    code
      .get(element)
      .memory(load, HASH_ELEMENT.KEY + offset)
      .get(key)
      .memory(load, offset)
      .op('i64_ne')
      .brIf(0);
  }
  code.get(element).i32(hashValueOffset(keySize)).op('i32_add', 'i64_extend_i32_u', 'return', 'end');
  code.get(element).i32(HASH_ELEMENT.NEXT).op('i32_add').set(link);
  code.get(probes).i32(1).op('i32_add').tee(probes).i32(MAX_PROBES).op('i32_lt_u').brIf(0).op('end');
  code.i64(ASK_OUTSIDE);
  return code;
}
