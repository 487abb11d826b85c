/** Opcodes, and lddw with what it refers to (kernel: resolve_pseudo_ldimm64). */

import { LOAD_SOURCE, OPCODES } from '../isa/opcodes.ts';
import type { MapSpec } from '../spec/object.ts';
import { type Refusal, unsupported } from './rules.ts';
import { checkSleepableMap } from './sleepable.ts';
import { CLASS, classOf, isLoadImm64, MAY_GOTO, NARROW_ATOMICS, type Slot } from './slots.ts';

/** MAX_USED_MAPS. */
export const MAX_MAPS_PER_PROGRAM = 64;
/** BPF_MAX_VAR_OFF. */
const MAX_VALUE_OFFSET = 1 << 29;

/** Forms of lddw that Waggle does not have yet. */
const MISSING_SOURCES: Readonly<Record<number, string>> = {
  [LOAD_SOURCE.VARIABLE]: 'lddw of a kernel variable (BPF_PSEUDO_BTF_ID)',
  [LOAD_SOURCE.FUNCTION]: "lddw of a function's address (BPF_PSEUDO_FUNC)",
  [LOAD_SOURCE.MAP_INDEX]: 'lddw of a map by index (BPF_PSEUDO_MAP_IDX)',
  [LOAD_SOURCE.MAP_VALUE_INDEX]: 'lddw of a map value by index (BPF_PSEUDO_MAP_IDX_VALUE)',
};

/**
 * Goes over all slots in order: every opcode exists, lddw is whole, its map is there and has what is referred to.
 * @param sleepable may the program sleep? Then not every map is for it
 */
export function checkEncoding(slots: readonly Slot[], maps: readonly MapSpec[], sleepable: boolean): Refusal | null {
  const used = new Set<number>();
  for (let pc = 0; pc < slots.length; pc++) {
    const slot = slots[pc]!;
    if (classOf(slot) === CLASS.LDX && (!isPlainLoad(slot) || slot.imm !== 0)) {
      return { rule: 'reserved_fields', pc, message: 'BPF_LDX uses reserved fields' };
    }
    if (isLoadImm64(slot)) {
      const refusal = checkLoadImm64(slot, slots[pc + 1], pc, maps, used, sleepable);
      if (refusal !== null) return refusal;
      pc++;
    } else if (!isKnownOpcode(slot.opcode)) {
      return { rule: 'opcode', pc, message: `unknown opcode ${hexByte(slot.opcode)}` };
    }
  }
  return null;
}

/** BPF_MEM or BPF_MEMSX: any other mode counts as a reserved field, not as an unknown opcode. */
function isPlainLoad(slot: Slot): boolean {
  const mode = slot.opcode & 0xe0;
  return mode === 0x60 || mode === 0x80;
}

function isKnownOpcode(opcode: number): boolean {
  return OPCODES[opcode] !== undefined || opcode === MAY_GOTO || NARROW_ATOMICS.includes(opcode);
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function checkLoadImm64(
  slot: Slot,
  next: Slot | undefined,
  pc: number,
  maps: readonly MapSpec[],
  used: Set<number>,
  sleepable: boolean,
): Refusal | null {
  const whole = next !== undefined && next.opcode === 0 && next.dst === 0 && next.src === 0 && next.offset === 0;
  if (!whole) return { rule: 'load_imm64', pc, message: 'invalid bpf_ld_imm64 insn' };
  if (slot.src === LOAD_SOURCE.IMMEDIATE) return null;
  const missing = MISSING_SOURCES[slot.src];
  if (missing !== undefined) return unsupported(pc, missing);
  const toMap = slot.src === LOAD_SOURCE.MAP && next.imm === 0;
  if (!toMap && slot.src !== LOAD_SOURCE.MAP_VALUE) {
    return { rule: 'load_imm64', pc, message: 'unrecognized bpf_ld_imm64 insn' };
  }
  const map = maps[slot.imm];
  if (map === undefined) {
    return { rule: 'map_reference', pc, message: `fd ${slot.imm} is not pointing to valid bpf_map` };
  }
  const incompatible = sleepable ? checkSleepableMap(map, pc) : null;
  if (incompatible !== null) return incompatible;
  used.add(slot.imm);
  if (used.size > MAX_MAPS_PER_PROGRAM) {
    return {
      rule: 'map_count',
      pc,
      message: `The total number of maps per program has reached the limit of ${MAX_MAPS_PER_PROGRAM}`,
    };
  }
  return slot.src === LOAD_SOURCE.MAP_VALUE ? checkValueAddress(map, next.imm >>> 0, pc) : null;
}

/** Only a map of one flat element has an address at load time (map_direct_value_addr). */
function checkValueAddress(map: MapSpec, offset: number, pc: number): Refusal | null {
  const refuse = (message: string): Refusal => ({ rule: 'map_value_address', pc, message });
  if (offset >= MAX_VALUE_OFFSET) return refuse(`direct value offset of ${offset} is not allowed`);
  if (map.type !== 'array') return refuse('no direct value access support for this map type');
  const outside = `invalid access to map value pointer, value_size=${map.valueSize} off=${offset}`;
  if (map.maxEntries !== 1) return { rule: 'map_value_entries', pc, message: outside };
  return offset >= map.valueSize ? refuse(outside) : null;
}
