import type { AssemblyError } from './error.ts';

/** What a name in an instruction stands for, found when all labels are known. */
export interface NameReference {
  readonly name: string;
  /**
   * `offset`: a label, its distance goes into `offset`; `imm`: the same into `imm`; `call`: a function of the program or a
   * helper; `function`: a function of the program; `helper`: a helper's name beside its number; `load`: a map or a function of
   * the program, in lddw; `value`: a map, whose value lddw takes.
   */
  readonly use: 'offset' | 'imm' | 'call' | 'function' | 'helper' | 'load' | 'value';
  /** Makes the error for this place. */
  readonly error: (message: string) => AssemblyError;
}

/** An instruction whose names are not yet numbers. */
export interface Draft {
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly imm: number;
  readonly nextImm: number | undefined;
  readonly reference: NameReference | undefined;
}

/** A draft of the fields that are not zero. */
export function draft(opcode: number, fields: Partial<Omit<Draft, 'opcode'>> = {}): Draft {
  return { opcode, dst: 0, src: 0, offset: 0, imm: 0, nextImm: undefined, reference: undefined, ...fields };
}
