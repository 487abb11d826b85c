/** A generated program: instructions whose jumps and calls name labels, so that instructions can be dropped without breaking the rest. */

import { decode } from '../../src/isa/decode.ts';
import { disassemble } from '../../src/isa/disassemble.ts';
import { encode } from '../../src/isa/encode.ts';
import type { Instruction } from '../../src/isa/instruction.ts';

export interface GeneratedInstruction {
  readonly kind: 'instruction';
  readonly fields: Omit<Instruction, 'pc'>;
  /** The label whose distance goes into this field. */
  readonly target: { readonly label: number; readonly field: 'offset' | 'imm' } | undefined;
}

export interface GeneratedLabel {
  readonly kind: 'label';
  readonly label: number;
}

export type Item = GeneratedInstruction | GeneratedLabel;

export interface Fields {
  readonly dst?: number;
  readonly src?: number;
  readonly offset?: number;
  readonly imm?: number;
  readonly nextImm?: number;
}

export function instruction(opcode: number, fields: Fields = {}, target?: GeneratedInstruction['target']): Item {
  const { dst = 0, src = 0, offset = 0, imm = 0, nextImm } = fields;
  return { kind: 'instruction', fields: { opcode, dst, src, offset, imm, nextImm }, target };
}

/** The bytes: labels become distances. A label behind the last instruction is a way out of the program. */
export function encodeItems(items: readonly Item[]): Uint8Array {
  const labels = new Map<number, number>();
  let pc = 0;
  for (const item of items) {
    if (item.kind === 'label') labels.set(item.label, pc);
    else pc += item.fields.nextImm === undefined ? 1 : 2;
  }
  pc = 0;
  const instructions: Instruction[] = [];
  for (const item of items) {
    if (item.kind === 'label') continue;
    const { fields, target } = item;
    const distance = target === undefined ? 0 : (labels.get(target.label) ?? pc + 1) - pc - 1;
    instructions.push({ ...fields, pc, ...(target === undefined ? {} : { [target.field]: distance }) });
    pc += fields.nextImm === undefined ? 1 : 2;
  }
  return encode(instructions);
}

const NO_NAMES = { helper: () => undefined, map: () => undefined };

/** Assembly with slot numbers, one instruction a line. */
export function programText(code: Uint8Array): string {
  return decode(code)
    .map((one) => `${String(one.pc).padStart(4)}: ${disassemble(one, NO_NAMES)}`)
    .join('\n');
}
