/** One loadable program from its function and the subprograms that it reaches (libbpf bpf_object__reloc_code, __relocate_data). */

import { SLOT_BYTES } from '../isa/instruction.ts';
import { CALL_SOURCE, LOAD_SOURCE, OPCODE } from '../isa/opcodes.ts';
import { ElfError, ObjectRefusal, ObjectUnsupported } from './error.ts';
import { type ElfRelocation, FIRST_RESERVED_SECTION, SYMBOL_BINDING, SYMBOL_TYPE, UNDEFINED_SECTION } from './file.ts';
import type { ElfFunction, ElfFunctions } from './functions.ts';
import type { ObjectMaps } from './maps.ts';

/** A function at its place in the linked program. */
export interface PlacedFunction {
  readonly function: ElfFunction;
  /** First slot. */
  readonly pc: number;
}

export interface LinkedProgram {
  readonly code: Uint8Array;
  /** In the order of their places; the program's own function is the first. */
  readonly placed: readonly PlacedFunction[];
}

/** Sources of an `lddw` that name something of the loading process: only a relocation may bring them. */
const PROCESS_SOURCES: readonly number[] = [
  LOAD_SOURCE.MAP,
  LOAD_SOURCE.MAP_VALUE,
  LOAD_SOURCE.MAP_INDEX,
  LOAD_SOURCE.MAP_VALUE_INDEX,
];

/**
 * Links one program. A subprogram is appended when the first call to it is met, and is worked off before the walk goes on behind
 * that call; so each program has its own copy of just what it reaches, in libbpf's order.
 *
 * @param takeSlots called with the slots of each function before it is placed; it throws when the object has too many.
 * @throws ObjectRefusal, ObjectUnsupported, ElfError, each naming section, function and instruction.
 */
export function linkProgram(
  program: ElfFunction,
  functions: ElfFunctions,
  maps: ObjectMaps,
  takeSlots: (slots: number, of: ElfFunction) => void,
): LinkedProgram {
  const placed: PlacedFunction[] = [];
  const places = new Map<ElfFunction, number>();
  const calls: { readonly from: number; readonly target: ElfFunction }[] = [];
  let slots = 0;
  const place = (added: ElfFunction): { of: ElfFunction; pc: number; next: number } => {
    takeSlots(added.slots, added);
    const pc = slots;
    places.set(added, pc);
    placed.push({ function: added, pc });
    slots += added.slots;
    return { of: added, pc, next: 0 };
  };

  // An explicit stack: a chain of calls may be longer than our own may nest.
  const stack = [place(program)];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    if (frame.next === frame.of.slots) {
      stack.pop();
      continue;
    }
    const slot = frame.next++;
    if (!isSubprogramCall(frame.of, slot)) continue;
    const target = callTarget(frame.of, slot, functions);
    calls.push({ from: frame.pc + slot, target });
    // The program's own place, 0, is never a target: it lies in .text only when it is alone there.
    if (!places.has(target)) stack.push(place(target));
  }

  const code = new Uint8Array(slots * SLOT_BYTES);
  const view = new DataView(code.buffer);
  for (const { function: of, pc } of placed) code.set(of.code, pc * SLOT_BYTES);
  for (const { from, target } of calls) view.setInt32(from * SLOT_BYTES + 4, places.get(target)! - from - 1, true);
  for (const { function: of, pc } of placed)
    relocateLoads(of, new DataView(code.buffer, pc * SLOT_BYTES), functions, maps);
  return { code, placed };
}

function isSubprogramCall({ code }: ElfFunction, slot: number): boolean {
  const at = slot * SLOT_BYTES;
  // Source register 1 (BPF_PSEUDO_CALL), destination 0, offset 0: what else there is, the verifier judges.
  return (
    code[at] === OPCODE.CALL && code[at + 1] === CALL_SOURCE.FUNCTION << 4 && code[at + 2] === 0 && code[at + 3] === 0
  );
}

function callTarget(caller: ElfFunction, slot: number, functions: ElfFunctions): ElfFunction {
  const imm = new DataView(caller.code.buffer, caller.code.byteOffset).getInt32(slot * SLOT_BYTES + 4, true);
  const relocation = caller.relocations.get(slot);
  const where = describe(caller, slot);
  let start = caller.start + slot + imm + 1;
  if (relocation !== undefined) {
    checkCall(relocation, caller, slot, functions);
    // Against the section: imm is the target relative to the section's start - 1; against a function: imm is -1.
    start = relocation.symbol.value / SLOT_BYTES + imm + 1;
  } else if (caller.section !== functions.textSection) {
    throw new ObjectRefusal(
      'LIBBPF_ERRNO__RELOC',
      caller.section.name,
      `${where}: no .text section found yet sub-program call exists`,
    );
  }
  const target = functions.subprograms.get(start);
  if (target === undefined) {
    const message = `${where}: calls slot ${start} of .text, where no function begins`;
    throw new ObjectRefusal('LIBBPF_ERRNO__RELOC', caller.section.name, message);
  }
  return target;
}

