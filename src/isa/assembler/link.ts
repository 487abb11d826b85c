import type { Instruction } from '../instruction.ts';
import { CALL_SOURCE, LOAD_SOURCE } from '../opcodes.ts';
import type { Draft, NameReference } from './draft.ts';

/** Numbers of the names that a program may use beside its own labels; undefined for an unknown name. */
export interface AssemblyNames {
  helper(name: string): number | undefined;
  /** Index of a map in the program's maps. */
  map(name: string): number | undefined;
}

/** What a reference needs to know: the labels and the names from outside. */
export interface Scope {
  readonly labels: ReadonlyMap<string, number>;
  readonly names: AssemblyNames;
}

/** A linked instruction, and the label that it uses as a function. */
export interface Linked {
  readonly instruction: Instruction;
  readonly calls: string | undefined;
}

/**
 * Replaces an instruction's name by its number.
 *
 * @throws AssemblyError for an unknown name, and for a label that is too far away
 */
export function link({ reference, ...fields }: Draft, pc: number, scope: Scope): Linked {
  const instruction: Instruction = { pc, ...fields };
  if (reference === undefined) return { instruction, calls: undefined };
  switch (reference.use) {
    case 'offset': {
      const offset = expectDistance(reference, pc, scope);
      if (offset < -0x8000 || offset > 0x7fff) {
        throw reference.error(
          `the label '${reference.name}' is ${offset} slots away, too far for a 16-bit offset; gotol reaches it`,
        );
      }
      return { instruction: { ...instruction, offset }, calls: undefined };
    }
    case 'imm':
      return { instruction: { ...instruction, imm: expectDistance(reference, pc, scope) }, calls: undefined };
    case 'function':
      return {
        instruction: { ...instruction, imm: expectDistance(reference, pc, scope) },
        calls: reference.name,
      };
    case 'call':
      return linkCall(instruction, reference, scope);
    case 'helper': {
      const imm = helperOf(reference.name, scope.names);
      if (imm !== undefined && imm !== instruction.imm) {
        throw reference.error(`the helper '${reference.name}' is number ${imm}, not ${instruction.imm}`);
      }
      return { instruction, calls: undefined };
    }
    case 'load':
    case 'value':
      return linkLoad(instruction, reference, scope);
  }
}

/** From the next slot to the label, in slots. */
function distance(name: string, pc: number, { labels }: Scope): number | undefined {
  const target = labels.get(name);
  return target === undefined ? undefined : target - pc - 1;
}

function expectDistance(reference: NameReference, pc: number, scope: Scope): number {
  const slots = distance(reference.name, pc, scope);
  if (slots === undefined) throw reference.error(`unknown label '${reference.name}'`);
  return slots;
}

/** A function of the program comes before a helper of the same name. */
function linkCall(instruction: Instruction, reference: NameReference, scope: Scope): Linked {
  const slots = distance(reference.name, instruction.pc, scope);
  if (slots !== undefined) {
    return { instruction: { ...instruction, src: CALL_SOURCE.FUNCTION, imm: slots }, calls: reference.name };
  }
  const imm = helperOf(reference.name, scope.names);
  if (imm === undefined) throw reference.error(`unknown function or helper '${reference.name}'`);
  return { instruction: { ...instruction, imm }, calls: undefined };
}

const HELPER_PREFIX = 'bpf_';

/** A helper's number by its name with or without `bpf_`, whichever `names` knows. */
function helperOf(name: string, names: AssemblyNames): number | undefined {
  const other = name.startsWith(HELPER_PREFIX) ? name.slice(HELPER_PREFIX.length) : `${HELPER_PREFIX}${name}`;
  return names.helper(name) ?? names.helper(other);
}

/** A map comes before a function of the program of the same name. */
function linkLoad(instruction: Instruction, reference: NameReference, scope: Scope): Linked {
  const map = scope.names.map(reference.name);
  if (map !== undefined) return { instruction: { ...instruction, imm: map }, calls: undefined };
  if (reference.use === 'value') throw reference.error(`unknown map '${reference.name}'`);
  const slots = distance(reference.name, instruction.pc, scope);
  if (slots === undefined) throw reference.error(`unknown map or function '${reference.name}'`);
  return { instruction: { ...instruction, src: LOAD_SOURCE.FUNCTION, imm: slots }, calls: reference.name };
}