function checkCall({ symbol }: ElfRelocation, caller: ElfFunction, slot: number, functions: ElfFunctions): void {
  const inText = functions.textSection !== undefined && symbol.section === functions.textSection.index;
  if (inText && symbol.value % SLOT_BYTES === 0) return;
  const message = `${describe(caller, slot)}: bad call relo against '${symbol.name}' at offset ${symbol.value}`;
  throw new ObjectRefusal('LIBBPF_ERRNO__RELOC', caller.section.name, message);
}

/** Fills in maps and global data, and refuses every relocation that is neither that nor a call. */
function relocateLoads(of: ElfFunction, view: DataView, functions: ElfFunctions, maps: ObjectMaps): void {
  for (let slot = 0; slot < of.slots; slot++) {
    const at = slot * SLOT_BYTES;
    const opcode = view.getUint8(at);
    const relocation = of.relocations.get(slot);
    if (opcode === OPCODE.LOAD_IMM64 && slot + 1 < of.slots) {
      if (relocation === undefined) refuseProcessSource(of, slot, view.getUint8(at + 1) >>> 4);
      else relocateLoad(of, slot, relocation, view, functions, maps);
      slot++;
      refuseRelocation(of, slot);
    } else if (relocation !== undefined && !isSubprogramCall(of, slot)) {
      const reason =
        opcode === OPCODE.CALL ? 'incorrect bpf_call opcode' : `invalid relo for opcode 0x${opcode.toString(16)}`;
      const message = `${describe(of, slot)}: ${reason} against '${relocation.symbol.name}'`;
      throw new ObjectRefusal('LIBBPF_ERRNO__RELOC', of.section.name, message);
    }
  }
}

/** The second slot of an `lddw` is no instruction. */
function refuseRelocation(of: ElfFunction, slot: number): void {
  if (!of.relocations.has(slot)) return;
  throw new ObjectRefusal(
    'LIBBPF_ERRNO__RELOC',
    of.section.name,
    `${describe(of, slot)}: a relocation of half an lddw`,
  );
}

function refuseProcessSource(of: ElfFunction, slot: number, source: number): void {
  if (PROCESS_SOURCES.includes(source)) {
    const message = `${describe(of, slot)}: lddw names a map by file descriptor, without a relocation`;
    throw new ObjectRefusal('EBADF', of.section.name, message);
  }
  if (source === LOAD_SOURCE.FUNCTION) {
    const message = `${describe(of, slot)}: missing subprog addr relo`;
    throw new ObjectRefusal('LIBBPF_ERRNO__RELOC', of.section.name, message);
  }
}

/**
 *              byte 1      4          12
 *   lddw  map: src = 1 | imm = index of the map
 *        data: src = 2 | imm = index of the map | next imm = offset of the symbol + addend (which clang left in imm)
 */
function relocateLoad(
  of: ElfFunction,
  slot: number,
  { symbol }: ElfRelocation,
  view: DataView,
  functions: ElfFunctions,
  maps: ObjectMaps,
): void {
  const at = slot * SLOT_BYTES;
  const where = `${describe(of, slot)}: '${symbol.name || `section ${symbol.section}`}'`;
  if (symbol.section === UNDEFINED_SECTION || symbol.section >= FIRST_RESERVED_SECTION) {
    const message = `${where} lies in special section 0x${symbol.section.toString(16)}`;
    throw new ObjectRefusal('LIBBPF_ERRNO__RELOC', of.section.name, message);
  }
  const setSource = (source: number): void => view.setUint8(at + 1, (view.getUint8(at + 1) & 0x0f) | (source << 4));
  const data = maps.byDataSection.get(symbol.section);
  if (data !== undefined) {
    setSource(LOAD_SOURCE.MAP_VALUE);
    view.setInt32(at + 12, view.getInt32(at + 4, true) + symbol.value, true);
    view.setInt32(at + 4, data, true);
    return;
  }
  if (symbol.section === maps.section?.index) {
    const map = maps.byOffset.get(symbol.value);
    if (map === undefined) {
      const message = `${where}: no map begins at offset ${symbol.value} of .maps`;
      throw new ObjectRefusal('LIBBPF_ERRNO__RELOC', of.section.name, message);
    }
    setSource(LOAD_SOURCE.MAP);
    view.setInt32(at + 4, map, true);
    return;
  }
  const isLocalSection = symbol.binding === SYMBOL_BINDING.LOCAL && symbol.type === SYMBOL_TYPE.SECTION;
  if (symbol.section === functions.textSection?.index && (isLocalSection || symbol.type === SYMBOL_TYPE.FUNCTION)) {
    throw new ObjectUnsupported('callback functions', of.section.name, `${where}: the address of a function is taken`);
  }
  throw new ObjectRefusal('LIBBPF_ERRNO__RELOC', of.section.name, `${where}: bad map relo`);
}

function describe(of: ElfFunction, slot: number): string {
  return `function '${of.name}', instruction ${slot}`;
}

/** Counts linked slots of a whole object against a bound. */
export function slotBudget(limit: number, name: string): (slots: number, of: ElfFunction) => void {
  let taken = 0;
  return (slots, of) => {
    taken += slots;
    if (taken > limit) {
      throw new ElfError(of.section.name, null, `the linked programs have more than ${limit} slots together`, name);
    }
  };
}
